"""Does nothing useful, once every ten seconds, until it is told to stop."""

import itertools
import signal
import threading

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())

for n in itertools.count(1):
    print(f"job {n} done", flush=True)
    if stop.wait(10):
        print("SIGTERM: no more jobs", flush=True)
        break

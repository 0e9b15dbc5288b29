"""What the live tests deploy to see every error code: it breaks the rules of the platform, as its path says. BIND says how
it listens: "never", or "deaf" (it accepts nothing), else as it should, until /close."""
import os, signal, socket, sys, threading, time

LONG = "x" * (9 << 10)
REPLIES = {
    "/nonsense": "HELLO\r\n\r\n",
    "/status": "HTTP/1.1 200 %s\r\nContent-Length: 0\r\n\r\n" % LONG,
    "/cookie": "HTTP/1.1 200 OK\r\nSet-Cookie: a=%s\r\nContent-Length: 0\r\n\r\n" % LONG,
    "/header": "HTTP/1.1 200 OK\r\nX: %s\r\nContent-Length: 0\r\n\r\n" % ("x" * (600 << 10)),
    "/length": "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    "/hangup": "",
    "/cut": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.",
    "/stall": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.",
    "/silent": "",
    "/close": "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbye",
}


def serve(conn, listener):
    head = b""
    while b"\r\n\r\n" not in head:
        got = conn.recv(65536)
        if not got:
            return conn.close()
        head += got
    target = head.split(b" ")[1].decode()
    os.write(1, b"asked for %s\n" % target.encode())  # in one piece: print would mix the lines of threads
    path = target.split("?")[0]
    if path == "/close":
        listener.shutdown(socket.SHUT_RDWR)
    if path == "/crash":
        os._exit(7)
    if path == "/flood":
        for i in range(20000):
            os.write(1, b"long line %d of a flood %s\n" % (i, b"x" * 1000))
            if i % 50 == 0:
                time.sleep(0.01)
        for i in range(400000):
            os.write(1, b"line %d of a flood\n" % i)
    if path == "/read":
        while conn.recv(65536):
            pass
    conn.sendall(REPLIES.get(path, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwell").encode())
    if path in ("/stall", "/silent"):
        time.sleep(600)
    conn.close()


if sys.argv[1:] == ["stubborn"]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf to SIGTERM")
    while True:
        time.sleep(600)

bind = os.environ.get("BIND")
if bind == "never":
    time.sleep(600)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", int(os.environ["PORT"])))
listener.listen(0 if bind == "deaf" else 128)
while True:
    if bind == "deaf":
        time.sleep(600)
    try:
        conn = listener.accept()[0]
    except OSError:
        time.sleep(600)
    threading.Thread(target=serve, args=(conn, listener), daemon=True).start()

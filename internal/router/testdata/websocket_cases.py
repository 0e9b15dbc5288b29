# Runs the cases of the Autobahn test suite against two servers, and prints a line for each: agent, case, verdict, verdict on the end.
# It is for Jython: the suite is of Python 2. Its own reports are not made, which Jython cannot write.
import sys
from autobahntestsuite import fuzzing, wstest

direct, through = sys.argv[1:]


def report(self, *_):
    for agent, cases in self.agents.items():
        for case, result in cases.items():
            print "VERDICT", agent, case, result["behavior"].replace(" ", "-"), result["behaviorClose"].replace(" ", "-")
    sys.stdout.flush()


fuzzing.FuzzingFactory.createReports = report
wstest.start({"mode": "fuzzingclient", "debug": False}, {
    "options": {"failByDrop": False}, "outdir": "/nonexistent", "exclude-agent-cases": {},
    "servers": [{"agent": "direct", "url": direct}, {"agent": "through", "url": through}],
    # 9 measures, with up to 16 MB; 12 and 13 are of compression, a thousand messages each, which is in the bytes that are carried
    "cases": ["*"], "exclude-cases": ["9.*", "12.*", "13.*"],
})

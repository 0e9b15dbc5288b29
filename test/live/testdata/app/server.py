"""What the live tests deploy: it says who it is, and tells what it sees of the network. It does not handle SIGTERM,
so every request that is still on its way when it is stopped is lost: the platform has to see to it that there is none."""
import http.client, json, os, random, socket, threading, time, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse


def connect(target):
    host, port = target.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), timeout=2):
            return "connected"
    except OSError as e:
        return type(e).__name__


class Talk(threading.Thread):
    """Asks names in turn until it is told to stop. Each request is a connection of its own, to one address of the name:
    if that does not answer there is no second try. Answers about names are used for a second, as long as they hold."""

    def __init__(self, names):
        super().__init__(daemon=True)
        self.names, self.going = names, True
        self.sent, self.answers, self.errors, self.known = {n: 0 for n in names}, {}, [], {}

    def told(self):
        return json.dumps({"sent": self.sent, "answers": dict(self.answers), "errors": self.errors})

    def run(self):
        while self.going:
            for name in self.names:
                self.sent[name] += 1
                try:
                    self.ask(name)
                except Exception as e:
                    self.errors.append("%s: %r" % (name, e))
                time.sleep(0.005)

    def resolve(self, name):
        host, port = name.rsplit(":", 1)
        until, addresses = self.known.get(name, (0, []))
        if time.monotonic() >= until:
            asked = time.monotonic()
            addresses = sorted({a[4][0] for a in socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)})
            self.known[name] = (asked + 1, addresses)
        return random.choice(addresses), int(port)

    def ask(self, name):
        c = http.client.HTTPConnection(*self.resolve(name), timeout=5)
        try:
            c.request("GET", "/")
            answer = c.getresponse().read().decode()
        finally:
            c.close()
        self.answers[answer] = self.answers.get(answer, 0) + 1


talk = None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        global talk
        url = urlparse(self.path)
        q = {k: v[0] for k, v in parse_qs(url.query).items()}
        if url.path == "/fetch":
            try:
                with urllib.request.urlopen(q["url"], timeout=5) as r:
                    out = r.read().decode()
            except OSError as e:
                out = "error: " + str(e)
        elif url.path == "/talk":
            talk = Talk(q["to"].split(","))
            talk.start()
            out = "talking"
        elif url.path == "/heard":
            out = talk.told()
        elif url.path == "/quiet":
            talk.going = False
            talk.join()
            out = talk.told()
        elif url.path == "/read":
            with open(q["path"]) as f:
                out = f.read()
        elif url.path == "/env":
            out = os.environ.get(q["name"], "")
        elif url.path == "/connect":
            out = connect(q["to"])
        elif url.path == "/slow":
            time.sleep(float(q["seconds"]))
            out = "slept"
        elif url.path == "/headers":
            out = json.dumps(dict(self.headers))
        else:
            out = " ".join(os.environ.get(k, "") for k in ("HEROKU_APP_NAME", "HEROKU_RELEASE_VERSION", "DYNO"))
        body = out.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def beacon(host, port):
    """Sends to the outside from the first moment on, by TCP and UDP, for whoever watches the wire."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while True:
        try:
            udp.sendto(b"beacon", (host, port))
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            pass
        time.sleep(0.05)


if "BEACON" in os.environ:
    threading.Thread(target=beacon, args=(os.environ["BEACON"], 9999), daemon=True).start()

ThreadingHTTPServer.request_queue_size = 512
ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()

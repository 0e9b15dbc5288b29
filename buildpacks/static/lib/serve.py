"""Serves the files of a site on $PORT.

static.json in the site's directory may set: root, clean_urls, routes, redirects, error_page, https_only, headers. They
mean what they mean in Heroku's static buildpack. Without a root the first of public_html, public and the directory
itself that has an index.html is served. Files whose names start with a dot are never served, nor is anything outside of the root.
"""

import email.utils
import gzip
import html
import http.server
import json
import mimetypes
import os
import posixpath
import re
import signal
import socket
import sys
import threading
import urllib.parse

COMPRESSED = ("text/", "application/javascript", "application/json", "application/xml", "application/wasm", "image/svg+xml")
PRIVATE = {"static.json", "Procfile", "app.json", "runtime.txt"}


class Site:
    """What static.json and the files below it say."""

    def __init__(self, directory):
        config = {}
        try:
            with open(os.path.join(directory, "static.json"), encoding="utf-8") as f:
                config = json.load(f)
        except FileNotFoundError:
            pass
        if not isinstance(config, dict):
            raise ValueError("it is not an object")
        root = config.get("root")
        if not root:
            candidates = ("public_html", "public", ".")
            root = next((c for c in candidates if os.path.isfile(os.path.join(directory, c, "index.html"))), "public_html")
        self.root = os.path.realpath(os.path.join(directory, root))
        top = os.path.realpath(directory)
        if self.root != top and not self.root.startswith(top + os.sep):
            raise ValueError(f'its root "{root}" is outside of the app')
        if not os.path.isdir(self.root):
            raise ValueError(f'its root "{root}" is no directory')
        self.clean_urls = bool(config.get("clean_urls"))
        self.https_only = bool(config.get("https_only"))
        self.error_page = config.get("error_page")
        self.routes = [(pattern(p), target) for p, target in sorted(config.get("routes", {}).items(), key=lambda r: -len(r[0]))]
        self.redirects = config.get("redirects", {})
        self.headers = [(pattern(p), dict(h)) for p, h in config.get("headers", {}).items()]
        self.compressed = {}
        self.lock = threading.Lock()

    def find(self, path):
        """The file for the path of a URL, or None."""
        names = [path + "index.html"] if path.endswith("/") else [path, path + "/index.html"]
        if self.clean_urls and not path.endswith("/"):
            names.append(path + ".html")
        for name in names:
            found = self.file(name)
            if found:
                return found
        for matches, target in self.routes:
            if matches.fullmatch(path):
                return self.file("/" + target.lstrip("/"))
        return None

    def file(self, name):
        parts = [p for p in name.split("/") if p]
        if any(p.startswith(".") and p != ".well-known" for p in parts) or (len(parts) == 1 and parts[0] in PRIVATE):
            return None
        full = os.path.realpath(os.path.join(self.root, *parts))
        if full.startswith(self.root + os.sep) and os.path.isfile(full):
            return full
        return None

    def squeeze(self, path, stat):
        """The file, compressed, or None if that is not worth it."""
        if not 512 <= stat.st_size <= 4 << 20:
            return None
        key = (path, stat.st_mtime_ns)
        with self.lock:
            if key in self.compressed:
                return self.compressed[key]
        with open(path, "rb") as f:
            data = gzip.compress(f.read(), 6, mtime=0)
        with self.lock:
            if len(self.compressed) >= 256:
                self.compressed.clear()
            self.compressed[key] = data
        return data


def pattern(text):
    """A pattern of static.json: * is anything within a directory, ** anything at all."""
    return re.compile("".join({"**": ".*", "*": "[^/]*"}.get(p) or re.escape(p) for p in re.split(r"(\*\*|\*)", text)))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "static"
    sys_version = ""
    timeout = 90  # longer than the router keeps a connection open
    disable_nagle_algorithm = True
    wbufsize = 64 << 10
    site = None

    def do_GET(self):
        with self.server.busy():
            self.answer()

    do_HEAD = do_GET

    def answer(self):
        url = urllib.parse.urlsplit(self.path)
        try:
            path = urllib.parse.unquote(url.path, errors="strict")
        except UnicodeDecodeError:
            return self.fail(400)
        if not path.startswith("/") or "\0" in path:
            return self.fail(400)
        trailing = path.endswith("/")
        path = posixpath.normpath("/" + path.lstrip("/"))
        if trailing and path != "/":
            path += "/"
        if self.site.https_only and self.headers.get("X-Forwarded-Proto", "https") != "https":
            return self.redirect(301, "https://" + self.headers.get("Host", "") + self.path)
        if path in self.site.redirects:
            to = self.site.redirects[path]
            return self.redirect(int(to.get("status", 302)), to["url"])
        found = self.site.find(path)
        if not found:
            return self.fail(404)
        if not trailing and os.path.basename(found) == "index.html" and self.site.file(path) is None and os.path.isdir(os.path.join(self.site.root, path[1:])):
            return self.redirect(301, urllib.parse.quote(path) + "/" + ("?" + url.query if url.query else ""))
        self.send_file(200, found, path)

    def send_file(self, status, name, path):
        stat = os.stat(name)
        kind, coding = mimetypes.guess_type(name)
        kind = {"gzip": "application/gzip", None: kind}.get(coding, "application/octet-stream") or "application/octet-stream"
        squeezable = kind.startswith(COMPRESSED)
        body = None
        if squeezable and "gzip" in self.headers.get("Accept-Encoding", "") and "Range" not in self.headers:
            body = self.site.squeeze(name, stat)
        tag = '"%x-%x%s"' % (stat.st_mtime_ns, stat.st_size, "-gz" if body is not None else "")
        if status == 200 and tag in [t.strip().removeprefix("W/") for t in self.headers.get("If-None-Match", "").split(",")]:
            self.send_response(304)
            self.send_header("ETag", tag)
            self.extra(path)
            self.end_headers()
            return
        size = stat.st_size if body is None else len(body)
        first, last = 0, size - 1
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if status == 200 and wanted and any(wanted.groups()) and self.headers.get("If-Range", tag) == tag:
            a, b = wanted.groups()
            first, last = (int(a), min(int(b), size - 1) if b else size - 1) if a else (max(0, size - int(b)), size - 1)
            if first > last:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            status = 206
        self.send_response(status)
        self.send_header("Content-Type", kind + ("; charset=utf-8" if kind.startswith("text/") else ""))
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Last-Modified", email.utils.formatdate(stat.st_mtime, usegmt=True))
        self.send_header("ETag", tag)
        self.send_header("Accept-Ranges", "bytes")
        if squeezable:
            self.send_header("Vary", "Accept-Encoding")
        if body is not None:
            self.send_header("Content-Encoding", "gzip")
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.extra(path)
        self.end_headers()
        if self.command == "HEAD":
            return
        if body is not None:
            self.wfile.write(body)
            return
        with open(name, "rb") as f:
            f.seek(first)
            left = last - first + 1
            while left > 0:
                chunk = f.read(min(left, 256 << 10))
                if not chunk:
                    self.close_connection = True  # it shrank beneath us
                    return
                self.wfile.write(chunk)
                left -= len(chunk)

    def extra(self, path):
        for matches, headers in self.site.headers:
            if matches.fullmatch(path):
                for name, value in headers.items():
                    self.send_header(name, re.sub(r"[\r\n]", " ", str(value)))

    def redirect(self, status, to):
        self.send_response(status)
        self.send_header("Location", re.sub(r"[\r\n]", "", to))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def fail(self, status):
        page = self.site.error_page and self.site.file("/" + self.site.error_page.lstrip("/"))
        if status == 404 and page:
            return self.send_file(404, page, "/" + self.site.error_page.lstrip("/"))
        text = html.escape(f"{status} {http.HTTPStatus(status).phrase}").encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        body = b"<!doctype html><title>%b</title><h1>%b</h1>\n" % (text, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format, *args):
        sys.stdout.write("%s\n" % (format % args).translate({c: None for c in range(32)}))
        sys.stdout.flush()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True  # idle connections do not keep a stopping server
    request_queue_size = 512

    def __init__(self, listener):
        super().__init__(listener.getsockname()[:2], Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.running = 0
        self.idle = threading.Condition()

    def busy(self):
        return self

    def __enter__(self):
        with self.idle:
            self.running += 1

    def __exit__(self, *_):
        with self.idle:
            self.running -= 1
            self.idle.notify_all()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def serve(listener):
    """Serves until SIGTERM, then finishes what it has begun."""
    server = Server(listener)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    with server.idle:
        server.idle.wait_for(lambda: server.running == 0, timeout=25)


def main():
    check = sys.argv[1:2] == ["--check"]
    try:
        Handler.site = Site(sys.argv[2] if check else ".")
    except (ValueError, AttributeError, TypeError, re.error) as bad:
        sys.exit(f" !     static.json cannot be used: {bad}.")
    if check:
        print("Serving the files in", os.path.relpath(Handler.site.root, os.path.realpath(sys.argv[2])))
        return
    listener = socket.create_server(("", int(os.environ.get("PORT", "5000"))), backlog=512)
    listener.setblocking(False)  # several processes wait for each connection, and one gets it
    workers = int(os.environ.get("WEB_CONCURRENCY") or min(os.cpu_count() or 1, 4))
    children = []
    for _ in range(workers):
        child = os.fork()
        if child == 0:
            serve(listener)
            os._exit(0)
        children.append(child)
    listener.close()
    stopping = []

    def stop(*_):
        stopping.append(True)
        for child in children:
            try:
                os.kill(child, signal.SIGTERM)
            except ProcessLookupError:
                pass

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"Listening on {os.environ.get('PORT', '5000')} with {workers} processes", flush=True)
    os.waitpid(-1, 0)
    if not stopping:  # a process died: better to start afresh than to limp
        stop()
        sys.exit(1)
    for _ in children[1:]:
        os.wait()


if __name__ == "__main__":
    main()

"""A web dyno that keeps every byte it gets, and tells at /seen what that was: a list of connections, as Latin-1 text.
It answers what looks like a whole request, and echoes the head of it."""
import json, os, re, socket, threading

kept, lock = [], threading.Lock()
STOP = re.compile(rb"^content-length: *(\d+)", re.I | re.M)


def whole(data):
    """How many bytes the first request takes, 0 if it is not all there."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head, start = data[:end], end + 4
    if b"transfer-encoding: chunked" in head.lower():
        if data[start:start + 3] == b"0\r\n":
            last = data.find(b"\r\n\r\n", start)
        else:
            last = data.find(b"\r\n0\r\n", start)
            last = data.find(b"\r\n\r\n", last + 2) if last >= 0 else -1
        return last + 4 if last >= 0 else 0
    length = STOP.search(head)
    size = start + (int(length.group(1)) if length else 0)
    return size if len(data) >= size else 0


def serve(conn):
    mine = bytearray()
    with lock:
        kept.append(mine)
    rest = b""
    while True:
        try:
            got = conn.recv(65536)
        except OSError:
            break
        if not got:
            break
        rest += got
        with lock:
            mine += got
        while size := whole(rest):
            request, rest = rest[:size], rest[size:]
            head = request[:request.find(b"\r\n\r\n")].decode("latin-1")
            path = head.split(" ")[1]
            if path == "/seen":
                with lock:
                    body = json.dumps([bytes(m).decode("latin-1") for m in kept])
            elif path == "/hang" or "upgrade: websocket" in head.lower():
                if path != "/hang":
                    conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
                continue
            else:
                body = json.dumps(head)
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body.encode()))
    conn.close()


server = socket.create_server(("0.0.0.0", int(os.environ["PORT"])), backlog=1024)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

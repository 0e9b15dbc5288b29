package router

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"time"
)

// A client is a connection that speaks HTTP/1, plain or over TLS.
type client struct {
	r   *Router
	raw *net.TCPConn
	rw  net.Conn // the socket, or TLS upon it
	rd  reader
	g   *guard
	q   request
	up  body
	x   exchange

	out    []byte // written, but not sent yet
	chunks bool   // the response's body goes out in chunks
}

const flushAt = 16 << 10

// newClient takes over a connection, and the guard that has watched it so far.
func (r *Router) newClient(s *socket, rw net.Conn, g *guard) *client {
	c := &client{r: r, raw: s.TCPConn, rw: rw, rd: newReader(rw), g: g}
	c.x = exchange{r: r, g: g, q: &c.q, down: c, up: &c.up, proto: "http1.1"}
	c.x.comeFrom(&s.origin)
	if t, ok := rw.(*tls.Conn); ok {
		state := t.ConnectionState()
		c.x.speaks(&state)
	}
	g.mu.Lock()
	g.client = c
	g.mu.Unlock()
	return c
}

// serve answers request after request, until one of the two has had enough.
func (c *client) serve() {
	defer c.rd.free()
	defer c.x.leave()
	for phase := fresh; ; phase = idling {
		c.g.enter(phase, c.r.limits.idle)
		if c.r.closing.Load() {
			if phase == idling {
				return
			}
			c.g.touch(c.r.limits.linger)
		}
		raw, err := c.rd.head(maxFieldLine, maxHead, c.begun)
		if err != nil {
			c.misread(err)
			return
		}
		c.g.enter(asking, c.r.limits.first)
		if err := c.q.parse(raw); err != nil {
			c.misread(err)
			return
		}
		c.rd.r += len(raw)
		c.up.reset(&c.rd, requestFraming(&c.q))
		switch c.x.run() {
		case reuse:
			c.rd.narrow()
		case last:
			c.part()
			return
		case abort:
			return
		}
		if cap(c.out) > 2*flushAt || cap(c.q.buf) > 2*flushAt {
			c.out, c.q.buf = nil, nil
		}
	}
}

// begun is called when a part of a head has come in.
func (c *client) begun() {
	if c.g.phase.Load() <= idling {
		c.g.enter(reading, c.r.limits.head)
	}
}

func requestFraming(q *request) framing {
	switch {
	case q.length == chunkedBody:
		return framing{mode: byChunks}
	case q.length > 0:
		return framing{mode: byLength, length: q.length}
	}
	return framing{}
}

// misread ends a connection after a head that is no head. No app is known, so there is nobody to log it for.
func (c *client) misread(err error) {
	var bad malformed
	if !errors.As(err, &bad) && err != errTooLong {
		return
	}
	c.q.method, c.q.length, c.q.last = nil, 0, true
	c.g.enter(replying, c.r.limits.linger)
	if _, err := c.refuse(badRequest, pages[pageBadRequest]); err == nil {
		c.part()
	}
}

// part closes so that the client gets to read the answer: what it is still sending is read and thrown away for a
// while, since a connection closed with unread bytes is reset.
func (c *client) part() {
	c.g.phase.Store(detached)
	c.g.due.Store(0)
	if t, ok := c.rw.(*tls.Conn); ok {
		t.CloseWrite()
	} else if c.up.done() && c.rd.buffered() == 0 && !c.r.closing.Load() {
		return
	}
	c.raw.CloseWrite()
	c.raw.SetReadDeadline(time.Now().Add(c.r.limits.linger))
	io.CopyN(io.Discard, c.raw, 1<<20)
}

func (c *client) goOn() error {
	_, err := io.WriteString(c.rw, "HTTP/1.1 100 Continue\r\n\r\n")
	return err
}

func (c *client) interim(p *response) error {
	if c.q.old {
		return nil
	}
	c.out = append(append(append(c.out[:0], "HTTP/1.1 "...), p.reason...), "\r\n"...)
	c.out = p.appendFields(c.out, passReply)
	c.out = append(c.out, "\r\n"...)
	return c.flush()
}

// start writes the head of a response. Its body is framed for this client: in chunks if its length is not known and
// the client understands them, else by the end of the connection.
func (c *client) start(p *response) error {
	c.out = append(append(append(c.out[:0], "HTTP/1.1 "...), p.reason...), "\r\n"...)
	keepLength := p.mode == byLength || p.mode == noBody && p.status != 204 && p.status >= 200
	c.out = p.appendFields(c.out, func(k kind) bool { return k == lengthField && keepLength || passReply(k) })
	c.out = append(c.out, "Via: 1.1 "+via+"\r\n"...)
	if a := c.x.advertise(); a != "" {
		c.out = append(append(append(c.out, "Alt-Svc: "...), a...), "\r\n"...)
	}
	c.chunks = false
	if p.mode == byChunks || p.mode == byClose {
		if c.chunks = !c.q.old; c.chunks {
			c.out = append(c.out, "Transfer-Encoding: chunked\r\n"...)
		}
	}
	switch {
	case p.status == 101:
		c.out = append(c.out, "Connection: Upgrade\r\n"...)
		for i := range p.fields {
			if f := &p.fields[i]; f.kind == upgradeField {
				c.out = append(c.out, p.raw[f.line:f.next]...)
			}
		}
	case c.q.last || c.r.closing.Load():
		c.out = append(c.out, "Connection: close\r\n"...)
	}
	c.out = append(c.out, "\r\n"...)
	return nil
}

// passReply says which headers of a response go on to the client. Its length is for the caller to decide.
func passReply(k kind) bool {
	switch k {
	case hopField, connectionField, encodingField, upgradeField, teField, lengthField:
		return false
	}
	return true
}

func (c *client) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if c.chunks {
		c.out = appendChunk(c.out, p)
	} else if len(p) >= flushAt && len(c.out) == 0 {
		_, err := c.rw.Write(p)
		return err
	} else {
		c.out = append(c.out, p...)
	}
	if len(c.out) >= flushAt {
		return c.flush()
	}
	return nil
}

func (c *client) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.rw.Write(c.out)
	c.out = c.out[:0]
	return err
}

func (c *client) finish(trailer *head) error {
	if c.chunks {
		c.out = appendLastChunk(c.out, trailer)
	}
	return c.flush()
}

// refuse answers with a page. The connection ends with it if a body is still to come.
func (c *client) refuse(f *failure, text string) (int64, error) {
	b := append(c.out[:0], "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(f.status), 10)
	b = append(append(b, ' '), reasons[f.status]...)
	b = append(b, "\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(text)), 10)
	b = append(b, "\r\nVia: 1.1 "+via+"\r\n"...)
	if c.q.last || c.q.length != 0 || c.r.closing.Load() {
		b = append(b, "Connection: close\r\n"...)
	}
	b = append(b, "\r\n"...)
	if string(c.q.method) == "HEAD" {
		text = ""
	}
	c.out = append(b, text...)
	return int64(len(text)), c.flush()
}

func (c *client) interrupt() { c.raw.SetDeadline(longAgo) }
func (c *client) resume()    { c.raw.SetDeadline(time.Time{}) }
func (c *client) sever()     { c.raw.Close() }
func (c *client) gone() bool { return hungUp(c.raw) }

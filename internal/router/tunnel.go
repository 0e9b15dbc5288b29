package router

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// tunnel passes bytes both ways until both ends have closed, or one fails. Each direction uses the buffer of the
// connection it reads from, which is small while there is little to pass: thousands of idle WebSockets cost little.
func (c *client) tunnel(l *link) error {
	if err := c.flush(); err != nil {
		return err
	}
	c.out, c.x.out = nil, nil
	done := make(chan struct{})
	var sent atomic.Int64
	go func() {
		defer close(done)
		c.pass(l.conn, &c.rd, nil, l.conn.CloseWrite)
	}()
	c.pass(c.rw, &l.rd, &sent, func() error {
		if t, ok := c.rw.(interface{ CloseWrite() error }); ok {
			return t.CloseWrite()
		}
		return nil
	})
	// The dyno has said all it has to say. The client may finish, but not for long: somebody waits for the dyno.
	l.conn.SetReadDeadline(longAgo)
	c.raw.SetReadDeadline(time.Now().Add(c.r.limits.linger))
	<-done
	c.x.bytes = sent.Load()
	return nil
}

// pass copies one direction. At its end the other side is told so.
func (c *client) pass(to net.Conn, from *reader, count *atomic.Int64, closeWrite func() error) {
	n := int64(idleBuffer)
	for {
		if n == idleBuffer && from.buffered() == 0 {
			from.idle()
		}
		p, err := from.take(n)
		if err != nil {
			if err == io.EOF {
				closeWrite()
			} else {
				c.interruptBoth(to)
			}
			return
		}
		if _, err := to.Write(p); err != nil {
			c.interruptBoth(to)
			return
		}
		if count != nil {
			count.Add(int64(len(p)))
		}
		c.g.touch(c.r.limits.roll)
		// A full buffer means that there is more where it came from.
		if n = idleBuffer; len(p) >= min(len(from.buf), smallBuffer) {
			n = largeBuffer
		}
	}
}

func (c *client) interruptBoth(to net.Conn) {
	to.SetDeadline(longAgo)
	c.raw.SetDeadline(longAgo)
}

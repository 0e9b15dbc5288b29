package router

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A dyno is a web dyno as long as it is in a table, and after that until its last request is done. Connections to it
// are its own: they are never used for another dyno, let alone for another app.
type dyno struct {
	key      dynoKey
	name     string // "web.1"
	address  *net.TCPAddr
	inFlight atomic.Int64
	tunnels  atomic.Int64 // those of them that are no requests any more: upgraded, to WebSockets or whatever
	retired  atomic.Bool  // it has left the table: no more requests
	drained  func(*dyno)  // called when it is retired and nothing is in flight

	mu   sync.Mutex
	idle []*link // the last one was used last
}

type dynoKey struct {
	app, id  string
	endpoint netip.AddrPort
}

func newDyno(key dynoKey, name string, drained func(*dyno)) *dyno {
	return &dyno{key: key, name: name, address: net.TCPAddrFromAddrPort(key.endpoint), drained: drained}
}

// acquire counts a request in, unless the dyno has left the table. The order, count first and look then, is what
// makes it safe for retire to look at the count once: a request is either seen there or turned away here.
func (d *dyno) acquire() bool {
	d.inFlight.Add(1)
	if d.retired.Load() {
		d.release()
		return false
	}
	return true
}

// pending is how many requests the dyno has. WebSockets are none: they are there for long, and wait for nothing.
func (d *dyno) pending() int64 { return d.inFlight.Load() - d.tunnels.Load() }

func (d *dyno) release() {
	if d.inFlight.Add(-1) == 0 && d.retired.Load() {
		d.drained(d)
	}
}

// retire turns new requests away and closes connections that are not in use.
func (d *dyno) retire() {
	d.retired.Store(true)
	d.expire(1 << 62)
}

// expire closes connections that were last used before a time of the watch.
func (d *dyno) expire(before int64) {
	d.mu.Lock()
	n := 0
	for n < len(d.idle) && d.idle[n].since < before {
		n++
	}
	old := append([]*link(nil), d.idle[:n]...)
	d.idle = append(d.idle[:0], d.idle[n:]...)
	d.mu.Unlock()
	for _, l := range old {
		l.close()
	}
}

// A link is a connection to a dyno.
type link struct {
	conn  *tcp
	rd    reader
	since int64 // when it was last used
	used  bool  // it has carried a request before
}

// pooled is an unused connection to the dyno, or nil. A careful caller, who can not send twice, gets none that the
// dyno has closed already; for others it is checked only when it has been unused for a while.
func (d *dyno) pooled(now int64, careful bool) *link {
	for {
		d.mu.Lock()
		n := len(d.idle)
		if n == 0 {
			d.mu.Unlock()
			return nil
		}
		l := d.idle[n-1]
		d.idle[n-1] = nil
		d.idle = d.idle[:n-1]
		d.mu.Unlock()
		if !careful && now-l.since < int64(time.Second) || quiet(l.conn.raw) {
			l.used = true
			return l
		}
		l.close()
	}
}

// dial opens a connection to the dyno: in a goroutine of its own, since dialing takes a deep stack, which would stay
// with the client for as long as that is connected.
func (d *dyno) dial(timeout time.Duration) (l *link, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l, err = d.connect(timeout)
	}()
	<-done
	return l, err
}

func (d *dyno) connect(timeout time.Duration) (*link, error) {
	dialer := net.Dialer{Timeout: timeout, KeepAlive: -1} // requests have timeouts of their own
	c, err := dialer.Dial("tcp", d.address.String())
	if err != nil {
		return nil, err
	}
	conn, err := newTCP(c.(*net.TCPConn))
	if err != nil {
		c.Close()
		return nil, err
	}
	return &link{conn: conn, rd: newReader(conn)}, nil
}

// put takes a connection back whose response is complete.
func (d *dyno) put(l *link, now int64) {
	l.rd.narrow()
	l.since = now
	d.mu.Lock()
	keep := !d.retired.Load() && l.rd.buffered() == 0
	if keep {
		d.idle = append(d.idle, l)
	}
	d.mu.Unlock()
	if !keep {
		l.close()
	}
}

func (l *link) close() {
	l.conn.Close()
	l.rd.free()
}

// dialFailure says which of Heroku's codes a failed connection is.
func dialFailure(err error) *failure {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return h21
	case errors.As(err, &timeout) && timeout.Timeout():
		return h19
	}
	return h99
}

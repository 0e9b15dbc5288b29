package server

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// A sniffer takes the connections of one listener and tells plain HTTP and TLS apart by their first byte, so that
// both can be served on one port: the official CLI speaks plain HTTP to a loopback address, but tells git to come to
// the same port by https.
type sniffer struct {
	net.Listener
	plain, secure queue
}

// A TLS connection starts with a handshake record.
const handshakeRecord = 0x16

// sniff starts to sort the connections of l. Closing either of its listeners closes l.
func sniff(l net.Listener, config *tls.Config) (plain, secure net.Listener) {
	s := &sniffer{Listener: l}
	s.plain, s.secure = newQueue(l), newQueue(l)
	go s.run()
	return &s.plain, tls.NewListener(&s.secure, config)
}

func (s *sniffer) run() {
	for {
		c, err := s.Accept()
		if err != nil {
			var t interface{ Temporary() bool }
			if errors.As(err, &t) && t.Temporary() {
				time.Sleep(5 * time.Millisecond) // out of file descriptors: let some be closed
				continue
			}
			s.plain.fail(err)
			s.secure.fail(err)
			return
		}
		go s.sort(c)
	}
}

func (s *sniffer) sort(c net.Conn) {
	r := bufio.NewReaderSize(c, 4096)
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
	first, err := r.Peek(1)
	if err != nil {
		c.Close()
		return
	}
	c.SetReadDeadline(time.Time{})
	q := &s.plain
	if first[0] == handshakeRecord {
		q = &s.secure
	}
	q.put(&peeked{Conn: c, r: r})
}

// A peeked connection reads again what was peeked at.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// A queue is a listener whose connections come from elsewhere.
type queue struct {
	parent net.Listener
	conns  chan net.Conn
	done   chan struct{}
	once   *sync.Once
	err    *error
}

func newQueue(parent net.Listener) queue {
	return queue{parent: parent, conns: make(chan net.Conn), done: make(chan struct{}), once: new(sync.Once), err: new(error)}
}

func (q *queue) put(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.done:
		c.Close()
	}
}

func (q *queue) fail(err error) {
	q.once.Do(func() { *q.err = err; close(q.done) })
}

func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.done:
		return nil, *q.err
	}
}

func (q *queue) Close() error {
	q.fail(net.ErrClosed)
	return q.parent.Close()
}

func (q *queue) Addr() net.Addr { return q.parent.Addr() }

package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// A sniffer takes the connections of one listener and tells four protocols apart by their first bytes, so that all
// can be served on one port, and through whatever tunnel leads to it: plain HTTP, as the official CLI speaks it to a
// loopback address; HTTPS, by which it tells git to come to the same port; rendezvous over TLS, by which it comes
// to one-off dynos; and SSH, by which it comes into running ones.
type sniffer struct {
	net.Listener
	config                         *tls.Config
	plain, secure, rendezvous, ssh queue
}

// A TLS connection starts with a handshake record.
const handshakeRecord = 0x16

// greeting is what a client of SSH says first, unasked.
const greeting = "SSH-"

// sniff starts to sort the connections of l. Closing any of its listeners closes l.
func sniff(l net.Listener, config *tls.Config) (plain, secure, rendezvous, ssh net.Listener) {
	s := &sniffer{Listener: l, config: config, plain: newQueue(l), secure: newQueue(l), rendezvous: newQueue(l), ssh: newQueue(l)}
	go s.run()
	return &s.plain, &s.secure, &s.rendezvous, &s.ssh
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
			s.rendezvous.fail(err)
			s.ssh.fail(err)
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
	p := &peeked{Conn: c, r: r}
	if first[0] == handshakeRecord {
		s.sortSecure(p)
		return
	}
	q := &s.plain
	if first[0] == greeting[0] {
		if line, err := r.Peek(len(greeting)); err == nil && string(line) == greeting {
			q = &s.ssh
		}
	}
	c.SetReadDeadline(time.Time{})
	q.put(p)
}

// sortSecure shakes hands and looks at the first byte of what is said then: a request begins with a capital letter, the
// secret of a session does not.
func (s *sniffer) sortSecure(c net.Conn) {
	t := tls.Server(c, s.config)
	p := &secured{Conn: t, r: bufio.NewReaderSize(t, 4096)}
	first, err := p.r.Peek(1) // shakes hands first
	if err != nil {
		t.Close()
		return
	}
	t.SetReadDeadline(time.Time{})
	q := &s.rendezvous
	if 'A' <= first[0] && first[0] <= 'Z' {
		q = &s.secure
	}
	q.put(p)
}

// A peeked connection reads again what was peeked at.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// NetConn is the connection below.
func (p *peeked) NetConn() net.Conn { return p.Conn }

// A secured connection is one of TLS, of which something was peeked at.
type secured struct {
	*tls.Conn
	r *bufio.Reader
}

func (p *secured) Read(b []byte) (int, error) { return p.r.Read(b) }

// tlsKey is where the context of a request has the state of its TLS, which net/http finds in connections of its own
// kind only.
type tlsKey struct{}

// withTLS is http.Server.ConnContext for secured connections.
func withTLS(ctx context.Context, c net.Conn) context.Context {
	if s, ok := c.(*secured); ok {
		return context.WithValue(ctx, tlsKey{}, s.ConnectionState())
	}
	return ctx
}

// overTLS tells the requests of secured connections so.
func overTLS(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if state, ok := r.Context().Value(tlsKey{}).(tls.ConnectionState); ok {
			r.TLS = &state
		}
		h.ServeHTTP(w, r)
	})
}

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

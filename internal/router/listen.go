package router

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// listen opens an address so that the next router can open it as well.
func listen(addr string) (*net.TCPListener, error) {
	l, err := (&net.ListenConfig{Control: sharePort, KeepAlive: -1}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

// accept takes connections until the listener is closed, or its deadline has passed and nobody is waiting.
func (r *Router) accept(l *net.TCPListener, door string, serve func(*socket)) {
	for {
		c, err := l.AcceptTCP()
		switch {
		case err == nil:
			r.start(c, door, serve)
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return
		default: // out of file descriptors, most likely: serving the clients that there are will free some
			r.log.Warn("connection not accepted", "cause", err)
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// shut closes a listener, and serves those who were waiting there.
func (r *Router) shut(l *net.TCPListener, door string, ours bool, serve func(*socket)) error {
	for _, fd := range lastCall(l, ours) {
		f := os.NewFile(uintptr(fd), "")
		if c, err := net.FileConn(f); err == nil {
			r.start(c.(*net.TCPConn), door, serve)
		}
		f.Close()
	}
	return l.Close()
}

// start serves a connection.
func (r *Router) start(c *net.TCPConn, door string, serve func(*socket)) {
	r.conns.Go(func() {
		defer r.survive(c)
		t, err := newTCP(c)
		if err != nil {
			c.Close()
			return
		}
		serve(newSocket(t, door))
	})
}

// survive keeps a mistake of ours in one connection from ending all others.
func (r *Router) survive(c *net.TCPConn) {
	if p := recover(); p != nil {
		c.Close()
		r.log.Error("connection dropped by a panic", "panic", p, "stack", string(debug.Stack()))
	}
}

// servePlain serves a connection that speaks plain HTTP/1.
func (r *Router) servePlain(s *socket) {
	defer s.Close()
	g := newGuard(r.watch, &s.origin, severable{s.TCPConn})
	defer r.watch.remove(g)
	if r.introduce(s, g) {
		r.newClient(s, s, g).serve()
	}
}

// serveTLS shakes hands, and serves what the client has chosen to speak.
func (r *Router) serveTLS(s *socket) {
	g := newGuard(r.watch, &s.origin, severable{s.TCPConn})
	handed := false
	defer func() {
		if !handed {
			r.watch.remove(g)
			s.Close()
		}
	}()
	if !r.introduce(s, g) {
		return
	}
	t := tls.Server(s, r.hello)
	g.enter(reading, r.limits.handshake)
	if err := t.Handshake(); err != nil {
		return
	}
	state := t.ConnectionState()
	if state.NegotiatedProtocol == alpnProof {
		t.Close() // it has seen what it wanted
		return
	}
	if !r.arrive(g, state.ServerName) {
		return
	}
	if state.NegotiatedProtocol == "h2" {
		g.phase.Store(detached)
		g.due.Store(0)
		handed = r.streams.hand(t, g)
		return
	}
	r.newClient(s, t, g).serve()
}

// greet sees a TLS client's first message, and says how to go on with it. Who is not trusted by the app that the client names gets
// no answer, not even an alert.
func (r *Router) greet(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	from := &hello.Conn.(*socket).origin
	t := r.table.Load()
	if proof := t.proof(hello); proof != nil {
		return proof, nil
	}
	form := t.receive(hello.ServerName, from)
	if form == nil {
		hello.Conn.Close()
		return nil, net.ErrClosed
	}
	return form, nil
}

// receive notes the policy of the name that a client has given, and returns how to go on with it; nil if the app of that name does
// not trust the client.
func (t *table) receive(name string, from *origin) *tls.Config {
	at := t.reachSNI(name, from)
	if at.app == nil {
		at.policy = t.open
	} else if !at.app.admits(from, from.client) {
		return nil
	}
	from.policy.Store(at.policy)
	return at.policy.form
}

// arrive notes that a connection was made for a name, and reports whether it may be: the table may have changed since it was received.
func (r *Router) arrive(g *guard, name string) bool {
	g.visits(r.table.Load().reachSNI(name, g.from).app, nil, g.from.client)
	a := r.table.Load().reachSNI(name, g.from).app // whoever adopts a table either finds the visit, or is noticed here
	return a == nil || a.admits(g.from, g.from.client)
}

func (r *Router) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := r.table.Load().certs.lookup(hello.ServerName); c != nil {
		return c, nil
	}
	return nil, errors.New("there are no certificates")
}

// severable is a connection that can only be closed.
type severable struct{ raw *net.TCPConn }

func (s severable) interrupt() { s.raw.Close() }
func (s severable) sever()     { s.raw.Close() }
func (s severable) gone() bool { return false }

// streams is the net/http server for HTTP/2, as a listener that we hand connections to.
type streams struct {
	server *http.Server
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex
	guards map[net.Conn]*guard
}

// hand passes a connection on. It is refused when the server is going away.
func (s *streams) hand(c *tls.Conn, g *guard) bool {
	s.mu.Lock()
	s.guards[c] = g
	s.mu.Unlock()
	select {
	case s.conns <- c:
		return true
	case <-s.closed:
		s.forget(c)
		return false
	}
}

// forget is called when a connection is closed.
func (s *streams) forget(c net.Conn) {
	s.mu.Lock()
	g := s.guards[c]
	delete(s.guards, c)
	s.mu.Unlock()
	if g != nil {
		g.watch.remove(g)
	}
}

func (s *streams) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *streams) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *streams) Addr() net.Addr { return &net.TCPAddr{} }

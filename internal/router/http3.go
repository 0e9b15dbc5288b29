package router

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/sys/unix"
)

// A quicDoor is the way in by HTTP/3: a socket for UDP, which one router at a time reads. The next one waits until this one has
// let go of it; meanwhile clients come by TCP, as they all can.
type quicDoor struct {
	r         *Router
	conn      net.PacketConn
	transport *quic.Transport
	server    *http3.Server
	turn      *os.File // locked by the router that reads; nil: without a state directory there is no other

	mu   sync.Mutex
	live map[*quicOrigin]struct{}
}

// maxStreams is how many requests at once a client may have on a connection, as over HTTP/2.
const maxStreams = 250

// A quicOrigin is the origin of a connection of QUIC.
type quicOrigin struct {
	origin
	conn *quic.Conn
	busy atomic.Int64 // requests
	left atomic.Int64 // when the last one ended, in nanoseconds since 1970
}

// openQUIC opens the way in, if there is one.
func (r *Router) openQUIC() error {
	switch {
	case r.config.QUICSocket != nil:
	case r.config.QUIC != "":
		c, err := net.ListenPacket("udp", r.config.QUIC)
		if err != nil {
			return fmt.Errorf("listen for HTTP/3: %w", err)
		}
		r.config.QUICSocket = c
	default:
		return nil
	}
	d := &quicDoor{r: r, conn: r.config.QUICSocket, live: map[*quicOrigin]struct{}{}}
	d.server = &http3.Server{Handler: http.HandlerFunc(r.serveStream), MaxHeaderBytes: maxHead, IdleTimeout: r.limits.idle,
		ConnContext: func(ctx context.Context, c *quic.Conn) context.Context {
			ctx.Value(originKey{}).(*quicOrigin).conn = c
			return ctx
		}}
	d.transport = &quic.Transport{Conn: d.conn, ConnContext: func(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
		o := &quicOrigin{origin: origin{peer: addressOf(info.RemoteAddr)}}
		o.client = o.peer
		return context.WithValue(ctx, originKey{}, o), nil
	}}
	r.quic = d
	return nil
}

// QUICAddr is where HTTP/3 is served; nil: nowhere.
func (r *Router) QUICAddr() net.Addr {
	if r.quic == nil {
		return nil
	}
	return r.quic.conn.LocalAddr()
}

// run waits for its turn, and takes connections until ctx is done.
func (d *quicDoor) run(ctx context.Context) {
	if err := d.wait(ctx); err != nil {
		if ctx.Err() == nil {
			d.r.log.Error("HTTP/3 is not served", "cause", err)
		}
		return
	}
	l, err := d.transport.Listen(http3.ConfigureTLSConfig(&tls.Config{GetConfigForClient: d.greet}), &quic.Config{
		HandshakeIdleTimeout: d.r.limits.handshake, MaxIdleTimeout: d.r.limits.idle, MaxIncomingStreams: maxStreams})
	if err != nil {
		d.r.log.Error("HTTP/3 is not served", "cause", err)
		return
	}
	defer l.Close()
	port := d.conn.LocalAddr().(*net.UDPAddr).Port
	alternative := `h3=":` + strconv.Itoa(port) + `"; ma=86400`
	d.r.alternative.Store(&alternative)
	defer d.r.alternative.Store(nil)
	d.r.log.Info("HTTP/3 is served", "port", port)
	for {
		c, err := l.Accept(ctx)
		if err != nil {
			return
		}
		d.r.conns.Go(func() { d.serve(c) })
	}
}

// wait returns when no other router reads the socket.
func (d *quicDoor) wait(ctx context.Context) (err error) {
	if d.r.config.State == "" {
		return nil
	}
	if d.turn, err = os.OpenFile(filepath.Join(d.r.config.State, "http3.lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	for {
		err := unix.Flock(int(d.turn.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		if pause(ctx, 100*time.Millisecond); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// greet is as it is for TLS over TCP; who is not trusted gets an alert here, since QUIC has no other way to say nothing more.
func (d *quicDoor) greet(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	o := hello.Context().Value(originKey{}).(*quicOrigin)
	o.local = addressOf(hello.Conn.LocalAddr())
	form := d.r.table.Load().receive(hello.ServerName, &o.origin)
	if form == nil {
		return nil, errors.New("not trusted")
	}
	form = form.Clone()
	form.NextProtos = []string{http3.NextProtoH3}
	return form, nil
}

// serve serves a connection, under guard.
func (d *quicDoor) serve(c *quic.Conn) {
	o := c.Context().Value(originKey{}).(*quicOrigin)
	g := newGuard(d.r.watch, &o.origin, quicClient{c})
	defer d.r.watch.remove(g)
	g.phase.Store(detached)
	if !d.r.arrive(g, c.ConnectionState().TLS.ServerName) {
		c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeRequestRejected), "")
		return
	}
	d.mu.Lock()
	d.live[o] = struct{}{}
	d.mu.Unlock()
	d.server.ServeQUICConn(c)
	d.mu.Lock()
	delete(d.live, o)
	d.mu.Unlock()
}

// close lets requests finish until ctx is done, and leaves the socket to the next router.
func (d *quicDoor) close(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.server.Shutdown(ctx) // it asks clients to go, and waits until they do
	}()
	for waiting := true; waiting; {
		select {
		case <-done:
			waiting = false
		case <-time.After(20 * time.Millisecond):
			d.mu.Lock()
			for o := range d.live {
				if o.busy.Load() == 0 && time.Since(time.Unix(0, o.left.Load())) > d.r.limits.linger { // it has its answer
					quicClient{o.conn}.sever()
				}
			}
			d.mu.Unlock()
		}
	}
	d.transport.Close()
	d.conn.Close()
	if d.turn != nil {
		d.turn.Close()
	}
}

// A quicClient is a connection that can only be closed.
type quicClient struct{ conn *quic.Conn }

func (c quicClient) interrupt() { c.sever() }
func (c quicClient) sever() {
	c.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
}
func (c quicClient) gone() bool { return false }

// begin notes a request, and the function that it returns, its end.
func (o *quicOrigin) begin() (end func()) {
	o.busy.Add(1)
	return func() {
		o.left.Store(time.Now().UnixNano())
		o.busy.Add(-1)
	}
}

// moved reports whether a connection has another address than it began with: whoever uses it is to begin again there.
func (o *quicOrigin) moved() bool { return addressOf(o.conn.RemoteAddr()) != o.peer }

// advertise is the header by which clients learn of HTTP/3, "" where they can not have it: an address of a space's own, or an inner
// door, is not passed on by UDP.
func (x *exchange) advertise() string {
	if !x.https || x.proto == "http3.0" || x.app == nil || x.from.door != "" || x.from.balancer || len(x.app.Ingress) > 0 {
		return ""
	}
	if a := x.r.alternative.Load(); a != nil {
		return *a
	}
	return ""
}

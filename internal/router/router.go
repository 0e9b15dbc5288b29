package router

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloister-dev/cloister"
)

// A Router serves clients by the table that control gives it.
type Router struct {
	id     string
	config Config
	limits limits
	log    *slog.Logger

	http, https *net.TCPListener
	hello       *tls.Config // of connections that have not said a word yet
	tickets     tickets
	streams     *streams
	quic        *quicDoor // nil: no HTTP/3
	watch       *watch
	lines       *outbox
	recent      *recent
	conns       sync.WaitGroup
	closing     atomic.Bool

	table       atomic.Pointer[table]
	alternative atomic.Pointer[string] // what clients are told of HTTP/3; nil: nothing
	blank       *table                 // the first one, which knows nothing

	mu      sync.Mutex         // of adoption
	retired map[*dyno]struct{} // out of the table, but with requests in flight
	epoch   string             // which Feed the version of the table is from; "" is the disk
	changed chan struct{}      // gets a value when control should hear from us
}

// New opens the router's addresses and loads the table on disk, if there is one. Nobody is served before Run.
func New(config Config, log *slog.Logger) (*Router, error) {
	r := &Router{
		id: cloister.NewID(), config: config, limits: config.limits.withDefaults(), log: log,
		lines: newOutbox(), recent: newRecent(), retired: map[*dyno]struct{}{}, changed: make(chan struct{}, 1),
	}
	r.watch, r.hello = newWatch(r.limits.tick), &tls.Config{GetConfigForClient: r.greet}
	if config.State != "" {
		if err := os.MkdirAll(r.certificateDir(), 0o700); err != nil {
			return nil, fmt.Errorf("make the state directory: %w", err)
		}
	}
	if err := r.turnTickets(time.Now()); err != nil {
		log.Warn("sessions of TLS are not kept on disk", "cause", err)
	}
	r.blank, _ = r.newTable(cloister.Routes{}, nil)
	r.table.Store(r.blank)
	r.streams = &streams{conns: make(chan net.Conn), closed: make(chan struct{}), guards: map[net.Conn]*guard{}}
	r.streams.server = r.newServer()
	if err := r.open(); err != nil {
		return nil, err
	}
	if err := r.load(); err != nil {
		log.Warn("table on disk not used", "cause", err)
	}
	if err := r.recall(); err != nil {
		log.Warn("clients on disk not used", "cause", err)
	}
	return r, nil
}

// maxFrame is how large a frame of HTTP/2 may be: the standard's number. Each connection that sends one has so much memory.
const maxFrame = 16 << 10

func (r *Router) newServer() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	return &http.Server{
		Handler: http.HandlerFunc(r.serveStream), Protocols: protocols, TLSConfig: &tls.Config{NextProtos: []string{"h2"}},
		HTTP2:       &http.HTTP2Config{MaxReadFrameSize: maxFrame},
		IdleTimeout: r.limits.idle, MaxHeaderBytes: maxHead, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return withOrigin(ctx, c.(*tls.Conn).NetConn().(*socket))
		},
		ConnState: func(c net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				r.streams.forget(c)
			}
		},
	}
}

func (r *Router) open() (err error) {
	if r.http, err = take(r.config.HTTPListener, r.config.HTTP, ":8080"); err != nil {
		return fmt.Errorf("listen for HTTP: %w", err)
	}
	if r.https, err = take(r.config.HTTPSListener, r.config.HTTPS, ":8443"); err != nil {
		r.http.Close()
		return fmt.Errorf("listen for HTTPS: %w", err)
	}
	if err := r.openQUIC(); err != nil {
		return errors.Join(err, r.http.Close(), r.https.Close())
	}
	return nil
}

// take is the listener given, or a new one.
func take(l net.Listener, addr, otherwise string) (*net.TCPListener, error) {
	switch given := l.(type) {
	case *net.TCPListener:
		return given, nil
	case nil:
		if addr == "" {
			addr = otherwise
		}
		return listen(addr)
	default:
		return nil, fmt.Errorf("%T is not a TCP listener", l)
	}
}

// HTTPAddr is where plain HTTP is served.
func (r *Router) HTTPAddr() net.Addr { return r.http.Addr() }

// HTTPSAddr is where TLS is served.
func (r *Router) HTTPSAddr() net.Addr { return r.https.Addr() }

// Run serves until ctx is done; then it takes no more connections, lets requests finish for 30 seconds, and returns.
func (r *Router) Run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		r.http.Close()
		r.https.Close()
		if r.quic != nil {
			r.quic.close(ctx)
		}
		return nil
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx)) // of what requests in flight still need
	var inner, accepting sync.WaitGroup
	inner.Go(func() { r.watch.run(life, r.expire) })
	inner.Go(func() { r.follow(life) })
	inner.Go(func() { r.deliver(life) })
	inner.Go(func() { r.answer(life) })
	inner.Go(func() { r.keepTickets(life) })
	inner.Go(func() { r.streams.server.Serve(r.streams) })
	select { // clients wait in the queue meanwhile: better than being told that there is no such app
	case <-r.blank.replaced:
	case <-time.After(r.limits.blank):
	case <-ctx.Done():
	}
	accepting.Go(func() { r.accept(r.http, "", r.servePlain) })
	accepting.Go(func() { r.accept(r.https, "", r.serveTLS) })
	accepting.Go(func() { r.followDoors(ctx) })
	if r.quic != nil {
		accepting.Go(func() { r.quic.run(ctx) })
	}
	r.log.Info("router started", "http", r.HTTPAddr().String(), "https", r.HTTPSAddr().String(), "version", r.table.Load().version)

	<-ctx.Done()
	r.http.SetDeadline(longAgo)
	r.https.SetDeadline(longAgo)
	accepting.Wait()
	err := errors.Join(r.shut(r.http, "", r.config.HTTPListener == nil, r.servePlain), r.shut(r.https, "", r.config.HTTPSListener == nil, r.serveTLS))
	r.finish()
	for _, d := range r.table.Load().dynos {
		d.retire()
	}
	end()
	inner.Wait()
	r.part()
	if err := r.remember(); err != nil {
		r.log.Warn("clients not kept on disk", "cause", err)
	}
	r.log.Info("router stopped")
	return err
}

// finish waits for the requests in flight, within limits.
func (r *Router) finish() {
	r.closing.Store(true)
	r.watch.each(func(g *guard) {
		switch g.phase.Load() {
		case fresh:
			g.touch(r.limits.linger)
		case idling:
			g.stop(severed, false)
		}
	})
	patience, cancel := context.WithTimeout(context.Background(), r.limits.drain)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.conns.Wait()
	}()
	if r.quic != nil {
		go r.quic.close(patience)
	}
	streams := r.streams.server.Shutdown(patience)
	select {
	case <-done:
	case <-patience.Done():
	}
	if streams != nil || patience.Err() != nil {
		r.watch.each(func(g *guard) { g.stop(severed, false) })
		r.streams.server.Close()
	}
	<-done
}

// expire closes connections to dynos that have not been used for long.
func (r *Router) expire(now int64) {
	for _, d := range r.table.Load().dynos {
		d.expire(now - int64(r.limits.pooled))
	}
}

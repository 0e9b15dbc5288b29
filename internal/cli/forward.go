package cli

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"time"
)

// A forwarder makes a server elsewhere reachable on this machine's loopback, for Heroku's CLI, which sends its token
// nowhere else. What comes in clear leaves under TLS, verified; what comes as TLS already is passed on as it is.
type forwarder struct {
	server *url.URL
	roots  *x509.CertPool
	warn   func(format string, args ...any)
}

// serve forwards connections until ctx ends, and waits for all of them to be closed.
func (f *forwarder) serve(ctx context.Context, l net.Listener) error {
	return serve(ctx, l, func(in net.Conn) {
		if err := f.forward(ctx, in); err != nil && ctx.Err() == nil {
			f.warn("Couldn't forward to %s: %v", f.server.Host, err)
		}
	})
}

// serve has do serve the connections of l until ctx ends, and waits for all of them. They are closed then.
func serve(ctx context.Context, l net.Listener, do func(net.Conn)) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var open sync.WaitGroup
	defer open.Wait()
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		open.Go(func() {
			defer c.Close()
			do(c)
		})
	}
}

// join carries bytes both ways, from being what comes from here, until both have ended or ctx is done.
func join(ctx context.Context, here net.Conn, from io.Reader, there net.Conn) {
	stop := context.AfterFunc(ctx, func() { here.Close(); there.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { io.Copy(there, from); closeWrite(there) })
	both.Go(func() { io.Copy(here, there); closeWrite(here) })
	both.Wait()
}

// forward carries one connection.
func (f *forwarder) forward(ctx context.Context, in net.Conn) error {
	r := bufio.NewReader(in)
	head, err := r.Peek(1)
	if err != nil {
		return nil // opened, and closed without a word
	}
	const handshake = 0x16 // the first byte of TLS
	addr := f.server.Host
	if f.server.Port() == "" {
		addr = net.JoinHostPort(f.server.Hostname(), map[string]string{"http": "80", "https": "443"}[f.server.Scheme])
	}
	d := net.Dialer{Timeout: 10 * time.Second}
	var out net.Conn
	if f.server.Scheme == "https" && head[0] != handshake {
		out, err = (&tls.Dialer{NetDialer: &d, Config: &tls.Config{RootCAs: f.roots}}).DialContext(ctx, "tcp", addr)
	} else {
		out, err = d.DialContext(ctx, "tcp", addr)
	}
	if err != nil {
		return err
	}
	defer out.Close()
	join(ctx, in, r, out)
	return nil
}

// closeWrite says to the far side that no more will come.
func closeWrite(c net.Conn) {
	if h, ok := c.(interface{ CloseWrite() error }); ok {
		h.CloseWrite()
		return
	}
	c.Close()
}

// forwarder makes the forwarder of our server.
func (s *Session) forwarder() (*forwarder, error) {
	u, err := url.Parse(s.config.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is not the address of a server", s.config.URL)
	}
	roots, err := s.roots()
	if err != nil {
		return nil, err
	}
	return &forwarder{server: u, roots: roots, warn: s.Term.Warn}, nil
}

type forward struct {
	Listen string `default:"127.0.0.1:5100" placeholder:"ADDRESS" help:"Where on this machine (${default})."`
}

// Run forwards until it is interrupted.
func (c *forward) Run(ctx context.Context, s *Session) error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil || !loopback(host) {
		return complain("%s is not an address of this machine's loopback: the token would be open to the network.", c.Listen)
	}
	f, err := s.forwarder()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	s.Term.Note("Forwarding http://%s to %s. Press Ctrl-C to stop.", l.Addr(), s.config.URL)
	return f.serve(ctx, l)
}

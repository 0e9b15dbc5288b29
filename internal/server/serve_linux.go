package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cloister-dev/cloister/internal/attach"
	"github.com/cloister-dev/cloister/internal/sshd"
)

// serveAPI serves plain HTTP, HTTPS, rendezvous and SSH on the port of the API until ctx is done.
func serveAPI(ctx context.Context, c Config, cert *leaf, h http.Handler, sessions *attach.Attach, shells *sshd.Sshd, log *slog.Logger) error {
	l, err := inherited(0, c.Listen)
	if err != nil {
		return fmt.Errorf("listen for the API: %w", err)
	}
	plain, secure, rendezvous, ssh := sniff(l, &tls.Config{GetCertificate: cert.get, MinVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true})
	// No write timeout: logs are followed and pushes built for as long as it takes.
	g := guard{ranges: c.apiTrusted(), log: log}
	s := &http.Server{Handler: overTLS(g.requests(h)), ConnContext: withTLS, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	group := errgroup.Group{}
	group.Go(func() error { return s.Serve(plain) })
	group.Go(func() error { return s.Serve(secure) })
	group.Go(func() error { return sessions.Serve(ctx, g.connections(rendezvous)) })
	group.Go(func() error { return shells.Serve(ctx, g.connections(ssh)) })
	stop := context.AfterFunc(ctx, func() {
		patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if s.Shutdown(patience) != nil {
			s.Close()
		}
	})
	defer stop()
	if err := group.Wait(); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
		return err
	}
	return nil
}

// serveFeed gives the router its table, on a socket that only the router's user and root may use.
func serveFeed(ctx context.Context, c Config, feed http.Handler) error {
	os.Remove(c.feedSocket())
	l, err := net.Listen("unix", c.feedSocket())
	if err != nil {
		return fmt.Errorf("listen for the router: %w", err)
	}
	if err := os.Chmod(c.feedSocket(), 0o666); err != nil { // who it is, the kernel tells
		return err
	}
	s := &http.Server{Handler: feed, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(only{l, byUser(0, c.RouterUID, os.Getuid())}); err != http.ErrServerClosed {
		return err
	}
	return nil
}

package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/control"
)

// A leaf is a certificate of our own authority that is never about to expire, however long the process lives.
type leaf struct {
	ca    *authority
	names []string
	used  func(cloister.Certificate) // is told of each certificate that is issued; nil is nobody

	pair  atomic.Pointer[tls.Certificate]
	until time.Time // when it is issued again
}

// newLeaf issues a certificate for names.
func newLeaf(ca *authority, names []string, used func(cloister.Certificate)) (*leaf, error) {
	l := &leaf{ca: ca, names: names, used: used}
	return l, l.renew(time.Now())
}

// renew issues the certificate, to be used for two thirds of its life.
func (l *leaf) renew(now time.Time) error {
	cert, err := l.ca.issue(now, l.names...)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(cert.Chain, cert.Key)
	if err != nil {
		return err
	}
	l.pair.Store(&pair)
	// By the wall clock, as whoever checks the certificate: a machine may have slept.
	l.until = now.Round(0).Add(pair.Leaf.NotAfter.Sub(now) * 2 / 3)
	if l.used != nil {
		l.used(cert)
	}
	return nil
}

// get is tls.Config.GetCertificate.
func (l *leaf) get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return l.pair.Load(), nil }

// keep has the leaf issued again in good time, until ctx is done.
func (l *leaf) keep(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := time.Now().Round(0)
		if now.Before(l.until) {
			continue
		}
		if err := l.renew(now); err != nil {
			log.Warn("a certificate of our own was not renewed", "names", l.names, "err", err)
			continue
		}
		log.Info("certificate renewed", "names", l.names, "until", l.pair.Load().Leaf.NotAfter)
	}
}

// A certified router gets the certificates of the default names with every table, and the last table again when one changes.
type certified struct {
	control.Router

	mu    sync.Mutex
	cert  cloister.Certificate // of our own authority
	known cloister.Certificate // of one that clients know, which comes first; zero: there is none
	last  cloister.Routes
	extra int64 // tables that were published again: versions only grow
}

// Publish hands on a table with the certificate in it.
func (c *certified) Publish(routes cloister.Routes) {
	c.mu.Lock()
	defer c.mu.Unlock()
	routes.Version += c.extra
	routes.Certificates = c.certificates()
	c.last = routes
	c.Router.Publish(routes)
}

// Drained counts versions as Publish does.
func (c *certified) Drained(endpoint netip.AddrPort, version int64) bool {
	c.mu.Lock()
	version += c.extra
	c.mu.Unlock()
	return c.Router.Drained(endpoint, version)
}

// use puts another certificate of our own authority into the table.
func (c *certified) use(cert cloister.Certificate) {
	c.change(func() { c.cert = cert })
}

// prefer puts a certificate before it that clients know.
func (c *certified) prefer(cert cloister.Certificate) {
	c.change(func() { c.known = cert })
}

func (c *certified) certificates() []cloister.Certificate {
	if len(c.known.Chain) == 0 {
		return []cloister.Certificate{c.cert}
	}
	return []cloister.Certificate{c.known, c.cert}
}

func (c *certified) change(set func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set()
	if c.last.Version == 0 {
		return // nothing was published yet
	}
	c.extra++
	c.last.Version++
	c.last.Certificates = c.certificates()
	c.Router.Publish(c.last)
}

// Package outside makes the connections to places that tenants name: receivers of logs, webhooks. It is the one way from
// the platform's own network to there, and the judge of every address is asked after the name was resolved, so that no
// name and no redirect leads to where a tenant could not go.
package outside

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

const (
	idleFor   = 4 * time.Minute
	maxAnswer = 64 << 10 // and of its head
)

// A Judge reports why an address that is about to be dialed may not be, or nil. It has no name any more.
type Judge = func(network, address string, c syscall.RawConn) error

// Config says what may be reached.
type Config struct {
	Allowed Judge          // required
	Roots   *x509.CertPool // who may sign receivers' certificates; nil: whom this machine trusts
}

// TLS is how receivers are spoken to. Their certificates are always checked.
func (c Config) TLS() *tls.Config {
	return &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
}

// Client speaks HTTP, over so many connections at once to a host; 0: as many as it takes. It waits so long for a
// connection, TLS included, and so long for a whole request. It follows no redirects.
func (c Config) Client(connect, answer time.Duration, connections int) *http.Client {
	return &http.Client{
		Timeout:       answer,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: connect, Control: c.Allowed}).DialContext, TLSClientConfig: c.TLS(), TLSHandshakeTimeout: connect,
			IdleConnTimeout: idleFor, MaxConnsPerHost: connections, MaxResponseHeaderBytes: maxAnswer, DisableCompression: true,
		},
	}
}

// Get returns what is at an address, 64 KiB at most. Whatever is not answered with 200 is an error.
func Get(ctx context.Context, c *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return Ask(c, req)
}

// Ask returns what a request is answered with, under the same conditions.
func Ask(c *http.Client, req *http.Request) ([]byte, error) {
	res, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer Finish(res)
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", res.Status)
	}
	got, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(got) > maxAnswer {
		err = fmt.Errorf("its answer is longer than %d bytes", maxAnswer)
	}
	return got, err
}

// Finish throws away an answer that nobody reads, up to a limit, so that its connection can be used again; if there is more,
// there will be another.
func Finish(res *http.Response) {
	io.CopyN(io.Discard, res.Body, maxAnswer)
	res.Body.Close()
}

// TimedOut reports whether an error is one of waiting too long.
func TimedOut(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

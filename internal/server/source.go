package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/outside"
)

// uploads are the sources that were uploaded here, by their addresses. The secret in an address is what counts, not
// the host: the same server has many names.
type uploads struct{ *build.Sources }

// New makes a place for a source, and tells the path to write it to, which is also the one to read it from.
func (u uploads) New() (put, get string, err error) {
	secret, err := u.Sources.New()
	return "/sources/" + secret.Reveal(), "/sources/" + secret.Reveal(), err
}

// pushed is the scheme of sources that came by git and not over HTTP.
const pushed = "git:"

// keep stores a source and returns its address.
func (u uploads) keep(r io.Reader) (string, error) {
	secret, err := u.Sources.New()
	if err != nil {
		return "", err
	}
	return pushed + "/sources/" + secret.Reveal(), u.Put(secret, r)
}

// open opens a source by its address; ok is false when it is none of ours.
func (u uploads) open(address string) (f io.ReadCloser, ok bool) {
	_, secret, ok := strings.Cut(address, "/sources/")
	if !ok || strings.Contains(secret, "/") {
		return nil, false
	}
	f, err := u.Open(cloister.Secret(secret))
	return f, err == nil
}

// opener opens the source of a build: an archive that was uploaded here, or one at a URL of the user's, if every
// address that has to be dialed for it is allowed.
func opener(own uploads, allowed outside.Judge) func(context.Context, string) (io.ReadCloser, bool, error) {
	client := &http.Client{Timeout: 10 * time.Minute, Transport: &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, Control: allowed}).DialContext,
		ResponseHeaderTimeout: 30 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
	}}
	return func(ctx context.Context, address string) (io.ReadCloser, bool, error) {
		if f, ok := own.open(address); ok {
			return f, !strings.HasPrefix(address, pushed), nil
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return nil, false, cloister.Errorf(cloister.Invalid, "The source %q is not an http or https address.", address)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, false, cloister.Errorf(cloister.Invalid, "The source %q is not an address that can be fetched.", address)
		}
		res, err := client.Do(req)
		if err != nil {
			return nil, false, cloister.Errorf(cloister.Invalid, "The source at %s could not be fetched: %v", u.Redacted(), err)
		}
		if res.StatusCode != http.StatusOK {
			res.Body.Close()
			return nil, false, cloister.Errorf(cloister.Invalid, "The source at %s could not be fetched: the answer was %s.", u.Redacted(), res.Status)
		}
		return res.Body, true, nil
	}
}

package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/build"
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
func opener(own uploads, allowed func(network, address string, c syscall.RawConn) error) func(context.Context, string) (io.ReadCloser, bool, error) {
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

// internal are the networks that must not be reached on a user's behalf: what is ours, or the machine's, or its
// neighbours'. The check is made on the address that is dialed, after the name was resolved, and so also after every
// redirect and for every spelling of an address.
var internal = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("224.0.0.0/3"), netip.MustParsePrefix("::/8"), netip.MustParsePrefix("64:ff9b::/32"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("fe80::/9"), netip.MustParsePrefix("ff00::/8"),
	netip.MustParsePrefix("168.63.129.16/32"), // looks public, and is what Azure's machines are managed by
}

// publicOnly refuses to dial addresses of internal networks, and of this machine.
func publicOnly(network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	addr := ap.Addr().Unmap().WithZone("")
	for _, p := range internal {
		if p.Contains(addr) {
			return fmt.Errorf("%s is not a public address", addr)
		}
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(own, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(addr.AsSlice())
	}) {
		return fmt.Errorf("%s is an address of this server", addr)
	}
	return nil
}

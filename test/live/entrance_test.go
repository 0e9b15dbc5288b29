package live

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// TestWaysIn is a server with a pool of ingress addresses: who reaches which app by which way, from outside, from the
// same space and from a peer.
func TestWaysIn(t *testing.T) {
	s := Start(t, "CLOISTER_OUTBOUND_MASQUERADE=false", "CLOISTER_INGRESS_POOL=203.0.113.0/28",
		"CLOISTER_LISTEN=:"+freePorts(t, 1)[0], "CLOISTER_API_TRUSTED=198.51.101.2/32")
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}, outside: NewOutside(t, "198.51.100.0/24", "203.0.113.0/28")}
	for _, a := range []struct{ space, cidr, app, flag string }{
		{"east", "10.20.0.0/16", "east-app", ""}, {"west", "10.30.0.0/16", "west-app", ""}, {"east", "", "inner-app", "--internal-routing"},
	} {
		if a.cidr != "" {
			w.Cloister(t, "spaces:create", a.space, "--team", w.Team, "--cidr", a.cidr)
			w.Cloister(t, "spaces:wait", a.space)
		}
		args := []string{"create", a.app, "--space", a.space, "--no-remote"}
		if a.flag != "" {
			args = append(args, a.flag)
		}
		w.Cloister(t, args...)
		w.push(t, a.app, "first")
		w.Cloister(t, "ps:wait", "--app", a.app)
	}
	t.Run("a space's own address leads to its apps alone", w.ownAddressLeadsToOwnApps)
	t.Run("a stranger is not even answered", w.strangerIsNotAnswered)
	t.Run("the API answers clients in its ranges alone", w.apiAnswersTrusted)
	t.Run("an internal app answers inside its space alone", w.internalAnswersInside)
	t.Run("a peer reaches dynos and internal apps, until it is none", w.peerReaches)
}

// entrance is the ingress address of a space.
func (w *world) entrance(t *testing.T, space string) string {
	t.Helper()
	sp, err := w.api.Space(t.Context(), space)
	if err != nil || len(sp.IngressIPs) != 1 {
		t.Fatalf("space %s has the ingress addresses %v: %v", space, sp.IngressIPs, err)
	}
	return sp.IngressIPs[0]
}

// host is the name by which people ask for an app.
func (w *world) host(t *testing.T, app string) string {
	t.Helper()
	host := strings.TrimPrefix(w.url(t, app), "http://")
	if name, _, ok := strings.Cut(host, ":"); ok {
		return name
	}
	return host
}

// ask sends a request for a host to an address, from outside, and returns the status and the body.
func (w *world) ask(host, address string) (int, string, error) {
	c, err := w.outside.Dial(address)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

// apiAnswersTrusted asks from the outside, which is trusted, and from this machine's address on that network, which is not.
func (w *world) apiAnswersTrusted(t *testing.T) {
	api := w.outside.Host + ":" + port(w.API)
	trusted := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return w.outside.Dial(api) }}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+api+"/account", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.Token)
	if res, err := trusted.Do(r); err != nil {
		t.Error(err)
	} else if res.Body.Close(); res.StatusCode != http.StatusOK {
		t.Errorf("a trusted client gets %d", res.StatusCode)
	}
	stranger := &heroku.Client{URL: "http://" + api, Token: w.Token}
	if _, err := stranger.App(t.Context(), "east-app"); err == nil || !strings.Contains(err.Error(), "does not answer the address "+w.outside.Host) {
		t.Errorf("a stranger with a token gets %v", err)
	}
	for _, path := range []string{"/east-app.git/info/refs?service=git-upload-pack", "/streams/x", "/sources/x", "/slugs/x"} {
		res, err := http.Get("http://" + api + path)
		if err != nil {
			t.Error(err)
			continue
		}
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("a stranger gets %d at %s", res.StatusCode, path)
		}
	}
	c, err := net.Dial("tcp", api)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, "SSH-2.0-test\r\n")
	if said, err := io.ReadAll(c); len(said) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stranger is greeted with %q: %v", said, err)
	}
}

func (w *world) ownAddressLeadsToOwnApps(t *testing.T) {
	for _, c := range []struct {
		app, address string
		ok           bool
	}{
		{"east-app", w.entrance(t, "east") + ":80", true},
		{"west-app", w.entrance(t, "west") + ":80", true},
		{"west-app", w.entrance(t, "east") + ":80", false},
		{"inner-app", w.entrance(t, "east") + ":80", false},
		{"east-app", w.outside.Host + ":" + port(w.HTTP), false},
	} {
		status, body, err := w.ask(w.host(t, c.app), c.address)
		if got := status == http.StatusOK && strings.HasPrefix(body, c.app); got != c.ok {
			t.Errorf("%s at %s: %d %q %v", c.app, c.address, status, body, err)
		}
	}
	for _, closed := range []string{"22", port(w.HTTP), port(w.API)} {
		if c, err := w.outside.Dial(net.JoinHostPort(w.entrance(t, "east"), closed)); err == nil {
			c.Close()
			t.Errorf("port %s of an ingress address is open", closed)
		}
	}
}

func (w *world) strangerIsNotAnswered(t *testing.T) {
	address, host := w.entrance(t, "west")+":80", w.host(t, "west-app")
	kept, err := w.outside.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	lines := bufio.NewReader(kept)
	again := func() error {
		kept.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := fmt.Fprintf(kept, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
			return err
		}
		res, err := http.ReadResponse(lines, nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
	w.Cloister(t, "trusted-ips:add", "192.0.2.0/24", "--space", "west")
	w.Cloister(t, "trusted-ips:remove", "0.0.0.0/0", "--space", "west", "--confirm", "west")
	if err := again(); err == nil {
		t.Error("a connection that is no longer trusted goes on")
	}
	began := time.Now()
	if _, _, err := w.ask(host, address); err == nil {
		t.Error("a stranger is answered")
	} else if n, ok := err.(net.Error); !ok || !n.Timeout() {
		t.Errorf("a stranger hears something after %s: %v", time.Since(began), err)
	}
	if status, _, err := w.ask(w.host(t, "east-app"), w.entrance(t, "east")+":80"); status != http.StatusOK {
		t.Errorf("the other space is shut as well: %d %v", status, err)
	}
	w.Cloister(t, "trusted-ips:add", w.outside.Addr+"/32", "--space", "west")
	if status, _, err := w.ask(host, address); status != http.StatusOK {
		t.Errorf("trusted again: %d %v", status, err)
	}
}

func (w *world) internalAnswersInside(t *testing.T) {
	inner := "/fetch?url=http://" + w.host(t, "inner-app") + "/"
	if got := w.fetch(t, "east", "east-app", inner); !strings.HasPrefix(got, "inner-app ") {
		t.Errorf("from its own space: %q", got)
	}
	if got := w.fetch(t, "west", "west-app", inner); strings.HasPrefix(got, "inner-app ") {
		t.Errorf("from another space: %q", got)
	}
	for _, address := range []string{w.entrance(t, "east") + ":80", w.outside.Host + ":" + port(w.HTTP)} {
		if status, body, _ := w.ask(w.host(t, "inner-app"), address); status == http.StatusOK {
			t.Errorf("from outside at %s: %q", address, body)
		}
	}
	Eventually(t, 10*time.Second, "the router's log tells the dyno that asked", func() bool {
		return strings.Contains(w.Cloister(t, "logs", "--app", "inner-app", "--source", "heroku", "--dyno", "router"), "fwd=\"10.20.")
	})
}

// fetch asks an app by its space's own address.
func (w *world) fetch(t *testing.T, space, app, path string) string {
	t.Helper()
	c, err := w.outside.Dial(w.entrance(t, space) + ":80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, w.host(t, app))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s of %s: %d %q %v", path, app, res.StatusCode, body, err)
	}
	return string(body)
}

func (w *world) peerReaches(t *testing.T) {
	east := w.addresses(t, "east")[0]
	connect := func() string { return w.fetch(t, "west", "west-app", "/connect?to="+east+":5000") }
	if got := connect(); got == "connected" {
		t.Fatal("a space that is no peer reaches the other")
	}
	w.Cloister(t, "spaces:peerings:request", "east", "--space", "west")
	var id string
	for line := range strings.Lines(w.Cloister(t, "spaces:peerings", "--space", "east")) {
		if f := strings.Fields(line); strings.Contains(line, "pending-acceptance") {
			id = f[0]
		}
	}
	if id == "" {
		t.Fatal("the request is not seen on the other side")
	}
	w.Cloister(t, "spaces:peerings:accept", id, "--space", "east")
	Eventually(t, 10*time.Second, "the peer is reached", func() bool { return connect() == "connected" })
	w.Cloister(t, "spaces:peerings:destroy", id, "--space", "east", "--confirm", id)
	Eventually(t, 10*time.Second, "the peer is out of reach again", func() bool { return connect() != "connected" })
}

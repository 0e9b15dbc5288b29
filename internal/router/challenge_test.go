package router

import (
	"bytes"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/cloister-dev/cloister"
)

// A certificate authority is answered although the app trusts nobody and has no dyno; nobody else gets anything by it.
func TestCertificateAuthoritiesAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.publish(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{{AppID: "1", AppName: "demo", Hosts: []string{"demo.test", "*.wild.test"}}} // trusts nobody
		r.Challenges = []cloister.Challenge{{Host: "demo.test", Token: "abc", Text: "abc.thumb"}, {Host: "a.wild.test", Token: "def", Text: "def.thumb"}}
	})
	ask := func(method, host, path string) (int, string) {
		t.Helper()
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, Dial: func(string, string) (net.Conn, error) { return net.Dial("tcp", w.router.HTTPAddr().String()) }}}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+host+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Do(r)
		if err != nil {
			return 0, "" // cut off, as whoever is not trusted
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	for _, x := range []struct {
		method, host, path string
		status             int
		text               string
	}{
		{"GET", "demo.test", "/.well-known/acme-challenge/abc", 200, "abc.thumb"},
		{"GET", "DEMO.test:80", "/.well-known/acme-challenge/abc", 200, "abc.thumb"},
		{"HEAD", "demo.test", "/.well-known/acme-challenge/abc", 200, ""},
		{"GET", "a.wild.test", "/.well-known/acme-challenge/def", 200, "def.thumb"},
		{"GET", "b.wild.test", "/.well-known/acme-challenge/def", 0, ""},
		{"GET", "demo.test", "/.well-known/acme-challenge/def", 0, ""},
		{"GET", "demo.test", "/.well-known/acme-challenge/abc/", 0, ""},
		{"GET", "demo.test", "/.well-known/acme-challenge/", 0, ""},
		{"POST", "demo.test", "/.well-known/acme-challenge/abc", 0, ""},
		{"GET", "demo.test", "/.well-known/../.well-known/acme-challenge/abc", 0, ""},
		{"GET", "demo.test", "/", 0, ""},
	} {
		if status, text := ask(x.method, x.host, x.path); status != x.status || text != x.text {
			t.Errorf("%s %s%s: %d %q", x.method, x.host, x.path, status, text)
		}
	}
	w.publish(func(r *cloister.Routes) { r.Challenges = nil })
	if status, _ := ask("GET", "demo.test", "/.well-known/acme-challenge/abc"); status != 0 {
		t.Errorf("when it is over: %d", status)
	}
}

func TestCertificateAuthoritiesSeeAProofInTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	proof := certificate(t, "demo.test")
	w.secure(func(r *cloister.Routes) {
		r.Challenges = []cloister.Challenge{{Host: "demo.test", Certificate: proof}}
	})
	c, err := w.dialTLS(friend, "demo.test", "acme-tls/1")
	if err != nil {
		t.Fatal(err)
	}
	state := c.ConnectionState()
	if state.NegotiatedProtocol != "acme-tls/1" || len(state.PeerCertificates) != 1 {
		t.Fatalf("negotiated %q", state.NegotiatedProtocol)
	}
	if got := state.PeerCertificates[0]; !shows(proof, got.Raw) {
		t.Error("it was shown another certificate")
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("and then: %v", err)
	}
	if c, err := w.dialTLS(friend, "demo.test", "http/1.1", "acme-tls/1"); err != nil || shows(proof, c.ConnectionState().PeerCertificates[0].Raw) {
		t.Errorf("who speaks more is no certificate authority: %v", err)
	}
}

// shows reports whether a certificate is the one that a client got.
func shows(c cloister.Certificate, der []byte) bool {
	block, _ := pem.Decode(c.Chain)
	return block != nil && bytes.Equal(block.Bytes, der)
}

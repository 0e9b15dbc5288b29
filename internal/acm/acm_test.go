package acm_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/acm"
	"github.com/cloister-dev/cloister/internal/acm/acmtest"
)

// A stage is a machine that all names lead to, with the two ports that authorities ask.
type stage struct {
	mu    sync.Mutex
	shown map[string]cloister.Challenge // by host
	log   []string                      // kinds of challenges
	lies  bool                          // answers something else
	http  *httptest.Server
	tls   net.Listener
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{shown: map[string]cloister.Challenge{}}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.Host)
		s.mu.Lock()
		defer s.mu.Unlock()
		c, ok := s.shown[host]
		if !ok || r.URL.Path != "/.well-known/acme-challenge/"+c.Token || s.lies {
			http.Error(w, "an app's own page", 404)
			return
		}
		io.WriteString(w, c.Text)
	}))
	t.Cleanup(s.http.Close)
	var err error
	s.tls, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{NextProtos: []string{"acme-tls/1"}, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		c := s.shown[hello.ServerName].Certificate
		if s.lies {
			return nil, errors.New("no")
		}
		pair, err := tls.X509KeyPair(c.Chain, c.Key)
		return &pair, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.tls.Close() })
	go func() {
		for {
			c, err := s.tls.Accept()
			if err != nil {
				return
			}
			go func() { c.(*tls.Conn).Handshake(); c.Close() }()
		}
	}()
	return s
}

func (s *stage) ports() (plain, secure int) {
	return s.http.Listener.Addr().(*net.TCPAddr).Port, s.tls.Addr().(*net.TCPAddr).Port
}

func (s *stage) Show(_ context.Context, c cloister.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown[c.Host] = c
	kind := "tls"
	if c.Token != "" {
		kind = "http"
	}
	s.log = append(s.log, kind)
	return nil
}

func (s *stage) Hide(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shown, host)
}

const life = 90 * 24 * time.Hour

func issuer(t *testing.T, a *acmtest.Authority, dns acm.DNS) *acm.Issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return acm.New(acm.Config{Directory: a.Directory, Email: "ops@example.com", Roots: a.Pool(), Key: key, DNS: dns}, slog.New(slog.DiscardHandler))
}

// good checks that a certificate is for a name, with a whole chain.
func good(t *testing.T, a *acmtest.Authority, host, chain string, key cloister.Secret) {
	t.Helper()
	c, err := cloister.ReadCertificate(chain, key, time.Now(), a.Roots)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Covers(host) || !c.Whole || len(c.Warnings) > 0 || c.Leaf.NotAfter.Sub(time.Now()).Round(24*time.Hour) != life {
		t.Errorf("it is for %v until %s, whole %v: %v", c.Names, c.Leaf.NotAfter, c.Whole, c.Warnings)
	}
}

func TestACertificateByHTTPOrTLS(t *testing.T) {
	s := newStage(t)
	plain, secure := s.ports()
	a := acmtest.Start(t, plain, secure, life)
	i := issuer(t, a, nil)
	for range 2 { // by the same account
		chain, key, err := i.Obtain(t.Context(), "www.example.com", s)
		if err != nil {
			t.Fatal(err)
		}
		good(t, a, "www.example.com", chain, key)
	}
	if len(s.shown) > 0 {
		t.Errorf("still shown: %v", s.shown)
	}
	closed := acmtest.Start(t, 1, secure, life) // nothing is at port 80
	chain, key, err := issuer(t, closed, nil).Obtain(t.Context(), "www.example.com", s)
	if err != nil {
		t.Fatal(err)
	}
	good(t, closed, "www.example.com", chain, key)
	if last := s.log[len(s.log)-1]; last != "tls" {
		t.Errorf("proven by %v", s.log)
	}
}

func TestACertificateByTheDNS(t *testing.T) {
	a := acmtest.Start(t, 1, 1, life)
	record := filepath.Join(t.TempDir(), "calls")
	hook := filepath.Join(t.TempDir(), "hook")
	script := "#!/bin/sh\necho \"$1 $2\" >>" + record + "\nexec \"" + os.Args[0] + "\" dns \"$@\"\n"
	if err := os.WriteFile(hook, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	update := acm.Updater{Server: a.DNS.Addr, KeyName: acmtest.KeyName, Algorithm: "hmac-sha256", Secret: acmtest.KeySecret}
	t.Setenv("ACM_TEST_DNS", a.DNS.Addr)
	for name, dns := range map[string]acm.DNS{"dynamic updates": update, "a hook": acm.Hook{Path: hook}} {
		t.Run(name, func(t *testing.T) {
			chain, key, err := issuer(t, a, dns).Obtain(t.Context(), "*.example.com", nil)
			if err != nil {
				t.Fatal(err, errors.Unwrap(err))
			}
			good(t, a, "*.example.com", chain, key)
			if left := a.DNS.Texts("_acme-challenge.example.com"); len(left) > 0 {
				t.Errorf("records are left: %q", left)
			}
		})
	}
	if calls, _ := os.ReadFile(record); string(calls) != "add _acme-challenge.example.com\nremove _acme-challenge.example.com\n" {
		t.Errorf("the hook was called with %q", calls)
	}
	for name, dns := range map[string]acm.DNS{
		"a wrong key":    acm.Updater{Server: a.DNS.Addr, KeyName: acmtest.KeyName, Algorithm: "hmac-sha256", Secret: "d3Jvbmc="},
		"no key":         acm.Updater{Server: a.DNS.Addr},
		"nobody there":   acm.Updater{Server: "127.0.0.1:1"},
		"a hook missing": acm.Hook{Path: hook + ".none"},
		"a hook failing": acm.Hook{Path: "/bin/false"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := issuer(t, a, dns).Obtain(t.Context(), "*.example.com", nil); err == nil {
				t.Error("a certificate was had")
			}
		})
	}
}

// TestMain is also the program that the hook of a test runs.
func TestMain(m *testing.M) {
	if len(os.Args) == 5 && os.Args[1] == "dns" {
		u := acm.Updater{Server: os.Getenv("ACM_TEST_DNS"), KeyName: acmtest.KeyName, Algorithm: "hmac-sha256", Secret: acmtest.KeySecret}
		change := u.Put
		if os.Args[2] == "remove" {
			change = u.Drop
		}
		if err := change(context.Background(), os.Args[3], os.Args[4]); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestWhyThereIsNoCertificate(t *testing.T) {
	s := newStage(t)
	plain, secure := s.ports()
	problem := func(status int, kind, detail string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("Replay-Nonce", "x")
			w.WriteHeader(status)
			io.WriteString(w, `{"type":"urn:ietf:params:acme:error:`+kind+`","detail":"`+detail+`"}`)
		}
	}
	for name, test := range map[string]struct {
		host   string
		change func(a *acmtest.Authority)
		reason string
		final  bool
		wait   time.Duration
	}{
		"the name leads nowhere": {"www.missing", nil, "did not sign: Could not resolve URL", false, time.Minute},
		"somebody else answers":  {"www.example.com", func(*acmtest.Authority) { s.lies = true }, "Whoever answered at www.example.com was not this server", false, time.Minute},
		"a wildcard":             {"*.example.com", nil, "takes a proof by the DNS", true, 0},
		"a name that is refused": {"www.blocked.example", func(a *acmtest.Authority) { a.Block(t, "blocked.example") }, "signs nothing for www.blocked.example", true, time.Minute},
		"too many":               {"www.example.com", func(a *acmtest.Authority) { a.Fail(problem(429, "rateLimited", "too many certificates")) }, "has signed enough for now: too many certificates.", false, time.Hour},
		"a CAA record": {"www.example.com", func(a *acmtest.Authority) {
			a.Fail(problem(403, "caa", "CAA record for example.com prevents issuance"))
		}, "A CAA record in the DNS of www.example.com", false, time.Minute},
		"trouble of its own": {"www.example.com", func(a *acmtest.Authority) { a.Fail(problem(500, "serverInternal", "oh no")) }, "has trouble of its own: oh no.", false, time.Minute},
		"nonsense": {"www.example.com", func(a *acmtest.Authority) {
			a.Fail(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") })
		}, "does not answer as it should", false, time.Minute},
		"it is down": {"www.example.com", func(a *acmtest.Authority) { a.Directory = "https://127.0.0.1:1/dir" }, "does not answer as it should", false, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			a := acmtest.Start(t, plain, secure, life)
			s.lies = false
			if test.change != nil {
				test.change(a)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, _, err := issuer(t, a, nil).Obtain(ctx, test.host, s)
			var f *acm.Failure
			if !errors.As(err, &f) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(f.Reason, test.reason) || f.Final != test.final || f.Wait != test.wait {
				t.Errorf("%s (final %v, again in %s), because of %v", f.Reason, f.Final, f.Wait, errors.Unwrap(f))
			}
			if len(s.shown) > 0 {
				t.Errorf("still shown: %v", s.shown)
			}
		})
	}
}

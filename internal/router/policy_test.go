package router

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// speak opens a connection with a client's own settings, and makes a request to a host by HTTP/1.1: what came back, and what was
// agreed on.
func (w *world) speak(form *tls.Config, host, more string) (resp *http.Response, body string, state tls.ConnectionState, err error) {
	w.t.Helper()
	raw, err := net.Dial("tcp", w.router.HTTPSAddr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(10 * time.Second))
	form.InsecureSkipVerify = true
	c := tls.Client(raw, form)
	if err := c.Handshake(); err != nil {
		return nil, "", state, err
	}
	wire := newWire(w.t, c)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n"+more+"\r\n"); err != nil {
		return nil, "", state, err
	}
	if _, err := wire.rd.Peek(1); err != nil { // where TLS 1.3 says that a client's certificate will not do
		return nil, "", state, err
	}
	resp, body = wire.response("GET")
	return resp, body, c.ConnectionState(), nil
}

func TestProfilesSayWhatIsSpoken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "on") })
	w.secure(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", at), route("legacy", at), route("modern", at)}
		r.Apps[1].TLS, r.Apps[2].TLS = cloister.TLSLegacy, cloister.TLSModern
	})
	for _, c := range []struct {
		what      string
		version   uint16 // the newest that the client can
		suites    []uint16
		apps      map[string]bool // who answers
		loggedFor string
	}{
		{"TLS 1.3", tls.VersionTLS13, nil, map[string]bool{"demo": true, "legacy": true, "modern": true}, "tls1.3"},
		{"TLS 1.2", tls.VersionTLS12, nil, map[string]bool{"demo": true, "legacy": true, "modern": false}, "tls1.2"},
		{"TLS 1.2 with CBC alone", tls.VersionTLS12, oldSuites, map[string]bool{"demo": false, "legacy": true, "modern": false}, "tls1.2"},
		{"TLS 1.1", tls.VersionTLS11, nil, map[string]bool{"demo": false, "legacy": true, "modern": false}, "tls1.1"},
		{"TLS 1.0", tls.VersionTLS10, nil, map[string]bool{"demo": false, "legacy": true, "modern": false}, "tls1.0"},
		{"no forward secrecy", tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, map[string]bool{"demo": false, "legacy": false, "modern": false}, ""},
	} {
		for app, want := range c.apps {
			resp, body, state, err := w.speak(&tls.Config{ServerName: app + ".test", MinVersion: tls.VersionTLS10, MaxVersion: c.version, CipherSuites: c.suites}, app+".test", "")
			if got := err == nil; got != want {
				t.Errorf("%s: %s answers: %v, want %v (%v)", app, c.what, got, want, err)
				continue
			}
			if want && (resp.StatusCode != 200 || body != "on" || state.Version != c.version) {
				t.Errorf("%s: %s: %s %q over %x", app, c.what, resp.Status, body, state.Version)
			}
			if want {
				w.line(app+"-id at=info", "tls=true tls_version="+c.loggedFor)
			}
		}
	}
}

// A client that names nobody, or somebody who asks for less, does not get around what a name asks for.
func TestNameAndHostAgreeOnThePolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.secure(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("modern", backend(t, func(http.ResponseWriter, *http.Request) { t.Error("the dyno was asked") }))}
		r.Apps[0].TLS = cloister.TLSModern
	})
	for _, name := range []string{"", "nobody.test"} {
		resp, _, _, err := w.speak(&tls.Config{ServerName: name, MaxVersion: tls.VersionTLS12}, "modern.test", "")
		if err != nil || resp.StatusCode != 495 {
			t.Errorf("by %q: %v %v", name, resp, err)
		}
	}
	w.line("modern-id at=error code=H32", "status=495", "tls_version=tls1.2")
}

// A signer signs clients' certificates.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newSigner(t *testing.T, name string) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return signer{cert, key}
}

func (s signer) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Raw})
}

func (s signer) client(t *testing.T, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "a machine"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, s.cert, &key.PublicKey, s.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// closed is an app with an open name and one that only clients of an authority may come to.
func (w *world) closed(authorities []byte) {
	w.t.Helper()
	at := backend(w.t, func(rw http.ResponseWriter, r *http.Request) {
		io.WriteString(rw, strings.Join(r.Header["Client-Cert"], "|")+strings.Join(r.Header["Client-Cert-Chain"], "|"))
	})
	w.secure(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", at)}
		r.Apps[0].Hosts = append(r.Apps[0].Hosts, "closed.test")
		r.Apps[0].Clients = []cloister.Clients{{Host: "closed.test", Authorities: authorities}}
	})
}

const forged = "Client-Cert: :Zm9yZ2Vk:\r\nClient-Cert-Chain: :Zm9yZ2Vk:\r\nClient_Cert: :Zm9yZ2Vk:\r\n"

func TestOnlyKnownClientsComeToAClosedName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	ours, others := newSigner(t, "ours"), newSigner(t, "others")
	w.closed(ours.pem())
	known := ours.client(t, time.Now().Add(time.Hour))
	shown := ":" + base64.StdEncoding.EncodeToString(known.Certificate[0]) + ":"

	for _, c := range []struct {
		what   string
		name   string // that the connection is for
		host   string
		client []tls.Certificate
		status int // 0: no answer at all
		body   string
	}{
		{"a known client", "closed.test", "closed.test", []tls.Certificate{known}, 200, shown},
		{"nobody's client", "closed.test", "closed.test", nil, 0, ""},
		{"another authority's client", "closed.test", "closed.test", []tls.Certificate{others.client(t, time.Now().Add(time.Hour))}, 0, ""},
		{"a client of the past", "closed.test", "closed.test", []tls.Certificate{ours.client(t, time.Now().Add(-time.Minute))}, 0, ""},
		{"a server's certificate", "closed.test", "closed.test", []tls.Certificate{{Certificate: [][]byte{ours.cert.Raw}, PrivateKey: ours.key}}, 200, ":" + base64.StdEncoding.EncodeToString(ours.cert.Raw) + ":"},
		{"by the open name of the app", "demo.test", "closed.test", []tls.Certificate{known}, 495, ""},
		{"by no name", "", "closed.test", []tls.Certificate{known}, 495, ""},
		{"by an unknown name", "nobody.test", "closed.test", []tls.Certificate{known}, 495, ""},
		{"the open name", "demo.test", "demo.test", nil, 200, ""},
		{"the open name by the closed one", "closed.test", "demo.test", []tls.Certificate{known}, 200, ""},
	} {
		resp, body, _, err := w.speak(&tls.Config{ServerName: c.name, Certificates: c.client}, c.host, forged)
		switch {
		case c.status == 0 && err == nil:
			t.Errorf("%s: %s", c.what, resp.Status)
		case c.status != 0 && (err != nil || resp.StatusCode != c.status):
			t.Errorf("%s: %v %v, want %d", c.what, resp, err, c.status)
		case c.status == 200 && body != c.body:
			t.Errorf("%s: the dyno was told of %q, want %q", c.what, body, c.body)
		}
	}
	if resp, body := w.get("closed.test", "/"); resp.StatusCode != 496 || !strings.Contains(body, "Certificate required") {
		t.Errorf("plain HTTP: %s %s", resp.Status, body)
	}
	w.line("demo-id at=error code=H32 desc=\"TLS client certificate required\"", "status=496", "tls=false")
	if resp, _ := w.get("demo.test", "/"); resp.StatusCode != 200 {
		t.Errorf("plain HTTP to the open name: %s", resp.Status)
	}
	if resp, err := w.http2(friend, "demo.test").Get("https://closed.test/"); err != nil || resp.StatusCode != 421 {
		t.Errorf("HTTP/2 by the open name: %v %v", resp, err)
	}
}

// A ticket that was got under one policy opens nothing under another.
func TestASessionDoesNotCarryAClientToAnotherPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	ours := newSigner(t, "ours")
	w.closed(ours.pem())
	known := []tls.Certificate{ours.client(t, time.Now().Add(time.Hour))}
	cache := oneSession{tls.NewLRUClientSessionCache(1)}
	again := func(name string, client []tls.Certificate) (bool, error) {
		resp, _, state, err := w.speak(&tls.Config{ServerName: name, Certificates: client, ClientSessionCache: cache}, name, "")
		if err == nil && resp.StatusCode != 200 {
			t.Errorf("%s: %s", name, resp.Status)
		}
		return state.DidResume, err
	}
	if resumed, err := again("demo.test", nil); resumed || err != nil {
		t.Errorf("first: %v %v", resumed, err)
	}
	if resumed, err := again("demo.test", nil); !resumed || err != nil {
		t.Errorf("again: %v %v", resumed, err)
	}
	if resumed, err := again("closed.test", nil); err == nil {
		t.Errorf("the open name's session opens the closed one, resumed: %v", resumed)
	}
	if resumed, err := again("closed.test", known); resumed || err != nil {
		t.Errorf("closed: %v %v", resumed, err)
	}
	if resumed, err := again("closed.test", nil); !resumed || err != nil {
		t.Errorf("closed, again: %v %v", resumed, err)
	}
	w.closed(newSigner(t, "others").pem())
	if resumed, err := again("closed.test", nil); err == nil {
		t.Errorf("a session outlives its authority, resumed: %v", resumed)
	}
}

// oneSession has one session for all names, as an attacker would.
type oneSession struct{ tls.ClientSessionCache }

func (c oneSession) Get(string) (*tls.ClientSessionState, bool) { return c.ClientSessionCache.Get("") }
func (c oneSession) Put(_ string, s *tls.ClientSessionState)    { c.ClientSessionCache.Put("", s) }

func TestAnotherAuthorityEndsConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	ours := newSigner(t, "ours")
	w.closed(ours.pem())
	dial := func(name string, client ...tls.Certificate) *wire {
		raw, err := net.Dial("tcp", w.router.HTTPSAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { raw.Close() })
		raw.SetDeadline(time.Now().Add(10 * time.Second))
		c := newWire(t, tls.Client(raw, &tls.Config{ServerName: name, Certificates: client, InsecureSkipVerify: true}))
		if resp, _ := c.say("GET / HTTP/1.1\r\nHost: " + name + "\r\n\r\n").response("GET"); resp.StatusCode != 200 {
			t.Fatal(resp.Status)
		}
		return c
	}
	closed, open := dial("closed.test", ours.client(t, time.Now().Add(time.Hour))), dial("demo.test")
	w.closed(newSigner(t, "others").pem())
	closed.rest()
	if resp, _ := open.say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n").response("GET"); resp.StatusCode != 200 {
		t.Errorf("the open name: %s", resp.Status)
	}
}

func TestAuthoritiesThatCanNotBeReadLetNobodyIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.closed([]byte("nonsense"))
	if _, _, _, err := w.speak(&tls.Config{ServerName: "closed.test"}, "closed.test", ""); err == nil {
		t.Error("somebody got in")
	}
	if resp, _ := w.get("demo.test", "/"); resp.StatusCode != 200 {
		t.Errorf("the open name: %s", resp.Status)
	}
}

func TestSessionsOutliveARouter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.closed(newSigner(t, "ours").pem())
	cache := oneSession{tls.NewLRUClientSessionCache(1)}
	resumed := func() bool {
		_, _, state, err := w.speak(&tls.Config{ServerName: "demo.test", ClientSessionCache: cache}, "demo.test", "")
		if err != nil {
			t.Fatal(err)
		}
		return state.DidResume
	}
	resumed()
	w.stop()
	w.startRouter(patient)
	if !resumed() {
		t.Error("the next router does not know the session")
	}
	info, err := os.Stat(filepath.Join(w.state, "tickets.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	kept, _ := cache.Get("")
	for n := 1; n <= ticketKeys; n++ {
		if err := w.router.turnTickets(time.Now().Add(time.Duration(n) * ticketTurn)); err != nil {
			t.Fatal(err)
		}
		cache.Put("", kept)
		if got, want := resumed(), n < ticketKeys; got != want {
			t.Errorf("after %d turns of the keys: resumed %v", n, got)
		}
	}
}

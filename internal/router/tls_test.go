package router

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// certificate is self-signed.
func certificate(t testing.TB, names ...string) cloister.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return cloister.Certificate{
		Names: names,
		Chain: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

// secure publishes certificates along with whatever else change does.
func (w *world) secure(change func(*cloister.Routes)) {
	w.t.Helper()
	certs := []cloister.Certificate{certificate(w.t, "default.test"), certificate(w.t, "demo.test"), certificate(w.t, "*.wild.test")}
	w.publish(func(r *cloister.Routes) {
		r.Certificates = certs
		change(r)
	})
}

// dialTLS opens a connection as sni, from ip.
func (w *world) dialTLS(ip, sni string, protocols ...string) (*tls.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	raw, err := d.Dial("tcp", w.router.HTTPSAddr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { raw.Close() })
	raw.SetDeadline(time.Now().Add(10 * time.Second))
	c := tls.Client(raw, &tls.Config{ServerName: sni, InsecureSkipVerify: true, NextProtos: protocols})
	return c, c.Handshake()
}

// http2 is a client that speaks nothing else, always connects to the router, and uses one connection for all.
func (w *world) http2(ip, sni string) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	t := &http.Transport{Protocols: protocols, DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
		c, err := w.dialTLS(ip, sni, "h2")
		c.SetDeadline(time.Time{})
		return c, err
	}}
	w.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: time.Minute}
}

func TestCertificateIsChosenByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.secure(func(*cloister.Routes) {})
	for sni, want := range map[string]string{
		"demo.test": "demo.test", "DEMO.test": "demo.test", "a.wild.test": "*.wild.test",
		"a.b.wild.test": "default.test", "nobody.test": "default.test", "": "default.test",
	} {
		c, err := w.dialTLS(friend, sni)
		if err != nil {
			t.Errorf("%s: %v", sni, err)
			continue
		}
		if got := c.ConnectionState().PeerCertificates[0].Subject.CommonName; got != want {
			t.Errorf("%q got the certificate of %s, want %s", sni, got, want)
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.secure(func(*cloister.Routes) {})
	c, err := tls.Dial("tcp", w.router.HTTPSAddr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil {
		c.Close()
		t.Error("TLS 1.1 was accepted")
	}
}

func TestBrokenCertificateDoesNotHarmOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	good := certificate(t, "demo.test")
	w.publish(func(r *cloister.Routes) {
		r.Certificates = []cloister.Certificate{{Names: []string{"x.test"}, Chain: []byte("x"), Key: []byte("y")}, good}
	})
	if _, err := w.dialTLS(friend, "demo.test"); err != nil {
		t.Error(err)
	}
}

func TestHTTP1OverTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Port"))
	})
	w.secure(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", at)} })
	c, err := w.dialTLS(friend, "demo.test", "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	if _, body := newWire(t, c).say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n").response("GET"); body != "https443" {
		t.Errorf("got %q", body)
	}
	w.line("at=info", "protocol=http1.1 tls=true tls_version=tls1.3")
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("body: %v", err)
		}
		rw.Header().Set("Trailer", "X-Sum")
		rw.Header().Set("Connection", "X-Hop")
		rw.Header().Set("X-Hop", "1")
		fmt.Fprintf(rw, "%s %s %s %d %s", r.Proto, r.Method, r.Header.Get("X-Forwarded-Proto"), len(body), r.Header.Get("Via"))
		rw.Header().Set("X-Sum", r.Trailer.Get("X-Sent"))
	})
	w.secure(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", at)} })
	client := w.http2(friend, "demo.test")
	req, _ := http.NewRequest("POST", "https://demo.test/p?q=1", io.MultiReader(bytes.NewReader(make([]byte, 300<<10))))
	req.Trailer = http.Header{"X-Sent": {"sent"}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "HTTP/1.1 POST https 307200 2.0 cloister-router" {
		t.Errorf("got %q, %v", body, err)
	}
	if resp.ProtoMajor != 2 || resp.Header.Get("X-Hop") != "" || resp.Trailer.Get("X-Sum") != "sent" || resp.Header.Get("Via") != "1.1 cloister-router" {
		t.Errorf("got %s %v, trailer %v", resp.Proto, resp.Header, resp.Trailer)
	}
	w.line("at=info method=POST", `path="/p?q=1" host=demo.test`, "bytes=46 protocol=http2.0 tls=true tls_version=tls1.3")
	if resp, err := client.Head("https://demo.test/"); err != nil || resp.StatusCode != 200 {
		t.Errorf("HEAD: %v %v", resp, err)
	}
	if resp, err := client.Get("https://nobody.test/"); err != nil || resp.StatusCode != 404 {
		t.Errorf("nobody: %v %v", resp, err)
	}
}

func TestHTTP2FailuresAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, impatient)
	silent := rawBackend(t, func(c net.Conn, _ string) { io.Copy(io.Discard, c) })
	cut := rawBackend(t, func(c net.Conn, _ string) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		c.Close()
	})
	w.secure(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", silent), route("cut", cut), route("none")}
	})
	for host, code := range map[string]string{"demo.test": "H12", "none.test": "H14"} {
		resp, err := w.http2(friend, host).Get("https://" + host + "/")
		if err != nil || resp.StatusCode != 503 {
			t.Errorf("%s: %v %v", host, resp, err)
		}
		w.line("at=error code="+code, "protocol=http2.0")
	}
	resp, err := w.http2(friend, "cut.test").Get("https://cut.test/")
	if err == nil {
		_, err = io.ReadAll(resp.Body)
	}
	if err == nil {
		t.Error("a response that was cut short looks complete")
	}
	w.line("at=error code=H18", "protocol=http2.0")
}

func TestClientThatCancelsAStreamIsH27(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	arrived, left := make(chan bool, 1), make(chan bool, 1)
	at := rawBackend(t, func(c net.Conn, _ string) {
		arrived <- true
		io.Copy(io.Discard, c)
		left <- true
	})
	w.secure(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", at)} })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://demo.test/", nil)
	if _, err := w.http2(friend, "demo.test").Do(req); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-left
	w.line("at=warning code=H27", "status=499", "protocol=http2.0")
}

func TestStrangerToTheNamedAppGetsNoHandshake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.secure(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo")}
		r.Apps[0].Trusted = ranges(friend + "/32")
	})
	if _, err := w.dialTLS(friend, "demo.test"); err != nil {
		t.Errorf("a friend: %v", err)
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(stranger)}}
	raw, err := d.Dial("tcp", w.router.HTTPSAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(10 * time.Second))
	var heard countingConn
	heard.Conn = raw
	err = tls.Client(&heard, &tls.Config{ServerName: "demo.test", InsecureSkipVerify: true}).Handshake()
	if err == nil || heard.n != 0 {
		t.Errorf("a stranger heard %d bytes, %v", heard.n, err)
	}
}

type countingConn struct {
	net.Conn
	n int
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n += n
	return n, err
}

func TestStrangerWithoutANameGetsHisStreamReset(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	at := backend(t, func(http.ResponseWriter, *http.Request) { t.Error("the dyno was asked") })
	w.secure(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", at)}
		r.Apps[0].Trusted = ranges(friend + "/32")
	})
	if resp, err := w.http2(stranger, "").Get("https://demo.test/"); err == nil {
		t.Errorf("a stranger got %s", resp.Status)
	} else if !strings.Contains(err.Error(), "INTERNAL_ERROR") {
		t.Errorf("want a reset of the stream, got %v", err)
	}
}

func TestConnectionForAnotherAppIsMisdirected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	one := backend(t, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "one") })
	two := backend(t, func(rw http.ResponseWriter, r *http.Request) { t.Error("the other app was reached") })
	w.secure(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", one), route("other", two)} })
	for protocol, mismatch := range map[string]int{"http/1.1": 495, "h2": 421} {
		get := func(host string) int {
			if protocol == "h2" {
				resp, err := w.http2(friend, "demo.test").Get("https://" + host + "/")
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode
			}
			c, err := w.dialTLS(friend, "demo.test", protocol)
			if err != nil {
				t.Fatal(err)
			}
			resp, _ := newWire(t, c).say("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n").response("GET")
			return resp.StatusCode
		}
		if s := get("demo.test"); s != 200 {
			t.Errorf("%s: the app itself: %d", protocol, s)
		}
		if s := get("other.test"); s != mismatch {
			t.Errorf("%s: another app: %d, want %d", protocol, s, mismatch)
		}
		if s := get("nobody.test"); s != 404 {
			t.Errorf("%s: no app: %d", protocol, s)
		}
	}
	w.line("other-id at=error code=H31", "status=421")
	w.line("other-id at=error code=H32", "status=495")
}

func TestChangeOfTrustResetsStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			io.WriteString(rw, "data\n")
			rw.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	})
	w.secure(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", at)}
		r.Apps[0].Trusted = ranges("127.0.0.2/31")
	})
	good, err := w.http2(friend, "demo.test").Get("https://demo.test/")
	if err != nil {
		t.Fatal(err)
	}
	defer good.Body.Close()
	for _, sni := range []string{"demo.test", ""} { // the connection is cut, or only the stream
		bad, err := w.http2(stranger, sni).Get("https://demo.test/")
		if err != nil {
			t.Fatal(err)
		}
		defer bad.Body.Close()
		w.trust(friend + "/32")
		cut := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, bad.Body)
			cut <- err
		}()
		select {
		case err := <-cut:
			if err == nil {
				t.Errorf("SNI %q: the download seems complete", sni)
			}
		case <-time.After(time.Second):
			t.Errorf("SNI %q: the download goes on", sni)
		}
		w.trust("127.0.0.2/31")
	}
	if _, err := io.ReadFull(good.Body, make([]byte, 100)); err != nil {
		t.Errorf("the trusted client: %v", err)
	}
}

func TestHTTP2CanNotSmuggle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	r := newRecorder(t)
	w.secure(func(rs *cloister.Routes) { rs.Apps = []cloister.Route{route("demo", r.addr)} })
	for name, c := range map[string]struct{ path, host, header, value string }{
		"CRLF in the path":      {path: "/ HTTP/1.1\r\nX: y", host: "demo.test"},
		"space in the path":     {path: "/ HTTP/1.1 ", host: "demo.test"},
		"CRLF in the host":      {path: "/", host: "demo.test\r\nX: y"},
		"space in the host":     {path: "/", host: "demo.test x"},
		"CRLF in a value":       {path: "/", host: "demo.test", header: "x", value: "y\r\nContent-Length: 5"},
		"transfer-encoding":     {path: "/", host: "demo.test", header: "transfer-encoding", value: "chunked"},
		"connection":            {path: "/", host: "demo.test", header: "connection", value: "x"},
		"colon in a name":       {path: "/", host: "demo.test", header: "x: y\r\nz", value: "1"},
		"different lengths":     {path: "/", host: "demo.test", header: "content-length", value: "5, 6"},
		"a length, and no body": {path: "/", host: "demo.test", header: "content-length", value: "47"},
		"authority with user":   {path: "/", host: "a@demo.test"},
	} {
		if status := w.rawStream(c.path, c.host, c.header, c.value); status != "" && status != "400" {
			t.Errorf("%s: status %s", name, status)
		}
	}
	w.stop()
	if saw := r.stop(); len(saw) != 0 {
		t.Errorf("the dyno saw %q", saw)
	}
}

package router

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/cloister-dev/cloister"
)

func withQUIC(c *Config) { c.QUIC = "127.0.0.1:0" }

// http3 is a client that speaks nothing else, always connects to the router from ip, and uses one connection for all.
func (w *world) http3(ip, sni string, change ...func(*tls.Config)) *http.Client {
	w.t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		w.t.Fatal(err)
	}
	from := &quic.Transport{Conn: socket}
	t := &http3.Transport{Dial: func(ctx context.Context, _ string, form *tls.Config, c *quic.Config) (*quic.Conn, error) {
		form = form.Clone()
		form.ServerName, form.InsecureSkipVerify = sni, true
		for _, f := range change {
			f(form)
		}
		return from.Dial(ctx, w.router.QUICAddr(), form, c)
	}}
	w.t.Cleanup(func() { t.Close(); from.Close(); socket.Close() })
	return &http.Client{Transport: t, Timeout: 20 * time.Second}
}

func TestHTTP3(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient, withQUIC)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("body: %v", err)
		}
		rw.Header().Set("Trailer", "X-Sum")
		rw.Header().Set("Connection", "X-Hop")
		rw.Header().Set("X-Hop", "1")
		fmt.Fprintf(rw, "%s %s %s %d %s %v", r.Proto, r.Method, r.Header.Get("X-Forwarded-Proto"), len(body), r.Header.Get("Via"), r.TransferEncoding)
		rw.Header().Set("X-Sum", "sent")
	})
	w.secure(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", at)} })
	client := w.http3(friend, "demo.test")
	ask := func(method, url string, body io.Reader) (*http.Response, string) {
		t.Helper()
		req, _ := http.NewRequest(method, url, body)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Errorf("%s: %v", method, err)
		}
		return resp, string(text)
	}
	resp, body := ask("POST", "https://demo.test/p?q=1", io.MultiReader(bytes.NewReader(make([]byte, 300<<10))))
	if body != "HTTP/1.1 POST https 307200 3.0 cloister-router [chunked]" || resp.ProtoMajor != 3 || resp.Header.Get("X-Hop") != "" || resp.Header.Get("Via") != "1.1 cloister-router" || resp.Header.Get("Alt-Svc") != "" {
		t.Errorf("got %q, %s %v", body, resp.Proto, resp.Header)
	}
	w.line("at=info method=POST", `path="/p?q=1" host=demo.test`, "protocol=http3.0 tls=true tls_version=tls1.3")
	if resp, body := ask("GET", "https://demo.test/", nil); body != "HTTP/1.1 GET https 0 3.0 cloister-router []" {
		t.Errorf("GET: %s %q", resp.Status, body)
	}
	if resp, body := ask("PUT", "https://demo.test/", strings.NewReader("abc")); body != "HTTP/1.1 PUT https 3 3.0 cloister-router []" {
		t.Errorf("PUT: %s %q", resp.Status, body)
	}
	if resp, _ := ask("HEAD", "https://demo.test/", nil); resp.StatusCode != 200 {
		t.Errorf("HEAD: %s", resp.Status)
	}
	if resp, _ := ask("GET", "https://nobody.test/", nil); resp.StatusCode != 404 {
		t.Errorf("nobody: %s", resp.Status)
	}
}

func TestHTTP3IsAdvertised(t *testing.T) {
	t.Parallel()
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) {})
	for name, set := range map[string][]func(*Config){"with": {withQUIC}, "without": nil} {
		w := newWorld(t, patient, set...)
		w.secure(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", at)} })
		want := ""
		if set != nil {
			w.eventually("it is served", func() bool { return w.router.alternative.Load() != nil })
			want = fmt.Sprintf(`h3=":%d"; ma=86400`, w.router.QUICAddr().(*net.UDPAddr).Port)
		}
		resp, err := w.http2(friend, "demo.test").Get("https://demo.test/")
		if err != nil || resp.Header.Get("Alt-Svc") != want {
			t.Errorf("%s: HTTP/2: %v %v", name, resp, err)
		}
		if resp, _, _, err := w.speak(&tls.Config{ServerName: "demo.test"}, "demo.test", ""); err != nil || resp.Header.Get("Alt-Svc") != want {
			t.Errorf("%s: HTTPS: %v %v", name, resp, err)
		}
		if resp, _ := w.get("demo.test", "/"); resp.Header.Get("Alt-Svc") != "" {
			t.Errorf("%s: plain HTTP: %v", name, resp.Header)
		}
	}
}

func TestHTTP3KeepsTrustedRangesAndNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient, withQUIC)
	began := make(chan bool, 8)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			rw.(http.Flusher).Flush()
			began <- true
			<-r.Context().Done()
		}
	})
	ours := newSigner(t, "ours")
	w.secure(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", at), route("other", at)}
		r.Apps[0].Trusted = ranges(friend + "/32")
		r.Apps[1].Hosts = append(r.Apps[1].Hosts, "closed.test")
		r.Apps[1].Clients = []cloister.Clients{{Host: "closed.test", Authorities: ours.pem()}}
	})
	status := func(c *http.Client, host string) int {
		resp, err := c.Get("https://" + host + "/")
		if err != nil {
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	known := func(c *tls.Config) { c.Certificates = []tls.Certificate{ours.client(t, time.Now().Add(time.Hour))} }
	for _, c := range []struct {
		what, from, name, host string
		change                 []func(*tls.Config)
		want                   int
	}{
		{"a friend", friend, "demo.test", "demo.test", nil, 200},
		{"a friend, by another name", friend, "demo.test", "DEMO.test", nil, 200},
		{"a stranger", stranger, "demo.test", "demo.test", nil, 0},
		{"a stranger by another app", stranger, "other.test", "demo.test", nil, 0},
		{"a stranger by no name", stranger, "", "demo.test", nil, 0},
		{"another app", friend, "demo.test", "other.test", nil, 421},
		{"a known client", friend, "closed.test", "closed.test", []func(*tls.Config){known}, 200},
		{"an unknown client", friend, "closed.test", "closed.test", nil, 0},
		{"a known client by the open name", friend, "other.test", "closed.test", []func(*tls.Config){known}, 421},
	} {
		if got := status(w.http3(c.from, c.name, c.change...), c.host); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}

	// Who is trusted no more is cut off, in the middle of a request.
	client := w.http3(friend, "demo.test")
	cut := make(chan error, 1)
	go func() {
		resp, err := client.Get("https://demo.test/long")
		if err == nil {
			_, err = io.ReadAll(resp.Body)
		}
		cut <- err
	}()
	<-began
	w.publish(func(r *cloister.Routes) { r.Apps[0].Trusted = ranges(stranger + "/32") })
	if err := <-cut; err == nil {
		t.Error("the answer seems complete")
	}
	if got := status(client, "demo.test"); got != 0 {
		t.Errorf("who was a friend gets %d", got)
	}
}

// A router that ends finishes what it has begun, and the next one takes the socket over.
func TestHTTP3IsHandedOver(t *testing.T) {
	t.Parallel()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := socket.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	socket.Close()
	defer file.Close()
	inherit := func(c *Config) { // as a supervisor hands it on
		if c.QUICSocket, err = net.FilePacketConn(file); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, patient, inherit)
	began, finish := make(chan bool, 1), make(chan bool)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			began <- true
			<-finish
		}
		io.WriteString(rw, "done")
	})
	w.secure(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", at)} })
	idle := w.http3(friend, "demo.test")
	if resp, err := idle.Get("https://demo.test/"); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	slow := make(chan error, 1)
	go func() {
		resp, err := w.http3(friend, "demo.test").Get("https://demo.test/slow")
		var body []byte
		if err == nil {
			body, err = io.ReadAll(resp.Body)
		}
		if err == nil && string(body) != "done" {
			err = errors.New(string(body))
		}
		slow <- err
	}()
	<-began
	first, ended := w.stop, make(chan bool)
	go func() { first(); close(ended) }()
	w.startRouter(patient, inherit)
	if w.router.alternative.Load() != nil {
		t.Error("two routers read one socket")
	}
	close(finish)
	if err := <-slow; err != nil {
		t.Errorf("what was under way: %v", err)
	}
	<-ended
	w.eventually("the next router serves HTTP/3", func() bool { return w.router.alternative.Load() != nil })
	if resp, err := w.http3(friend, "demo.test").Get("https://demo.test/"); err != nil || resp.StatusCode != 200 {
		t.Errorf("the next router: %v %v", resp, err)
	}
}

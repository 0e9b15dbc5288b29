package router

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// headers sends a request with the given header lines, and returns what the dyno got.
func (w *world) headers(lines ...string) http.Header {
	w.t.Helper()
	text := "GET / HTTP/1.1\r\nHost: demo.test\r\n"
	for _, l := range lines {
		text += l + "\r\n"
	}
	_, body := w.dial().say(text + "\r\n").response("GET")
	var h http.Header
	if err := json.Unmarshal([]byte(body), &h); err != nil {
		w.t.Fatalf("%v: %q", err, body)
	}
	return h
}

func TestHeadersToTheDyno(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) {
		r.Header["Host"] = []string{r.Host}
		json.NewEncoder(rw).Encode(r.Header)
	}))
	expect := func(h http.Header, name, want string) {
		t.Helper()
		if got := strings.Join(h[http.CanonicalHeaderKey(name)], "|"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	h := w.headers("X-Custom:  spaced  ", "Cookie: a=b; c=d")
	expect(h, "Host", "demo.test")
	expect(h, "X-Custom", "spaced")
	expect(h, "Cookie", "a=b; c=d")
	expect(h, "X-Forwarded-For", "127.0.0.1")
	expect(h, "X-Forwarded-Proto", "http")
	expect(h, "X-Forwarded-Port", "80")
	expect(h, "Via", "1.1 cloister-router")
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(h.Get("X-Request-Id")) {
		t.Errorf("request id %q is no UUID", h.Get("X-Request-Id"))
	}
	ms, err := strconv.ParseInt(h.Get("X-Request-Start"), 10, 64)
	if err != nil || time.Since(time.UnixMilli(ms)).Abs() > time.Minute {
		t.Errorf("request start %q", h.Get("X-Request-Start"))
	}

	h = w.headers("X-Forwarded-For: 1.1.1.1", "Via: 1.0 fred", "X-Forwarded-For: 2.2.2.2, 3.3.3.3", "X-Forwarded-Proto: https",
		"X-Forwarded-Port: 1", "X-Request-Start: 0", "X-Forwarded-Host: evil.test", "X_Forwarded_For: 6.6.6.6", "X_Forwarded-Proto: https")
	expect(h, "X-Forwarded-For", "1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1")
	expect(h, "X-Forwarded-Proto", "http")
	expect(h, "X-Forwarded-Port", "80")
	expect(h, "Via", "1.0 fred|1.1 cloister-router")
	expect(h, "X-Forwarded-Host", "evil.test")
	expect(h, "X_forwarded_for", "")
	expect(h, "X_forwarded-Proto", "")
	if h.Get("X-Request-Start") == "0" {
		t.Error("the client's X-Request-Start was believed")
	}

	h = w.headers("Connection: keep-alive, X-Hop, X-Request-Id, X-Forwarded-For, Via", "X-Hop: 1", "Keep-Alive: 5", "Proxy-Connection: close",
		"Proxy-Authorization: x", "TE: trailers, deflate", "Upgrade: nothing", "X-Request-Id: abcdefghijklmnopqrst")
	for _, name := range []string{"Connection", "X-Hop", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Upgrade"} {
		expect(h, name, "")
	}
	expect(h, "Te", "trailers")
	expect(h, "X-Request-Id", "abcdefghijklmnopqrst")
	expect(h, "X-Forwarded-For", "127.0.0.1")

	for _, id := range []string{"short", strings.Repeat("a", 201), "abcdefghijklmnopqrstuvwxyz\"", "abcdefghij klmnopqrst"} {
		if got := w.headers("X-Request-Id: " + id).Get("X-Request-Id"); got == id || len(got) != 36 {
			t.Errorf("request id %q became %q", id, got)
		}
	}
}

func TestPortOfTheHostIsTheForwardedPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) {
		io.WriteString(rw, r.Host+" "+r.Header.Get("X-Forwarded-Port"))
	}))
	for host, want := range map[string]string{"demo.test:8080": "demo.test:8080 8080", "DEMO.TEST": "DEMO.TEST 80", "demo.test.:1": "demo.test.:1 1"} {
		if _, body := w.get(host, "/"); body != want {
			t.Errorf("%s: got %q", host, body)
		}
	}
}

func TestHopByHopHeadersOfResponsesStayBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(rawBackend(t, func(c net.Conn, _ string) {
		io.WriteString(c, "HTTP/1.1 200 Fine\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nUpgrade: h2\r\nX-Request-Id: 7\r\n"+
			"Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n")
	}))
	got := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\nConnection: close\r\n\r\n").rest()
	want := "HTTP/1.1 200 Fine\r\nX-Request-Id: 7\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\nVia: 1.1 cloister-router\r\nConnection: close\r\n\r\n"
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestLogLinesCanNotBeForged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app()
	w.dial().say("GET /\"\\\xc2\x85\xff?at=info HTTP/1.1\r\nHost: demo.test\r\nX-Forwarded-For: \"\xe2\x80\xa8 dyno=web.9\tx\r\nConnection: close\r\n\r\n").response("GET")
	line := w.line("code=H14")
	if !inOrder(line, []string{`path="/\"\\\xc2\x85\xff?at=info" host=`, `fwd="\"\xe2\x80\xa8 dyno=web.9\x09x, 127.0.0.1" dyno= `}) {
		t.Errorf("got %s", line)
	}
	for _, b := range []byte(line) {
		if b < 0x20 || b > 0x7e {
			t.Errorf("byte %#x in the line", b)
		}
	}
}

func TestHostsAreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.publish(func(r *cloister.Routes) {
		for _, name := range []string{"exact", "near", "far", "taken"} {
			a := route(name, backend(t, func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, name) }))
			a.Hosts = map[string][]string{"exact": {"a.b.test", "[::1]"}, "near": {"*.b.test"}, "far": {"*.test"}, "taken": {"A.b.test"}}[name]
			r.Apps = append(r.Apps, a)
		}
	})
	for host, want := range map[string]string{
		"a.b.test": "exact", "A.B.Test.": "exact", "[::1]:80": "exact", "x.b.test": "near", "y.x.b.test": "near", "b.test": "far", "c.test": "far",
	} {
		if _, body := w.get(host, "/"); body != want {
			t.Errorf("%s went to %.40q, want %s", host, body, want)
		}
	}
	for _, host := range []string{"test", "[::2]", ".test", "a.b.test.."} {
		if resp, _ := w.get(host, "/"); resp.StatusCode != 404 && host != ".test" && host != "a.b.test.." {
			t.Errorf("%s: %d", host, resp.StatusCode)
		}
	}
}

package router

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// The tests' clients: the one whom the ranges trust, and the one whom they stop trusting.
const friend, stranger = "127.0.0.2", "127.0.0.3"

func ranges(s ...string) (p []netip.Prefix) {
	for _, one := range s {
		p = append(p, netip.MustParsePrefix(one))
	}
	return p
}

// dialFrom opens a connection from an address of our choice.
func (w *world) dialFrom(ip string) *wire {
	w.t.Helper()
	return w.dialAt(ip, w.router.HTTPAddr().String())
}

// dialAt opens a connection from an address of our choice to one of the router's.
func (w *world) dialAt(ip, at string) *wire {
	w.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	c, err := d.Dial("tcp", at)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return newWire(w.t, c)
}

func (w *world) trust(p ...string) {
	w.t.Helper()
	w.publish(func(r *cloister.Routes) {
		r.Apps = append([]cloister.Route(nil), r.Apps...)
		r.Apps[0].Trusted = ranges(p...)
	})
}

func TestStrangerGetsNotOneByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) { t.Errorf("the dyno saw %s from a stranger", r.URL) }))
	w.trust(friend + "/32")
	for name, request := range map[string]string{
		"plain":                     "GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n",
		"X-Forwarded-For":           "GET / HTTP/1.1\r\nHost: demo.test\r\nX-Forwarded-For: 127.0.0.2\r\n\r\n",
		"several X-Forwarded-For":   "GET / HTTP/1.1\r\nHost: demo.test\r\nX-Forwarded-For: 127.0.0.2, 127.0.0.2\r\nX-Forwarded-For: 127.0.0.2\r\n\r\n",
		"Forwarded":                 "GET / HTTP/1.1\r\nHost: demo.test\r\nForwarded: for=127.0.0.2\r\n\r\n",
		"X-Real-IP and the like":    "GET / HTTP/1.1\r\nHost: demo.test\r\nX-Real-IP: 127.0.0.2\r\nTrue-Client-IP: 127.0.0.2\r\nCF-Connecting-IP: 127.0.0.2\r\n\r\n",
		"host in other words":       "GET / HTTP/1.1\r\nHost: DEMO.test.:8080\r\n\r\n",
		"whole URL":                 "GET http://demo.test/ HTTP/1.1\r\nHost: demo.test\r\n\r\n",
		"unsupported expectation":   "GET / HTTP/1.1\r\nHost: demo.test\r\nExpect: x\r\n\r\n",
		"HTTP/1.0":                  "GET / HTTP/1.0\r\nHost: demo.test\r\n\r\n",
		"second on a connection":    "GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\nGET / HTTP/1.1\r\nHost: demo.test\r\n\r\n",
		"upload that waits for 100": "POST / HTTP/1.1\r\nHost: demo.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
	} {
		c := w.dialFrom(stranger).say(request)
		if strings.Contains(request, "nobody.test") {
			if resp, _ := c.response("GET"); resp.StatusCode != 404 {
				t.Errorf("%s: the first request got %d", name, resp.StatusCode)
			}
		}
		if got := c.rest(); got != "" {
			t.Errorf("%s: a stranger got %q", name, got)
		}
	}
	w.stop()
	if len(w.lines) != 0 {
		t.Errorf("strangers write into the app's log: %q", w.lines)
	}
}

func TestTrustedClientComesIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, r.Header.Get("X-Forwarded-For")) }))
	w.trust("192.0.2.0/24", friend+"/32")
	c := w.dialFrom(friend).say("GET / HTTP/1.1\r\nHost: demo.test\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
	if resp, body := c.response("GET"); resp.StatusCode != 200 || body != "192.0.2.1, 127.0.0.2" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}

func TestInternalAppIsSilentHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) { t.Error("the dyno was asked") }))
	w.publish(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{r.Apps[0]}
		r.Apps[0].Internal = true
	})
	if got := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n").rest(); got != "" {
		t.Errorf("got %q", got)
	}
}

// TestChangeOfTrustCutsWhatIsNoLongerTrusted has one trusted and one soon untrusted client do each thing that lasts.
func TestChangeOfTrustCutsWhatIsNoLongerTrusted(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	dyno := rawBackend(t, func(c net.Conn, head string) {
		switch {
		case strings.HasPrefix(head, "GET /download"):
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for {
				if _, err := io.WriteString(c, "5\r\ndata\n\r\n"); err != nil {
					return
				}
				select {
				case <-hold:
					return
				case <-time.After(5 * time.Millisecond):
				}
			}
		case strings.HasPrefix(head, "GET /socket"):
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			io.Copy(c, c)
		case strings.HasPrefix(head, "GET /hang"):
			<-hold
		default:
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	w := newWorld(t, patient)
	w.app(dyno)
	w.trust("127.0.0.2/31")

	type kind struct{ name, request, first, again string }
	kinds := []kind{
		{"keep-alive", "GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n", "HTTP/1.1 200", "GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n"},
		{"download", "GET /download HTTP/1.1\r\nHost: demo.test\r\n\r\n", "data\n", ""},
		{"websocket", "GET /socket HTTP/1.1\r\nHost: demo.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nping", "ping", "data\n"},
		{"waiting", "GET /hang HTTP/1.1\r\nHost: demo.test\r\n\r\n", "", ""},
	}
	good, bad := map[string]*wire{}, map[string]*wire{}
	for _, k := range kinds {
		for ip, all := range map[string]map[string]*wire{friend: good, stranger: bad} {
			c := w.dialFrom(ip).say(k.request)
			c.until(k.first)
			all[k.name] = c
		}
	}
	w.eventually("the waiting requests are under way", func() bool {
		n := 0
		w.router.watch.each(func(g *guard) {
			if g.phase.Load() == asking {
				n++
			}
		})
		return n == 2
	})
	start := time.Now()
	w.announce(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{r.Apps[0]}
		r.Apps[0].Trusted = ranges(friend + "/32")
	})
	for name, c := range bad {
		c.SetReadDeadline(start.Add(time.Second))
		if got := c.rest(); strings.Contains(got, "<html") {
			t.Errorf("%s: was told why: %q", name, got)
		}
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("cut after %s", took)
	}
	for _, k := range kinds {
		if k.name != "waiting" {
			good[k.name].say(k.again)
			good[k.name].until(map[string]string{"keep-alive": "HTTP/1.1 200"}[k.name] + map[bool]string{true: "data\n"}[k.name != "keep-alive"])
		}
	}
	w.eventually("nothing is left of the stranger", func() bool {
		left := 0
		w.router.watch.each(func(g *guard) {
			if g.from.peer.String() == stranger {
				left++
			}
		})
		return left == 0
	})
}

// until reads up to some text.
func (c *wire) until(text string) {
	c.t.Helper()
	var got []byte
	for !strings.HasSuffix(string(got), text) {
		b, err := c.rd.ReadByte()
		if err != nil {
			c.t.Fatalf("waiting for %q, got %q: %v", text, got, err)
		}
		got = append(got, b)
	}
}

func TestAppsOnOneConnectionAreCheckedEach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	open := backend(t, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "open") })
	shut := backend(t, func(rw http.ResponseWriter, r *http.Request) { t.Error("the other app was reached") })
	w.publish(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", open), route("other", shut)}
		r.Apps[1].Trusted = nil
	})
	c := w.dial()
	for range 2 {
		c.say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n")
		if _, body := c.response("GET"); body != "open" {
			t.Errorf("got %q", body)
		}
	}
	if got := c.say("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n").rest(); got != "" {
		t.Errorf("got %q", got)
	}
}

// TestConnectionsToDynosAreNotShared looks at the dynos' end: two apps at one endpoint (which does not happen, but
// would be the worst case) never use the same connection.
func TestConnectionsToDynosAreNotShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, r.RemoteAddr) })
	w.publish(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", at), route("other", at)} })
	seen := map[string]string{}
	for i := range 20 {
		host := []string{"demo.test", "other.test"}[i%2]
		_, from := w.get(host, "/")
		if by := seen[from]; by != "" && by != host {
			t.Fatalf("%s and %s shared a connection", by, host)
		}
		seen[from] = host
	}
	if len(seen) > 10 {
		t.Errorf("20 requests in a row took %d connections: they are not used again", len(seen))
	}
}

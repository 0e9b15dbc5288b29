package router

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

// A header may have 512 kB in private spaces, all of a head 1 MB.
func TestLongHeadersPassInBothDirections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	long := strings.Repeat("x", maxFieldLine-100)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Back", r.Header.Get("X-There"))
		io.WriteString(rw, fmt.Sprint(len(r.Header.Get("X-There"))))
	}))
	c := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\nX-There: " + long + "\r\n\r\n")
	resp, body := c.response("GET")
	if resp.StatusCode != 200 || body != fmt.Sprint(len(long)) || resp.Header.Get("X-Back") != long {
		t.Errorf("got %d %.100q, and %d bytes back", resp.StatusCode, body, len(resp.Header.Get("X-Back")))
	}
	c = w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\nX: " + long + "\r\nY: " + long + "\r\nZ: " + long + "\r\n\r\n")
	if resp, _ := c.response("GET"); resp.StatusCode != 400 {
		t.Errorf("a head of %d bytes: %d", 3*len(long), resp.StatusCode)
	}
}

func TestResponsesBeyondTheLimitsAreH25(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply string
		desc  string // "" passes
	}{
		"cookie":             {"HTTP/1.1 200 OK\r\nSet-Cookie: a=" + strings.Repeat("x", maxCookie-1) + "\r\n", "oversized cookie"},
		"longest cookie":     {"HTTP/1.1 200 OK\r\nSet-Cookie: a=" + strings.Repeat("x", maxCookie-2) + "\r\n", ""},
		"something else":     {"HTTP/1.1 200 OK\r\nSet-Biscuit: a=" + strings.Repeat("x", maxCookie) + "\r\n", ""},
		"status line":        {"HTTP/1.1 200 " + strings.Repeat("x", maxLine-12) + "\r\n", "oversized status line"},
		"longest status":     {"HTTP/1.1 200 " + strings.Repeat("x", maxLine-13) + "\r\n", ""},
		"header":             {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxFieldLine) + "\r\n", "oversized header"},
		"all of the headers": {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("x", maxFieldLine-10)+"\r\n", 3), "oversized header"},
		"length":             {"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n", "invalid content length"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, patient)
			w.app(rawBackend(t, func(conn net.Conn, _ string) {
				io.WriteString(conn, c.reply+"Content-Length: 2\r\n\r\nok")
			}))
			resp, body := w.get("demo.test", "/x")
			if c.desc == "" {
				if resp.StatusCode != 200 || body != "ok" {
					t.Errorf("got %d %.100q", resp.StatusCode, body)
				}
				return
			}
			if resp.StatusCode != 502 || body != pages[pageError] {
				t.Errorf("got %d %.100q", resp.StatusCode, body)
			}
			w.line(`at=error code=H25 desc="HTTP restriction: `+c.desc+`" method=GET path="/x"`, "status=502")
		})
	}
}

// Pages of the app's own stand in for the router's, wherever no dyno answers.
func TestAnAppHasPagesOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	ask := func(change func(*cloister.Route)) (int, string) {
		t.Helper()
		w.publish(func(r *cloister.Routes) {
			r.Apps = []cloister.Route{route("demo")}
			r.Apps[0].ErrorPage, r.Apps[0].MaintenancePage = `https://pages.test/error?a="b"&c`, "https://pages.test/soon"
			change(&r.Apps[0])
		})
		resp, body := w.get("demo.test", "/x")
		return resp.StatusCode, body
	}
	for name, c := range map[string]struct {
		change func(*cloister.Route)
		want   string
	}{
		"H14": {func(*cloister.Route) {}, `<iframe src="https://pages.test/error?a=&#34;b&#34;&amp;c"></iframe>`},
		"H10": {func(r *cloister.Route) { r.Crashed = true }, `<iframe src="https://pages.test/error?a=&#34;b&#34;&amp;c"></iframe>`},
		"H80": {func(r *cloister.Route) { r.Maintenance = true }, `<iframe src="https://pages.test/soon"></iframe>`},
		"H81": {func(r *cloister.Route) { r.Blank = true }, "Nothing here yet"},
	} {
		if status, body := ask(c.change); status != 503 || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", name, status, body)
		}
		w.line("code=" + name)
	}
	if resp, body := w.get("other.test", "/"); resp.StatusCode != 404 || strings.Contains(body, "iframe") {
		t.Errorf("of no app: %d %s", resp.StatusCode, body)
	}
}

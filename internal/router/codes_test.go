package router

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"golang.org/x/sys/unix"
)

// expectFailure asks for /x and asserts the client's answer and the log line.
func (w *world) expectFailure(status int, page string, line ...string) {
	w.t.Helper()
	resp, body := w.get("demo.test", "/x")
	if resp.StatusCode != status || body != pages[page] {
		w.t.Errorf("got %d %.200q, want %d and the page %s", resp.StatusCode, body, status, page)
	}
	if resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		w.t.Errorf("content type %q", resp.Header.Get("Content-Type"))
	}
	w.line(append([]string{"demo-id at="}, line...)...)
}

func TestStatesOfAnAppHaveTheirCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*cloister.Route)
		page   string
		line   []string
	}{
		{"H10", func(r *cloister.Route) { r.Crashed = true }, pageError, []string{`error code=H10 desc="App crashed" method=GET path="/x" host=demo.test request_id=`, ` fwd="127.0.0.1" dyno= connect= service= status=503 bytes=`, ` protocol=http1.1 tls=false tls_version=unknown`}},
		{"H14", func(r *cloister.Route) {}, pageError, []string{`error code=H14 desc="No web processes running" `, "dyno= connect= service= status=503"}},
		{"H80", func(r *cloister.Route) { r.Maintenance = true }, pageMaintenance, []string{`info code=H80 desc="Maintenance mode" `, "status=503"}},
		{"H81", func(r *cloister.Route) { r.Blank = true }, pageBlank, []string{`info code=H81 desc="Blank app" `, "status=503"}},
		{"H20", func(r *cloister.Route) { r.Starting = true }, pageError, []string{`error code=H20 desc="App boot timeout" `, "dyno= connect= service= status=503"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, impatient)
			w.publish(func(r *cloister.Routes) {
				r.Apps = []cloister.Route{route("demo")}
				c.change(&r.Apps[0])
			})
			w.expectFailure(503, c.page, c.line...)
		})
	}
}

func TestMaintenanceWinsOverDynos(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	up := backend(t, func(rw http.ResponseWriter, r *http.Request) {})
	w.publish(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", up)}
		r.Apps[0].Maintenance = true
	})
	w.expectFailure(503, pageMaintenance, "info code=H80")
}

func TestUnknownHostIsNoSuchApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app()
	resp, body := w.get("other.test", "/")
	if resp.StatusCode != 404 || body != pages[pageNoApp] {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	if resp, _ := w.get("demo.test", "/"); resp.StatusCode != 503 {
		t.Errorf("the app itself: %d", resp.StatusCode)
	}
	w.line("H14")
	if len(w.lines) != 1 {
		t.Errorf("a request for nobody was logged: %q", w.lines)
	}
}

func TestRequestWaitsForTheFirstDyno(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	up := backend(t, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "up") })
	w.publish(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo")}
		r.Apps[0].Starting = true
	})
	c := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n")
	w.eventually("the request is queued", func() bool {
		queued := false
		w.router.watch.each(func(g *guard) { queued = queued || g.visit.Load() != nil && g.phase.Load() == asking })
		return queued
	})
	w.app(up)
	if resp, body := c.response("GET"); resp.StatusCode != 200 || body != "up" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}

// Requests that wait for a dyno count, and WebSockets do not.
func TestTooManyRequestsAtOnceAreH11(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient, func(c *Config) { c.DynoRequests = 2 })
	var came atomic.Int64
	answer := make(chan struct{})
	dyno := func() netip.AddrPort {
		return rawBackend(t, func(c net.Conn, head string) {
			if strings.Contains(head, "Upgrade") {
				io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
				io.Copy(io.Discard, c)
				return
			}
			came.Add(1)
			<-answer
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
		})
	}
	w.app(dyno(), dyno())
	for range 6 {
		w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n").until("\r\n\r\n")
	}
	var waiting []*wire
	for len(waiting) < 4 { // as many as two dynos may have, however they are spread
		waiting = append(waiting, w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n"))
		w.eventually("the request has come", func() bool { return int(came.Load()) == len(waiting) })
	}
	for range 5 {
		w.expectFailure(503, pageError, `error code=H11 desc="Backlog too deep" `, "dyno= connect= service= status=503")
	}
	close(answer)
	for _, c := range waiting {
		if resp, body := c.response("GET"); resp.StatusCode != 200 || body != "ok" {
			t.Errorf("one of those that waited got %d %q", resp.StatusCode, body)
		}
	}
	w.eventually("there is room again", func() bool {
		resp, _ := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n").response("GET")
		return resp.StatusCode == 200
	})
}

func TestSilentDynoIsH12(t *testing.T) {
	t.Parallel()
	w := newWorld(t, impatient)
	w.app(rawBackend(t, func(c net.Conn, _ string) { io.Copy(io.Discard, c) }))
	c := w.dial().say("GET /slow HTTP/1.1\r\nHost: demo.test\r\n\r\n")
	if resp, body := c.response("GET"); resp.StatusCode != 503 || body != pages[pageError] {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	line := w.line(`at=error code=H12 desc="Request timeout" method=GET path="/slow"`, "dyno=web.1 connect=", "ms service=", "ms status=503")
	if strings.Contains(line, "service=0ms") {
		t.Errorf("no service time in %s", line)
	}
	// The client did nothing wrong: its connection goes on.
	c.say("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n")
	if resp, _ := c.response("GET"); resp.StatusCode != 404 {
		t.Errorf("the next request got %d", resp.StatusCode)
	}
}

func TestClosedConnectionIsH13(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(rawBackend(t, func(c net.Conn, _ string) { c.Close() }))
	w.expectFailure(503, pageError, `error code=H13 desc="Connection closed without response" `, "dyno=web.1 connect=", "status=503")
}

func TestNonsenseFromADynoIsH17(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]string{
		"no HTTP":            "hello\r\n\r\n",
		"bare line feeds":    "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		"space before colon": "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
		"folded header":      "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
		"unasked upgrade":    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		"unknown encoding":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, patient)
			w.app(rawBackend(t, func(c net.Conn, _ string) { io.WriteString(c, reply) }))
			w.expectFailure(503, pageError, `error code=H17 desc="Poorly formatted HTTP response"`)
		})
	}
}

func TestConflictingLengthsFromADynoAreH25(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(rawBackend(t, func(c net.Conn, _ string) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
	}))
	w.expectFailure(502, pageError, `error code=H25 desc="HTTP restriction: invalid content length"`, "status=502")
}

func TestResponseCutShortIsH18(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]string{
		"by length": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"by chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, patient)
			w.app(rawBackend(t, func(c net.Conn, _ string) { io.WriteString(c, reply); c.Close() }))
			got := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n").rest()
			if strings.HasSuffix(got, "0\r\n\r\n") {
				t.Errorf("the client can not tell that this is not all: %q", got)
			}
			w.line(`at=error code=H18 desc="Server Request Interrupted"`, "dyno=web.1", "status=503 bytes=4")
		})
	}
}

func TestStalledResponseIsH15(t *testing.T) {
	t.Parallel()
	w := newWorld(t, impatient)
	w.app(rawBackend(t, func(c net.Conn, _ string) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		io.Copy(io.Discard, c)
	}))
	got := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n").rest()
	if !strings.HasSuffix(got, "\r\n\r\nhalf") {
		t.Errorf("got %q", got)
	}
	w.line(`at=error code=H15 desc="Idle connection"`, "bytes=4")
}

func TestNoAnswerToConnectIsH19(t *testing.T) {
	t.Parallel()
	// A listener whose backlog is full: the kernel drops further handshakes, as a dead machine would.
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	full := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*unix.SockaddrInet4).Port))
	for range 4 {
		if c, err := net.DialTimeout("tcp", full.String(), 100*time.Millisecond); err == nil {
			t.Cleanup(func() { c.Close() })
		}
	}
	w := newWorld(t, impatient)
	w.app(full)
	w.expectFailure(503, pageError, `error code=H19 desc="Backend connection timeout" `, "dyno=web.1 connect= service= status=503")
}

func TestRefusedConnectionIsH21(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	w := newWorld(t, patient)
	w.app(l.Addr().(*net.TCPAddr).AddrPort())
	w.expectFailure(503, pageError, `error code=H21 desc="Backend connection refused" `, "dyno=web.1 connect= service= status=503")
}

func TestClientThatLeavesIsH27(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	arrived, left := make(chan bool, 1), make(chan bool, 1)
	w.app(rawBackend(t, func(c net.Conn, _ string) {
		arrived <- true
		io.Copy(io.Discard, c)
		left <- true
	}))
	c := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n")
	<-arrived
	c.Close()
	w.line(`at=warning code=H27 desc="Client Request Interrupted"`, "dyno=web.1", "status=499 bytes=0")
	<-left // the dyno need not work for nobody
}

func TestClientThatStallsItsUploadIsH28(t *testing.T) {
	t.Parallel()
	w := newWorld(t, impatient)
	w.app(rawBackend(t, func(c net.Conn, _ string) { io.Copy(io.Discard, c) }))
	w.dial().say("POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 10\r\n\r\nhalf").rest()
	w.line(`at=warning code=H28 desc="Client Connection Idle"`, "status=499")
}

func TestBadChunkIsH26(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(rawBackend(t, func(c net.Conn, _ string) { io.Copy(io.Discard, c) }))
	c := w.dial().say("POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
	if resp, _ := c.response("POST"); resp.StatusCode != 400 {
		t.Errorf("got %d", resp.StatusCode)
	}
	w.line(`at=error code=H26 desc="Request Error: bad chunk"`, "status=400")
}

func TestUnknownExpectationIsH26(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app()
	c := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\nExpect: miracles\r\n\r\n")
	if resp, _ := c.response("GET"); resp.StatusCode != 417 {
		t.Errorf("got %d", resp.StatusCode)
	}
	w.line(`at=error code=H26 desc="Request Error: unsupported expect header value"`, "status=417")
}

func TestUnreachableNetworkIsH99(t *testing.T) {
	t.Parallel()
	w := newWorld(t, impatient)
	w.app(netip.MustParseAddrPort("255.255.255.255:1")) // broadcast: connect says EACCES or ENETUNREACH
	w.expectFailure(503, pageError, `error code=H99 desc="Platform error" `)
}

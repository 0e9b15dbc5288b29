package router

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// A dynoProcess is a dyno that dies for good when it is killed, whoever is still talking to it.
type dynoProcess struct {
	addr   netip.AddrPort
	server *http.Server
}

func startDyno(t *testing.T, work time.Duration) *dynoProcess {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &dynoProcess{addr: l.Addr().(*net.TCPAddr).AddrPort()}
	d.server = &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(work):
			fmt.Fprintf(rw, "%d", d.addr.Port())
		case <-r.Context().Done(): // killed
		}
	})}
	go d.server.Serve(l)
	t.Cleanup(d.kill)
	return d
}

func (d *dynoProcess) kill() { d.server.Close() }

// TestNoRequestFailsWhileDynosComeAndGo replaces four dynos under load, ten times over, as a rolling deploy does: the
// new one enters the table, the old one leaves it, and is killed as soon as the Feed says that it is drained.
func TestNoRequestFailsWhileDynosComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	var dynos []*dynoProcess
	table := func(r *cloister.Routes) {
		var at []netip.AddrPort
		for _, d := range dynos {
			at = append(at, d.addr)
		}
		r.Apps = []cloister.Route{route("demo", at...)}
	}
	for range 4 {
		dynos = append(dynos, startDyno(t, 3*time.Millisecond))
	}
	w.publish(table)

	var clients sync.WaitGroup
	var stop atomic.Bool
	var asked atomic.Int64
	for i := range 8 {
		request := "GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n"
		if i%2 == 1 { // which may not be sent twice
			request = "POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 2\r\n\r\nhi"
		}
		c := w.dial()
		c.SetDeadline(time.Now().Add(time.Minute))
		clients.Go(func() {
			for !stop.Load() {
				c.say(request)
				resp, err := http.ReadResponse(c.rd, nil)
				if err != nil {
					t.Errorf("a request was lost: %v", err)
					return
				}
				body, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != 200 {
					t.Errorf("a request failed: %d %.100q", resp.StatusCode, body)
				}
				asked.Add(1)
			}
		})
	}
	for range 10 {
		old := dynos[0]
		dynos = append(dynos[1:], startDyno(t, 3*time.Millisecond))
		w.announce(table)
		w.eventually("the old dyno is drained", func() bool { return w.feed.Drained(old.addr, w.version) })
		old.kill()
		done := asked.Load()
		w.eventually("requests go on", func() bool { return asked.Load() > done+20 })
	}
	stop.Store(true)
	clients.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		if !strings.Contains(l, "at=info") {
			t.Errorf("logged: %s", l)
		}
	}
}

func TestDynoWithARequestInFlightIsNotDrained(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	arrived, answer := make(chan bool), make(chan bool)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) {
		arrived <- true
		<-answer
	})
	w.app(at)
	c := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n")
	<-arrived
	w.app() // the dyno leaves
	if w.feed.Drained(at, w.version) {
		t.Error("drained, with a request in flight")
	}
	w.eventually("the router has reported it", func() bool {
		w.feed.mu.Lock()
		defer w.feed.mu.Unlock()
		for _, p := range w.feed.routers {
			return p.InFlight[at] == 1 && p.Have == w.version
		}
		return false
	})
	if w.feed.Drained(at, w.version) || w.feed.Drained(at, w.version+1) {
		t.Error("drained, with a request in flight")
	}
	if other := netip.MustParseAddrPort("127.0.0.9:1"); !w.feed.Drained(other, w.version) || w.feed.Drained(other, w.version+1) {
		t.Error("an endpoint without requests is drained by this version, and not by the next")
	}
	close(answer)
	start := time.Now()
	w.eventually("it is drained", func() bool { return w.feed.Drained(at, w.version) })
	if took := time.Since(start); took > time.Second {
		t.Errorf("the end of the last request was reported after %s", took)
	}
	if resp, _ := c.response("GET"); resp.StatusCode != 200 {
		t.Errorf("the request got %d", resp.StatusCode)
	}
}

// TestStaleConnectionIsNobodysFailure has a dyno that closes every connection after its first response, without a
// word, as servers with a short keep-alive do: just when the next request is written to it.
func TestStaleConnectionIsNobodysFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	var seen sync.Map
	w.app(rawBackend(t, func(c net.Conn, head string) {
		if _, again := seen.LoadOrStore(c, true); again {
			c.Close() // it has read the request, but says nothing
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}))
	c := w.dial()
	for range 5 {
		if resp, body := c.say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n").response("GET"); resp.StatusCode != 200 {
			t.Fatalf("got %d %q", resp.StatusCode, body)
		}
	}
	// What may not be sent twice is not.
	if resp, _ := c.say("POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 0\r\n\r\n").response("POST"); resp.StatusCode != 503 {
		t.Errorf("a POST was repeated: %d", resp.StatusCode)
	}
	w.line("code=H13", "method=POST")
}

func TestPostDoesNotMeetAConnectionThatIsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	closed := make(chan bool, 1)
	w.app(rawBackend(t, func(c net.Conn, head string) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		c.Close()
		closed <- true
	}))
	c := w.dial()
	for range 5 {
		if resp, _ := c.say("POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 2\r\n\r\nhi").response("POST"); resp.StatusCode != 200 {
			t.Fatalf("got %d", resp.StatusCode)
		}
		<-closed
	}
}

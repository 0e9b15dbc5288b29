package router

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/doors"
)

// A node stands for the node process: it has doors into spaces, which are loopback addresses here.
type node struct {
	w    *world
	stop func()

	mu      sync.Mutex
	open    []doors.Door
	changed chan struct{}
}

// startNode opens doors on free ports, or again on those that a node before has used.
func (w *world) startNode(at map[doors.Place]string) *node {
	w.t.Helper()
	n := &node{w: w, changed: make(chan struct{})}
	for p, address := range at {
		n.add(p, address)
	}
	os.Remove(w.doors)
	l, err := net.Listen(doors.Network, w.doors)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- doors.Serve(ctx, l, n) }()
	n.stop = sync.OnceFunc(func() { // everything goes at once, as with a killed process
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
		for _, d := range n.open {
			d.Socket.Close()
		}
	})
	w.t.Cleanup(n.stop)
	return n
}

func (n *node) Doors() ([]doors.Door, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]doors.Door(nil), n.open...), n.changed
}

// add opens a door, and tells where.
func (n *node) add(p doors.Place, address string) string {
	n.w.t.Helper()
	l, err := listen(address)
	if err != nil {
		n.w.t.Fatal(err)
	}
	f, err := l.File()
	l.Close()
	if err != nil {
		n.w.t.Fatal(err)
	}
	n.mu.Lock()
	n.open = append(n.open, doors.Door{Place: p, Socket: f})
	n.news()
	n.mu.Unlock()
	return l.Addr().String()
}

// remove takes all doors of a space away.
func (n *node) remove(space string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var left []doors.Door
	for _, d := range n.open {
		if d.Space == space {
			d.Socket.Close()
		} else {
			left = append(left, d)
		}
	}
	n.open = left
	n.news()
}

func (n *node) news() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// inside publishes an internal app and another one in space demo, and an internal one in space other.
func (w *world) inside() {
	w.t.Helper()
	says := func(text string) cloister.RouteDyno {
		at := backend(w.t, func(rw http.ResponseWriter, r *http.Request) {
			io.WriteString(rw, text+" to "+r.Header.Get("X-Forwarded-For"))
		})
		return cloister.RouteDyno{ID: text, Name: "web.1", Endpoint: at}
	}
	w.secure(func(r *cloister.Routes) {
		demo, open, other := route("demo"), route("open"), route("other")
		demo.Internal, other.Internal = true, true
		demo.Trusted, open.SpaceID = nil, demo.SpaceID // nobody from outside is trusted: that means nothing inside
		demo.Dynos, open.Dynos, other.Dynos = []cloister.RouteDyno{says("demo")}, []cloister.RouteDyno{says("open")}, []cloister.RouteDyno{says("other")}
		r.Apps = []cloister.Route{demo, open, other}
	})
}

// knock asks for a host at a door until there is an answer, or a deadline has passed.
func (w *world) knock(at, host string) (got string) {
	w.t.Helper()
	request := "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"
	w.eventually("an answer at "+at, func() bool {
		c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(stranger)}}).Dial("tcp", at)
		if err != nil {
			return false
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(5 * time.Second))
		io.WriteString(c, request)
		b, _ := io.ReadAll(c)
		got = string(b)
		return got != ""
	})
	return got
}

func TestAnInnerDoorLeadsToTheInternalAppsOfItsSpaceAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.inside()
	n := w.startNode(nil)
	demo := n.add(doors.Place{Space: "demo-space", Port: 80}, "127.0.0.61:0")
	other := n.add(doors.Place{Space: "other-space", Port: 80}, "127.0.0.62:0")
	secure := n.add(doors.Place{Space: "demo-space", Port: 443}, "127.0.0.61:0")
	for _, c := range []struct{ at, host, want string }{
		{demo, "demo.test", "demo to 127.0.0.3"}, {demo, "open.test", "404"}, {demo, "other.test", "404"}, {demo, "nobody.test", "404"},
		{other, "other.test", "other to 127.0.0.3"}, {other, "demo.test", "404"}, {other, "open.test", "404"},
	} {
		if got := w.knock(c.at, c.host); !answers(got, c.want) {
			t.Errorf("%s: got %.40q, want %q", c.host, got, c.want)
		}
	}
	w.eventually("the door is open", func() bool { return w.getTLS(secure, "nobody.test", "h2") != "" })
	for _, protocol := range []string{"http/1.1", "h2"} {
		if got := w.getTLS(secure, "demo.test", protocol); !answers(got, "demo to 127.0.0.2") {
			t.Errorf("%s by TLS: got %q", protocol, got)
		}
		for _, host := range []string{"open.test", "other.test"} {
			if got := w.getTLS(secure, host, protocol); !answers(got, "404") {
				t.Errorf("%s of %s by TLS: got %q", protocol, host, got)
			}
		}
	}
	if got := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n").rest(); got != "" {
		t.Errorf("from outside the internal app says %q", got)
	}
	w.line("demo-id at=info method=GET", `fwd="127.0.0.3" dyno=web.1`, "status=200", "tls=false")
	w.line("demo-id at=info method=GET", `fwd="127.0.0.2" dyno=web.1`, "protocol=http2.0 tls=true")
}

// A balancer's word counts outside only: inside, its address may be anybody's.
func TestAnInnerDoorBelievesNoBalancer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.inside()
	n := w.startNode(nil)
	at := n.add(doors.Place{Space: "demo-space", Port: 80}, "127.0.0.61:0")
	for _, byProxy := range []bool{false, true} {
		w.publish(func(r *cloister.Routes) { r.Balancers, r.ProxyProtocol = ranges(stranger+"/32"), byProxy })
		if got := w.knock(at, "demo.test\r\nX-Forwarded-For: 6.6.6.6"); !answers(got, "demo to 6.6.6.6, 127.0.0.3") {
			t.Errorf("PROXY %v: got %q", byProxy, got)
		}
	}
}

func TestAnAppThatIsInternalNoMoreIsCutInside(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.inside()
	n := w.startNode(nil)
	at := n.add(doors.Place{Space: "demo-space", Port: 80}, "127.0.0.61:0")
	w.knock(at, "demo.test")
	c := w.dialAt(friend, at)
	c.say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n").response("GET")
	w.publish(func(r *cloister.Routes) {
		r.Apps = append([]cloister.Route(nil), r.Apps...)
		r.Apps[0].Internal = false
	})
	if got := c.rest(); got != "" {
		t.Errorf("got %q", got)
	}
	if got := w.knock(at, "demo.test"); !answers(got, "404") {
		t.Errorf("got %q", got)
	}
}

func TestDoorsOutliveTheNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.inside()
	n := w.startNode(nil)
	place, going := doors.Place{Space: "demo-space", Port: 80}, doors.Place{Space: "other-space", Port: 80}
	at := n.add(place, "127.0.0.61:0")
	gone := n.add(going, "127.0.0.62:0")
	w.knock(at, "demo.test")
	w.knock(gone, "other.test")
	// A client whose handshake is half done when an old socket closes is lost, unless net.ipv4.tcp_migrate_req is set,
	// as it is in spaces: one each time at most.
	stop := w.visit(at, 2)
	n.stop()
	for range 20 {
		w.knock(at, "demo.test")
	}
	n = w.startNode(map[doors.Place]string{place: at}) // one of the spaces was destroyed meanwhile
	w.eventually("the door of the space that is gone is closed", func() bool { return !open(gone) })
	n.stop()
	n = w.startNode(map[doors.Place]string{place: at}) // and once more, with a router that has the second one's
	for range 20 {
		w.knock(at, "demo.test")
	}
	stop()
	n.remove(place.Space)
	w.eventually("no door of an earlier node is left", func() bool { return !open(at) })
}

func TestDoorsOutliveTheRouter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.inside()
	n := w.startNode(nil)
	at := n.add(doors.Place{Space: "demo-space", Port: 80}, "127.0.0.61:0")
	w.knock(at, "demo.test")
	stop := w.visit(at, 0)
	for range 3 {
		w.stop()
		waits := w.dialAt(friend, at).say("GET / HTTP/1.1\r\nHost: demo.test\r\nConnection: close\r\n\r\n")
		w.startRouter(patient)
		if got := waits.rest(); !answers(got, "demo to 127.0.0.2") {
			t.Errorf("who came while there was no router got %q", got)
		}
	}
	stop()
	n.remove("demo-space")
	w.eventually("the door is closed", func() bool { return !open(at) })
}

func open(at string) bool {
	c, err := net.Dial("tcp", at)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// visit has a client make one request after the other, each by a connection of its own, until stop is called. So many
// connections may be lost.
func (w *world) visit(at string, lost int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("tcp", at) }}}
	go func() {
		defer close(done)
		for n := 0; ctx.Err() == nil; n++ {
			resp, err := client.Get("http://demo.test/")
			if err != nil {
				if lost--; lost < 0 || !errors.Is(err, syscall.ECONNRESET) {
					w.t.Errorf("request %d: %v", n, err)
					return
				}
				continue
			}
			resp.Body.Close()
			if resp.StatusCode != 200 {
				w.t.Errorf("request %d: %s", n, resp.Status)
			}
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	w.t.Cleanup(stop)
	return stop
}

func TestAConnectionInADoorThatClosesIsStillServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.inside()
	n := w.startNode(nil)
	at := n.add(doors.Place{Space: "demo-space", Port: 443}, "127.0.0.61:0")
	w.eventually("the door is open", func() bool { return w.getTLS(at, "demo.test", "http/1.1") != "" })
	raw := w.dialAt(friend, at)
	c := tls.Client(raw.Conn, &tls.Config{ServerName: "demo.test", InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	n.remove("demo-space")
	w.eventually("the door is closed", func() bool { return !open(at) })
	if got := newWire(t, c).say("GET / HTTP/1.1\r\nHost: demo.test\r\nConnection: close\r\n\r\n").rest(); !answers(got, "demo to 127.0.0.2") {
		t.Errorf("got %q", got)
	}
}

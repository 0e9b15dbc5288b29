package router

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// remembers waits until control knows these clients of a space, each written as "address requests open".
func (w *world) remembers(space string, want ...string) {
	w.t.Helper()
	var got []string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		got = nil
		for _, c := range w.feed.Recent(space) {
			if c.First.After(c.Last) || time.Since(c.Last) > time.Minute {
				w.t.Fatalf("%s came from %s to %s", c.Address, c.First, c.Last)
			}
			got = append(got, fmt.Sprintf("%s %d %d", c.Address, c.Requests, c.Open))
		}
		if strings.Join(got, ", ") == strings.Join(want, ", ") {
			return
		}
	}
	w.t.Fatalf("remembered are %q, want %q", got, want)
}

func TestClientsAreRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	at := backend(t, func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "ok") })
	w.secure(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", at), route("second", at), route("other", at)}
		r.Apps[0].Trusted = ranges("127.0.0.2/32", "127.0.0.4/32", "127.0.0.40/32")
		r.Apps[1].SpaceID = r.Apps[0].SpaceID
		r.Apps[2].Trusted = nil
		r.Balancers = ranges(balancer + "/32")
	})
	if got := w.feed.Recent("nowhere"); len(got) > 0 {
		t.Errorf("a space that nobody knows has clients: %v", got)
	}
	kept := w.dialFrom("127.0.0.4")
	for _, host := range []string{"demo.test", "demo.test", "second.test", "nobody.test"} {
		kept.say("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n").response("GET")
	}
	w.remembers("demo-space", "127.0.0.4 3 1")
	for _, ip := range []string{friend, stranger} { // the stranger is at home nowhere
		for _, host := range []string{"demo.test", "other.test"} {
			w.dialFrom(ip).say("GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n").rest()
		}
	}
	w.remembers("demo-space", friend+" 1 0", "127.0.0.4 3 1")
	w.remembers("other-space")
	client := w.http2(friend, "")
	for range 3 {
		resp, err := client.Get("https://second.test/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	w.remembers("demo-space", friend+" 4 0", "127.0.0.4 3 1")
	// A balancer is nobody's client: those behind it are.
	c := w.dialFrom(balancer)
	for _, from := range []string{"192.0.2.1", "192.0.2.2"} {
		c.say("GET / HTTP/1.1\r\nHost: second.test\r\nX-Forwarded-For: " + from + "\r\n\r\n").response("GET")
	}
	w.remembers("demo-space", "192.0.2.2 1 1", "192.0.2.1 1 0", friend+" 4 0", "127.0.0.4 3 1")
	kept.Close()
	c.Close()
	w.remembers("demo-space", "192.0.2.2 1 0", "192.0.2.1 1 0", friend+" 4 0", "127.0.0.4 3 0")

	// The next router knows it too, and so does control when it asks two of them.
	w.stop()
	w.startRouter(patient)
	w.eventually("the new router has the table", func() bool { return w.router.table.Load() != w.router.blank })
	w.dialFrom("127.0.0.4").say("GET / HTTP/1.1\r\nHost: demo.test\r\nConnection: close\r\n\r\n").rest()
	w.remembers("demo-space", "127.0.0.4 4 0", "192.0.2.2 1 0", "192.0.2.1 1 0", friend+" 4 0")
}

func TestSeveralRoutersAreAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(backend(t, func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "ok") }))
	w.get("demo.test", "/")
	w.remembers("demo-space", "127.0.0.1 1 0")
	first := w.stop
	w.state = t.TempDir()
	w.startRouter(patient)
	w.eventually("the new router has the table", func() bool { return w.router.table.Load() != w.router.blank })
	w.get("demo.test", "/")
	w.remembers("demo-space", "127.0.0.1 2 0")
	first()
	w.remembers("demo-space", "127.0.0.1 1 0")
	// Without any router nobody waits.
	w.stop()
	start := time.Now()
	if got := w.feed.Recent("demo-space"); len(got) > 0 || time.Since(start) > answerIn/2 {
		t.Errorf("got %v after %s", got, time.Since(start))
	}
}

func TestARouterThatDoesNotAnswerIsLeftOut(t *testing.T) {
	t.Parallel()
	f := NewFeed(slog.New(slog.DiscardHandler))
	f.mu.Lock()
	f.peer("mute")
	f.mu.Unlock()
	start := time.Now()
	if got := f.Recent("demo-space"); len(got) > 0 || time.Since(start) > 2*answerIn {
		t.Errorf("got %v after %s", got, time.Since(start))
	}
	if len(f.inquiries) > 0 {
		t.Error("the question stays for ever")
	}
}

func TestMemoryOfClientsIsBounded(t *testing.T) {
	t.Parallel()
	r, now := newRecent(), time.Unix(1<<30, 0)
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	var open []*tally
	for i := range 1500 {
		open = append(open, r.enter("s", address(i), now))
	}
	if n := len(r.list("s", now)); n != 1500 {
		t.Errorf("%d of 1500 open connections are remembered", n)
	}
	for _, t := range open {
		t.open.Add(-1)
	}
	for i := range 20000 {
		r.enter("s", address(10000+i), now.Add(time.Duration(i)*time.Second)).open.Add(-1)
	}
	left := r.list("s", now)
	if len(left) > maxTallies {
		t.Errorf("%d clients are remembered", len(left))
	}
	latest := 0
	for _, c := range left {
		if c.Address.Compare(address(10000+20000-3*maxTallies)) >= 0 {
			latest++
		}
	}
	if latest < len(left)*9/10 {
		t.Errorf("only %d of the %d that are remembered are among the latest", latest, len(left))
	}
	if left := r.list("s", now.Add(48*time.Hour)); len(left) > 0 || len(r.spaces) > 0 {
		t.Errorf("%d clients are remembered for days", len(left))
	}
}

func TestSeveralTalliesAtOnce(t *testing.T) {
	t.Parallel()
	r, now := newRecent(), time.Now()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				one := r.enter(fmt.Sprint(i%3), netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), now)
				one.requests.Add(1)
				one.open.Add(-1)
				if i%100 == 0 {
					r.list("0", now)
				}
			}
		})
	}
	all.Wait()
	total := int64(0)
	for space := range r.spaces {
		for _, c := range r.list(space, now) {
			if total += c.Requests; c.Open != 0 {
				t.Errorf("%d connections are still open", c.Open)
			}
		}
	}
	if total != 8000 {
		t.Errorf("%d requests are remembered, want 8000", total)
	}
}

// BenchmarkTally is what a connection, and what each of its requests, pays for being remembered.
func BenchmarkTally(b *testing.B) {
	address := netip.MustParseAddr("192.0.2.1")
	for name, each := range map[string]bool{"request": false, "connection": true} {
		b.Run(name, func(b *testing.B) {
			r := &Router{recent: newRecent()}
			b.RunParallel(func(p *testing.PB) {
				x := exchange{r: r, from: &origin{}, client: address, app: &app{Route: cloister.Route{SpaceID: "space"}}, began: time.Now()}
				for p.Next() {
					if x.count(); each {
						x.leave()
					}
				}
			})
		})
	}
}

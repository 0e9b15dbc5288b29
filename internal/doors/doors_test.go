package doors_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister/internal/doors"
)

// A house is a source, and a taker of what it hands over.
type house struct {
	t      *testing.T
	socket string

	mu      sync.Mutex
	all     []doors.Door
	changed chan struct{}
	taken   map[doors.Place]*net.TCPListener
	whole   int // how often all doors were named
}

func newHouse(t *testing.T) *house {
	dir, err := os.MkdirTemp("", "doors") // short enough for a unix socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &house{t: t, socket: filepath.Join(dir, "s"), changed: make(chan struct{}), taken: map[doors.Place]*net.TCPListener{}}
}

func (h *house) Doors() ([]doors.Door, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]doors.Door(nil), h.all...), h.changed
}

// set puts other doors in.
func (h *house) set(all ...doors.Door) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = all
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *house) Open(p doors.Place, l *net.TCPListener) {
	h.Close(p)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.taken[p] = l
}

func (h *house) Close(p doors.Place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.taken[p]; l != nil {
		l.Close()
	}
	delete(h.taken, p)
}

func (h *house) Only(there map[doors.Place]bool) {
	h.mu.Lock()
	var gone []doors.Place
	for p := range h.taken {
		if !there[p] {
			gone = append(gone, p)
		}
	}
	h.whole++
	h.mu.Unlock()
	for _, p := range gone {
		h.Close(p)
	}
}

// serve hands doors over until stop is called.
func (h *house) serve() (stop func()) {
	h.t.Helper()
	os.Remove(h.socket)
	l, err := net.Listen(doors.Network, h.socket)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.run(func(ctx context.Context) error { return doors.Serve(ctx, l, h) })
}

func (h *house) run(f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
	h.t.Cleanup(stop)
	return stop
}

// door opens one, and says where.
func (h *house) door(space string, port uint16) (doors.Door, string) {
	h.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { f.Close() })
	return doors.Door{Place: doors.Place{Space: space, Port: port}, Socket: f}, l.Addr().String()
}

// has waits until the taken doors are at these addresses.
func (h *house) has(want map[doors.Place]string) {
	h.t.Helper()
	got := ""
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		now := map[doors.Place]string{}
		h.mu.Lock()
		for p, l := range h.taken {
			now[p] = l.Addr().String()
		}
		h.mu.Unlock()
		if got = fmt.Sprint(now); got == fmt.Sprint(want) {
			return
		}
	}
	h.t.Fatalf("the doors are %s, want %v", got, want)
}

func TestDoorsComeAndGo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.serve()
	h.run(func(ctx context.Context) error { return doors.Follow(ctx, h.socket, h) })
	one, at := h.door("one", 80)
	tls, atTLS := h.door("one", 443)
	other, atOther := h.door("other", 80)
	h.set(one)
	h.has(map[doors.Place]string{one.Place: at})
	h.set(one, tls, other)
	h.has(map[doors.Place]string{one.Place: at, tls.Place: atTLS, other.Place: atOther})
	// A connection that comes to the address comes to whoever took the door.
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	h.mu.Lock()
	l := h.taken[one.Place]
	h.mu.Unlock()
	l.SetDeadline(time.Now().Add(5 * time.Second))
	inner, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(inner, "welcome")
	inner.Close()
	if b, err := io.ReadAll(c); string(b) != "welcome" {
		t.Errorf("got %q, %v", b, err)
	}
	moved, atMoved := h.door("one", 80)
	h.set(moved, other)
	h.has(map[doors.Place]string{one.Place: atMoved, other.Place: atOther})
	h.set()
	h.has(map[doors.Place]string{})
}

func TestDoorsOfADeadNodeStayUntilTheNextHasNamedItsOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	stop := h.serve()
	one, at := h.door("one", 80)
	gone, atGone := h.door("gone", 80)
	h.set(one, gone)
	ended := make(chan error, 1)
	go func() { ended <- doors.Follow(t.Context(), h.socket, h) }()
	h.has(map[doors.Place]string{one.Place: at, gone.Place: atGone})
	stop()
	if err := <-ended; err == nil {
		t.Error("the end of the node went unnoticed")
	}
	h.has(map[doors.Place]string{one.Place: at, gone.Place: atGone})
	again, atAgain := h.door("one", 80)
	h.set(again)
	h.serve()
	h.run(func(ctx context.Context) error { return doors.Follow(ctx, h.socket, h) })
	h.has(map[doors.Place]string{one.Place: atAgain})
}

func TestManyDoorsAndManyRouters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.serve()
	var all []doors.Door
	want := map[doors.Place]string{}
	for i := range 300 { // more than fit into one message, or into the socket
		d, at := h.door(fmt.Sprintf("%036d", i), 80)
		all = append(all, d)
		want[d.Place] = at
	}
	h.set(all...)
	second := newHouse(t)
	h.run(func(ctx context.Context) error { return doors.Follow(ctx, h.socket, h) })
	h.run(func(ctx context.Context) error { return doors.Follow(ctx, h.socket, second) })
	h.has(want)
	second.has(want)
	h.set(all[:10]...)
	for p := range want {
		if p.Space >= fmt.Sprintf("%036d", 10) {
			delete(want, p)
		}
	}
	h.has(want)
	second.has(want)
}

// TestARouterThatDoesNotListenIsNobodysTrouble has one connect and never read, while another gets all it should.
func TestARouterThatDoesNotListenIsNobodysTrouble(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.serve()
	deaf, err := net.Dial(doors.Network, h.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	h.run(func(ctx context.Context) error { return doors.Follow(ctx, h.socket, h) })
	one, at := h.door("one", 80)
	for range 2000 {
		h.set(one)
		h.set()
	}
	h.set(one)
	h.has(map[doors.Place]string{one.Place: at})
}

// TestNonsenseIsRefused has somebody in the node's place say what no node says.
func TestNonsenseIsRefused(t *testing.T) {
	t.Parallel()
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	null := int(file.Fd())
	for name, say := range map[string]func(*net.UnixConn){
		"no JSON":          func(c *net.UnixConn) { c.Write([]byte("door")) },
		"too long":         func(c *net.UnixConn) { c.Write([]byte(`{"Space":"` + strings.Repeat("x", 1000) + `"}`)) },
		"no socket":        func(c *net.UnixConn) { c.WriteMsgUnix([]byte(`{"Space":"x"}`), unix.UnixRights(null), nil) },
		"several sockets":  func(c *net.UnixConn) { c.WriteMsgUnix([]byte(`{"Space":"x"}`), unix.UnixRights(null, null, null), nil) },
		"nothing, and end": func(c *net.UnixConn) { c.Close() },
	} {
		h := newHouse(t)
		l, err := net.Listen(doors.Network, h.socket)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := l.Accept()
			if err == nil {
				say(c.(*net.UnixConn))
				defer c.Close()
				io.Copy(io.Discard, c)
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := doors.Follow(ctx, h.socket, h); err == nil {
			t.Errorf("%s: taken", name)
		}
		cancel()
		l.Close()
		if len(h.taken) > 0 {
			t.Errorf("%s: opened %v", name, h.taken)
		}
	}
}

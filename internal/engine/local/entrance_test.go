package local

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/cloister-dev/cloister/internal/doors"
	"github.com/cloister-dev/cloister/internal/engine"
)

// room is a network namespace with two addresses of its own.
func room(t *testing.T) namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: network namespaces")
	}
	ns := namespace(filepath.Join(t.TempDir(), "room"))
	t.Cleanup(func() { ns.remove() })
	if err := ns.create(false); err != nil {
		t.Fatal(err)
	}
	h, err := ns.handle()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"10.0.0.3", "10.0.0.4"} {
		if err := h.AddrAdd(lo, &netlink.Addr{IPNet: host(netip.MustParseAddr(a))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.LinkSetUp(lo); err != nil {
		t.Fatal(err)
	}
	return ns
}

// calls connects inside a namespace.
func calls(ns namespace, at string) (c net.Conn, err error) {
	err = ns.do(func() error {
		c, err = net.DialTimeout("tcp4", at, time.Second)
		return err
	})
	return c, err
}

// accepts takes one connection at a door, as a router does, and returns who it is from.
func accepts(t *testing.T, d doors.Door) string {
	t.Helper()
	l, err := net.FileListener(d.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.(*net.TCPListener).SetDeadline(time.Now().Add(5 * time.Second))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ip, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	return ip
}

func TestEntrancesAreInsideTheSpace(t *testing.T) {
	ns := room(t)
	e := &Engine{}
	t.Cleanup(e.entrances.close)
	s := engine.Space{ID: "s", Internal: netip.MustParseAddr("10.0.0.3")}
	none, changed := e.Doors()
	if err := e.entrances.enter(ns, s); err != nil {
		t.Fatal(err)
	}
	if _, open := <-changed; len(none) > 0 || open {
		t.Errorf("before there were %v", none)
	}
	first, changed := e.Doors()
	if len(first) != 2 || first[0].Port != 80 || first[1].Port != 443 || first[0].Space != "s" {
		t.Fatalf("doors %v", first)
	}
	for _, d := range first {
		at := netip.AddrPortFrom(s.Internal, d.Port).String()
		if c, err := net.DialTimeout("tcp4", at, 100*time.Millisecond); err == nil {
			c.Close()
			t.Errorf("%s is open outside the space", at)
		}
		c, err := calls(ns, at)
		if err != nil {
			t.Fatal(err)
		}
		if from := accepts(t, d); from != "10.0.0.3" {
			t.Errorf("a connection at %s seems to be from %s", at, from)
		}
		c.Close()
	}
	if err := e.entrances.enter(ns, s); err != nil {
		t.Fatal(err)
	}
	if again, _ := e.Doors(); again[0].Socket != first[0].Socket {
		t.Error("asking for the same opened another socket")
	}

	// The next process opens them again while a router has those of this one. Who waits in the old goes over.
	waits, err := calls(ns, "10.0.0.3:80")
	if err != nil {
		t.Fatal(err)
	}
	defer waits.Close()
	next := &Engine{}
	t.Cleanup(next.entrances.close)
	if err := next.entrances.enter(ns, s); err != nil {
		t.Fatalf("beside those of another process: %v", err)
	}
	e.entrances.leave("s")
	if _, open := <-changed; open {
		t.Error("nobody was told that the doors are closed")
	}
	beside, _ := next.Doors()
	if from := accepts(t, beside[0]); from != "10.0.0.3" {
		t.Errorf("who had waited seems to be %s", from)
	}
	e = next
	_, changed = e.Doors()

	s.Internal = netip.MustParseAddr("10.0.0.4")
	if err := e.entrances.enter(ns, s); err != nil {
		t.Fatal(err)
	}
	if _, open := <-changed; open {
		t.Error("nobody was told that the doors have moved")
	}
	if c, err := calls(ns, "10.0.0.3:80"); err == nil {
		c.Close()
		t.Error("the old address is still open")
	}
	moved, changed := e.Doors()
	if c, err := calls(ns, "10.0.0.4:80"); err != nil || len(moved) != 2 {
		t.Errorf("doors %v, %v", moved, err)
	} else {
		accepts(t, moved[0])
		c.Close()
	}
	e.entrances.leave("s")
	e.entrances.leave("s")
	if _, open := <-changed; open {
		t.Error("nobody was told that the doors are gone")
	}
	if left, _ := e.Doors(); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

func TestAnEntranceAtNoAddressOfTheSpaceIsAnError(t *testing.T) {
	ns := room(t)
	e := &Engine{}
	if err := e.entrances.enter(ns, engine.Space{ID: "s", Internal: netip.MustParseAddr("10.0.0.99")}); err == nil {
		t.Error("opened")
	}
	if left, _ := e.Doors(); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

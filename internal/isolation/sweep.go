package isolation

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// A sweep is what came back for one packet to each of many ports.
type sweep struct {
	open, closed []uint16
	other        []string
}

// sweep sends a SYN to each port of an address, and waits for whatever comes back, refusals too.
func (t *Trial) sweep(ctx context.Context, w *wire, from *Probe, to netip.Addr, first, last int, m []byte) (s sweep, err error) {
	p, err := from.ns.tap(from.ID, "eth0", func(p packet) bool {
		h, ok := read(p.Frame)
		return ok && !p.Out && (h.Src == to && h.Proto == tcp || h.Proto == icmp && (h.Kind == 3 || h.Kind == 11))
	})
	if err != nil {
		return s, err
	}
	defer p.close()
	source := from.at(40000 + uint16(time.Now().UnixNano()%20000))
	for port := first; port <= last; port++ {
		if port%4096 == 0 && ctx.Err() != nil {
			return s, ctx.Err()
		}
		if err := w.send(tcpTo(source, netip.AddrPortFrom(to, uint16(port)), syn, m)); err != nil {
			return s, err
		}
	}
	for _, seen := range p.packets() {
		switch h, _ := read(seen.Frame); {
		case h.Proto == icmp:
			s.other = append(s.other, describe(seen.Frame))
		case h.Kind&(syn|ack) == syn|ack:
			s.open = append(s.open, h.SrcPort)
		case h.Kind&rst != 0:
			s.closed = append(s.closed, h.SrcPort)
		}
	}
	slices.Sort(s.open)
	s.open = slices.Compact(s.open) // a SYN that nobody acknowledges is answered again
	return s, nil
}

// silent says that an address answers, if it does.
func (t *Trial) silent(s sweep, who string, a netip.Addr, but ...uint16) {
	for _, p := range s.open {
		if !slices.Contains(but, p) {
			t.Through("%s answers at %s", who, netip.AddrPortFrom(a, p))
		}
	}
	if len(s.closed) > 0 {
		t.Through("%s refuses %d ports at %s, so packets arrive", who, len(s.closed), a)
	}
	if len(s.other) > 0 {
		t.Through("%s sends %s", who, s.other[0])
	}
}

// everyPort attacks all ports of addresses, and says which answer.
func (t *Trial) everyPort(ctx context.Context, w *wire, from *Probe, m []byte, targets map[netip.Addr]string) error {
	for _, a := range sorted(targets) {
		s, err := t.sweep(ctx, w, from, a, 1, 65535, m)
		if err != nil {
			return err
		}
		if t.silent(s, targets[a], a); len(t.through) > 0 {
			return nil // enough is known
		}
	}
	return nil
}

func sorted(m map[netip.Addr]string) (out []netip.Addr) {
	for a := range m {
		if a.IsValid() {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// theSweepWorks shows that a sweep finds the open port of a dyno in the same space, and sees a refusal.
func (t *Trial) theSweepWorks(ctx context.Context, w *wire) error {
	s, err := t.sweep(ctx, w, t.A.Web, t.A.Near.Address, 4990, 5010, mark())
	if err != nil {
		return err
	}
	if !slices.Contains(s.open, 5000) || len(s.closed) != 20 {
		return broken("a sweep of a dyno in the same space sees %d open and %d closed ports", len(s.open), len(s.closed))
	}
	return nil
}

// A bait is a listener of ours that nothing may reach. It remembers what did.
type bait struct {
	port uint16
	mu   sync.Mutex
	got  []string
}

// bait lays one, on TCP and UDP, at an address in a namespace, and shows that it works.
func (t *Trial) bait(n netns, address string) (*bait, error) {
	b, err := t.untried(n, address)
	if err != nil {
		return nil, err
	}
	if address == "0.0.0.0" {
		address = "127.0.0.1"
	}
	own := net.JoinHostPort(address, fmt.Sprint(b.port))
	for _, network := range []string{"tcp4", "udp4"} {
		if c, err := n.dial(network, own, time.Second); err == nil {
			fmt.Fprintln(c, "hello")
			c.Close()
		}
	}
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
		if both := strings.Join(b.taken(), " "); strings.Contains(both, "TCP") && strings.Contains(both, "UDP") {
			break
		}
		if time.Now().After(deadline) {
			return nil, broken("a listener of our own at %s is not reached from where it is", own)
		}
	}
	b.mu.Lock()
	b.got = nil
	b.mu.Unlock()
	return b, nil
}

// untried lays a bait where its own namespace could not reach it.
func (t *Trial) untried(n netns, address string) (*bait, error) {
	l, p, err := n.listen(net.JoinHostPort(address, "0"))
	if err != nil {
		return nil, fmt.Errorf("lay a bait: %w", err)
	}
	t.later(func() { l.Close(); p.Close() })
	b := &bait{port: l.Addr().(*net.TCPAddr).AddrPort().Port()}
	taken := func(network string, from net.Addr) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.got = append(b.got, network+" from "+from.String())
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			taken("TCP", c.RemoteAddr())
			c.Close()
		}
	}()
	go func() {
		buf := make([]byte, 2048)
		for {
			_, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			taken("UDP", from)
		}
	}()
	return b, nil
}

func (b *bait) taken() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got)
}

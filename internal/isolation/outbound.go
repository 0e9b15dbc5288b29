package isolation

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
)

// hairpin is T11.
func hairpin(ctx context.Context, t *Trial) error {
	if t.B.outbound() == (netip.Addr{}) {
		return notRun("this machine has no pool of outbound addresses")
	}
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	if err := t.seenAs(t.A, t.A.Web); err != nil {
		return err
	}
	outside, err := t.Outside.ns.wire("eth0")
	if err != nil {
		return err
	}
	t.later(outside.close)
	m, stranger := mark(), mark()
	b, err := t.tap(t.B.ns, "the other space", "", marked(m))
	if err != nil {
		return err
	}
	link, err := t.tap("", "the other space's link", t.Places.SpaceLink(spaceB), marked(m))
	if err != nil {
		return err
	}
	// A stranger's packets to an outbound address may come as far as the space that has it, and no further.
	further, err := t.tap(t.B.ns, "the other space, on its way further,", "", func(p packet) bool { return p.Out && marked(stranger)(p) })
	if err != nil {
		return err
	}
	arrives, err := t.tap("", "the machine", near, func(p packet) bool { return !p.Out && marked(stranger)(p) })
	if err != nil {
		return err
	}
	publics := slices.Concat(t.B.Space.Outbound, t.B.Space.Ingress, []netip.Addr{t.B.Only.Endpoint.Addr(), t.B.Web.Endpoint.Addr(), t.B.Only.Address})
	for _, a := range publics {
		for _, port := range []uint16{80, 443, 5000, 6000, 8080, 8443} {
			to := netip.AddrPortFrom(a, port)
			if err := w.send(tcpTo(t.A.Web.at(40101), to, syn, m), udpTo(t.A.Web.at(40101), to, m)); err != nil {
				return err
			}
			if a == t.B.Only.Address {
				continue // the machine would send it to whoever has that address around here
			}
			// And a real stranger, who gets no further than A does.
			if err := outside.send(tcpTo(t.Outside.at(40101), to, syn, stranger), udpTo(t.Outside.at(40101), to, stranger), tcpTo(t.Outside.at(40102), to, ack, stranger)); err != nil {
				return err
			}
		}
	}
	if len(arrives.packets()) == 0 {
		return broken("a stranger's packets do not arrive at the machine")
	}
	t.none(b, link, further)
	for _, a := range publics[:len(publics)-1] {
		if got, err := ask(t.A.Web.ns, "tcp4", netip.AddrPortFrom(a, 5000).String(), 300*time.Millisecond); err == nil || strings.Contains(err.Error(), "refused") {
			t.Through("%s answers another space: %s %v", a, got, err)
		}
	}
	return t.asStranger(ctx)
}

// sources are the addresses that packets of a space may have when they leave it.
func (t *Trial) sources(s *Side) []netip.Addr {
	if len(s.Space.Outbound) > 0 {
		return s.Space.Outbound
	}
	return []netip.Addr{addressOf(s.ns, "up")}
}

// seenAs makes sure that the outside answers a dyno, and sees an address that it may.
func (t *Trial) seenAs(s *Side, p *Probe) error {
	may := t.sources(s)
	if t.Masquerade || len(s.Space.Outbound) == 0 {
		may = []netip.Addr{t.Outside.Machine}
	}
	for _, network := range []string{"tcp4", "udp4"} {
		got, err := ask(p.ns, network, t.Outside.at(443).String(), 2*time.Second)
		if err != nil {
			return broken("the outside is not reached by %s: %w", network, err)
		}
		_, seen, _ := strings.Cut(strings.TrimSpace(got), " ")
		if a, err := netip.ParseAddrPort(seen); err != nil || !slices.Contains(may, a.Addr()) {
			t.Through("the outside sees %s, not one of %v", seen, may)
		}
	}
	return nil
}

// edge watches, as long as the trial lasts, for packets that leave a space with a source that is not its own.
func (t *Trial) edge(s *Side) (check func(), err error) {
	may := t.sources(s)
	link, err := t.tap("", "the machine's edge", t.Places.SpaceLink(s.Space.ID), func(p packet) bool {
		h, ok := read(p.Frame)
		return !p.Out && (!ok || !slices.Contains(may, h.Src))
	})
	if err != nil {
		return nil, err
	}
	all := slices.Concat(t.sources(t.A), t.sources(t.B), []netip.Addr{t.Outside.Machine})
	out, err := t.tap(t.Outside.ns, "the outside", "eth0", func(p packet) bool {
		h, ok := read(p.Frame)
		return ok && !p.Out && !slices.Contains(all, h.Src)
	})
	return func() { t.none(link, out) }, err
}

// outbound is T12.
func outbound(ctx context.Context, t *Trial) error {
	check, err := t.edge(t.A)
	if err != nil {
		return err
	}
	defer check() // whatever else goes wrong
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	for _, p := range []*Probe{t.A.Web, t.A.Near, t.A.Data} {
		if err := t.seenAs(t.A, p); err != nil {
			return err
		}
	}
	m := mark()
	reached, err := t.tap(t.Outside.ns, "the outside", "eth0", func(p packet) bool { return !p.Out && marked(m)(p) })
	if err != nil {
		return err
	}
	to, own := t.Outside.at(443), t.A.Web.at(40111)
	if err := w.send(icmpTo(own.Addr(), to.Addr(), 8, 0, 1, m)); err != nil {
		return err
	}
	if len(reached.packets()) == 0 {
		return broken("an echo request does not reach the outside")
	}
	// Packets that belong to nothing, which translation might pass by.
	for i, flags := range []byte{ack, rst, fin | ack, syn | ack, psh | ack, rst | ack, 0, fin | psh | 32} {
		if err := w.send(tcpTo(t.A.Web.at(40112+uint16(i)), to, flags, m)); err != nil {
			return err
		}
	}
	inner := udpTo(t.Outside.at(443), own, m).bytes()
	for _, kind := range []byte{0, 3, 4, 5, 11, 12, 14, 18} {
		if err := w.send(icmpTo(own.Addr(), to.Addr(), kind, 1, 7, inner)); err != nil {
			return err
		}
	}
	tail := udpTo(own, to, append(make([]byte, 64), m...))
	tail.Data, tail.Frag, tail.ID = tail.Data[8:], 9, 0x4242
	odd := udpTo(own, to, m)
	odd.Data[6] ^= 0xff // a wrong checksum
	if err := w.send(tail, odd, datagram{Src: own.Addr(), Dst: to.Addr(), Proto: gre, Data: m}, datagram{Src: own.Addr(), Dst: to.Addr(), Proto: sctp, Data: append(make([]byte, 12), m...)}); err != nil {
		return err
	}
	return t.whileChanging(ctx)
}

// whileChanging talks to the outside while the space is made again and again, and from the first moment of a new dyno.
func (t *Trial) whileChanging(ctx context.Context) error {
	first, err := t.tap("", "the machine", t.Places.SpaceLink(spaceA), func(p packet) bool {
		return !p.Out && bytes.Contains(p.Frame, []byte("first"))
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var talking sync.WaitGroup
	talked := make([]int, 2)
	for i, network := range []string{"udp4", "tcp4"} {
		talking.Go(func() {
			for ctx.Err() == nil {
				if _, err := ask(t.A.Near.ns, network, t.Outside.at(443).String(), 500*time.Millisecond); err == nil {
					talked[i]++
				}
			}
		})
	}
	var fresh *Probe
	for i := 0; i < 12 && err == nil; i++ {
		err = t.engine.EnsureSpace(ctx, t.A.Space)
		if err == nil && i == 4 {
			fresh, err = t.start(ctx, engine.Workload{Space: spaceA}, "talk", t.Outside.at(443).String())
		}
	}
	stop()
	talking.Wait()
	if fresh != nil {
		if len(first.packets()) == 0 && err == nil {
			err = broken("the first packets of a new dyno are not seen to leave")
		}
		if drop := t.engine.Drop(context.WithoutCancel(ctx), fresh.ID); err == nil {
			err = drop
		}
	}
	if err == nil && (talked[0] == 0 || talked[1] == 0) {
		err = broken("nothing was said while the space changed: %v", talked)
	}
	t.note("%d flows during 12 reloads", talked[0]+talked[1])
	return err
}

// forbidden is T13.
func forbidden(ctx context.Context, t *Trial) error {
	allowed, cut := netip.AddrPortFrom(t.Outside.Second, 443), t.Outside.at(443)
	type flow struct {
		name string
		c    net.Conn
		stay bool
	}
	var all []flow
	for _, f := range []flow{{"TCP", nil, true}, {"TCP", nil, false}, {"UDP", nil, false}} {
		to := cut
		if f.stay {
			to = allowed
		}
		c, err := t.A.Web.ns.dial(strings.ToLower(f.name)+"4", to.String(), time.Second)
		if err != nil {
			return broken("the outside is not reached: %w", err)
		}
		t.later(func() { c.Close() })
		f.c = c
		if !echoes(c, time.Second) {
			return broken("the outside does not answer by %s", f.name)
		}
		all = append(all, f)
	}
	less := t.A.Space
	less.Egress = []engine.Pass{{Target: netip.PrefixFrom(allowed.Addr(), 32), Protocol: tcp, From: 443, To: 443}}
	if err := t.engine.EnsureSpace(ctx, less); err != nil {
		return fmt.Errorf("forbid the outside: %w", err)
	}
	t.later(func() { t.engine.EnsureSpace(context.WithoutCancel(ctx), t.A.Space) })
	for _, f := range all {
		switch got := echoes(f.c, 400*time.Millisecond); {
		case got && !f.stay:
			t.Through("an open %s flow goes on after its rule is gone", f.name)
		case !got && f.stay:
			t.Through("a flow that is still allowed is cut")
		}
	}
	if _, err := ask(t.A.Web.ns, "tcp4", cut.String(), 400*time.Millisecond); err == nil {
		t.Through("a new connection is made after its rule is gone")
	}
	if _, err := ask(t.A.Web.ns, "tcp4", allowed.String(), time.Second); err != nil {
		t.Through("what is still allowed cannot be reached: %v", err)
	}
	if err := t.engine.EnsureSpace(ctx, t.A.Space); err != nil {
		return err
	}
	if _, err := ask(t.A.Web.ns, "tcp4", cut.String(), time.Second); err != nil {
		return broken("what is allowed again is not reached: %w", err)
	}
	return t.noLongerTrusted(ctx)
}

// echoes says something and reports whether it is answered.
func echoes(c net.Conn, patience time.Duration) bool {
	c.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(c, "hello"); err != nil {
		return false
	}
	_, err := c.Read(make([]byte, 512))
	return err == nil
}

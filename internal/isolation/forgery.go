package isolation

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
)

var everybody = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// forgery is T3.
func forgery(ctx context.Context, t *Trial) error {
	if err := t.weak(ctx); err != nil {
		return err
	}
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	if err := t.forgedSources(w); err != nil {
		return err
	}
	return t.forgedNeighbours(w)
}

// weak looks whether a process in a dyno has an attacker's means.
func (t *Trial) weak(ctx context.Context) error {
	own := make(chan []string)
	go func() { own <- powers() }() // on a thread that ends, for what it tries changes it
	if have := strings.Join(<-own, ", "); !strings.Contains(have, "packet sockets") || !strings.Contains(have, "raw IP") {
		return broken("root on this machine is not seen to have an attacker's means, but only: %s", have)
	}
	out, status, err := t.exec(ctx, t.A.Web, "powers")
	if err != nil || status != 0 {
		return broken("a process in a dyno does not tell its means: status %d: %s %v", status, out, err)
	}
	if out != "" {
		t.Through("a process in a dyno has %s", strings.ReplaceAll(out, "\n", ", "))
	}
	return nil
}

// forgedSources sends with sources that are not the dyno's, to a neighbour and to the outside.
func (t *Trial) forgedSources(w *wire) error {
	m, right := mark(), mark()
	neighbour, err := t.tap(t.A.Near.ns, "a dyno of the same space", "eth0", marked(m))
	if err != nil {
		return err
	}
	leaving, err := t.tap("", "the machine", t.Places.SpaceLink(spaceA), marked(m))
	if err != nil {
		return err
	}
	check, err := t.nowhere(marked(m))
	if err != nil {
		return err
	}
	arrived, err := t.tap(t.A.Near.ns, "a dyno of the same space", "eth0", marked(right))
	if err != nil {
		return err
	}
	reached, err := t.tap(t.Outside.ns, "the outside", "eth0", marked(right))
	if err != nil {
		return err
	}
	near := t.A.Near.at(6000)
	for _, to := range []netip.AddrPort{near, t.Outside.at(443)} {
		if err := w.send(udpTo(t.A.Web.at(40011), to, right)); err != nil {
			return err
		}
	}
	if len(arrived.packets()) == 0 || len(reached.packets()) == 0 {
		return broken("packets with the right source do not arrive: %d at a neighbour, %d outside", len(arrived.seen), len(reached.seen))
	}
	sources := []netip.Addr{t.A.Near.Address, t.A.Data.Address, t.B.Only.Address, t.Outside.Second, t.A.Web.Address.Prev(),
		netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.200.200"), netip.MustParseAddr("127.0.0.1"),
		netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("169.254.1.1"),
		t.Transit.Addr().Next(), t.A.Web.Endpoint.Addr(), t.Outside.Machine, netip.MustParseAddr("20.1.2.3")}
	sources = append(sources, t.A.Space.Outbound...)
	sources = append(sources, t.B.Space.Outbound...)
	for _, src := range sources {
		for _, to := range []netip.AddrPort{near, t.Outside.at(443), t.A.Data.at(5000)} {
			if src == to.Addr() {
				continue // a packet to itself
			}
			from := netip.AddrPortFrom(src, 40012)
			if err := w.send(udpTo(from, to, m), tcpTo(from, to, syn, m), tcpTo(from, to, ack, m), icmpTo(src, to.Addr(), 8, 0, 1, m)); err != nil {
				return err
			}
		}
	}
	t.none(neighbour, leaving)
	check()
	return nil
}

// forgedNeighbours claims addresses by ARP, and takes another hardware address.
func (t *Trial) forgedNeighbours(w *wire) error {
	m := mark()
	router, err := t.tap(t.A.ns, "the space", "", func(p packet) bool { return !p.Out && marked(m)(p) })
	if err != nil {
		return err
	}
	beyond, err := t.tap(t.A.ns, "the space, on its way further,", "", func(p packet) bool { return p.Out && marked(m)(p) })
	if err != nil {
		return err
	}
	answer, err := t.tap(t.A.Web.ns, "the attacker", "eth0", func(p packet) bool {
		return !p.Out && bytes.Equal(p.Frame[12:14], []byte{8, 6})
	})
	if err != nil {
		return err
	}
	taps := []*tap{beyond, answer}
	for _, p := range []*Probe{t.A.Near, t.A.Data} {
		v, err := t.tap(p.ns, "a dyno of the same space", "", marked(m))
		if err != nil {
			return err
		}
		taps = append(taps, v)
	}
	check, err := t.nowhere(marked(m))
	if err != nil {
		return err
	}
	neighbours := func() string {
		a, _ := t.A.ns.sh("ip neigh; ip -d neigh show proxy")
		b, _ := t.A.Near.ns.sh("ip neigh")
		return a + b
	}
	before := neighbours()
	mine := net.HardwareAddr{0x02, 0x66, 0x66, 0x66, 0x66, 0x66}
	sent := 0
	for _, a := range []netip.Addr{t.A.Near.Address, t.A.Data.Address, t.A.Web.Address, t.B.Only.Address, netip.MustParseAddr("169.254.1.1"),
		netip.MustParseAddr("169.254.1.2"), netip.MustParseAddr("10.0.0.2"), t.Outside.Machine} {
		for _, to := range []net.HardwareAddr{everybody, w.next} {
			for _, op := range []byte{1, 2} { // ask for it, and claim it
				for _, who := range []netip.Addr{a, t.A.Web.Address} {
					if err := w.frame(to, 0x0806, append(arp(op, mine, who, everybody, a), m...)); err != nil {
						return err
					}
					sent++
				}
			}
		}
	}
	if n := len(router.packets()); n < sent {
		return broken("of %d ARP frames only %d arrive at the space's end of the link", sent, n)
	}
	t.none(taps...)
	check()
	if after := neighbours(); lines(after) != lines(before) {
		t.Through("the space believes an attacker's ARP: %s", difference(before, after))
	}
	if err := answers(t.A.Near, "tcp4", t.A.Data.at(5000), t.A.Data); err != nil {
		t.Through("others do not reach one another any more: %v", err)
	}
	return nil
}

// arp is an ARP message: who has a, or a is at mac.
func arp(op byte, mac net.HardwareAddr, who netip.Addr, target net.HardwareAddr, a netip.Addr) []byte {
	w, b := who.As4(), a.As4()
	return slices.Concat([]byte{0, 1, 8, 0, 6, 4, 0, op}, mac, w[:], target, b[:])
}

// lines is a text with its lines sorted, and what the kernel counts left out.
func lines(s string) string {
	var out []string
	for l := range strings.Lines(s) {
		out = append(out, strings.Join(strings.Fields(l), " "))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// difference is the first line of b that is not in a.
func difference(a, b string) string {
	for l := range strings.Lines(b) {
		if !strings.Contains(lines(a), strings.Join(strings.Fields(l), " ")) {
			return strings.TrimSpace(l)
		}
	}
	return "something is missing"
}

package isolation

import (
	"context"
	"encoding/binary"
	"net/netip"
	"regexp"
	"slices"
)

// countdown is how long the kernel still believes what it was told of a way: that it runs down is no change.
var countdown = regexp.MustCompile(` expires \d+sec`)

// tricks is T10.
func tricks(_ context.Context, t *Trial) error {
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	for _, try := range []func(*wire) error{t.fragments, t.sourceRoutes, t.redirects, t.lifetimes} {
		if err := try(w); err != nil {
			return err
		}
	}
	return nil
}

// fragments hides what a packet is from who looks at the first piece only. Ports below 1024 are closed between dynos,
// so whatever arrives there has got past the rules.
func (t *Trial) fragments(w *wire) error {
	right, m := mark(), mark()
	arrived, err := t.tap(t.A.Near.ns, "a dyno of the same space", "eth0", marked(right))
	if err != nil {
		return err
	}
	whole := udpTo(t.A.Web.at(40061), t.A.Near.at(6000), append(make([]byte, 1200), right...))
	whole.ID = 0x7001
	if err := w.send(whole.fragments(504)...); err != nil {
		return err
	}
	if len(arrived.packets()) == 0 {
		return broken("a datagram in fragments does not arrive where it may")
	}
	arrive, err := t.tap(t.A.Near.ns, "a dyno of the same space", "eth0", func(p packet) bool {
		h, ok := read(p.Frame)
		return ok && !p.Out && h.ID > 0x7100 && h.ID < 0x7200 && (h.SrcPort == 40062 || h.SrcPort == 0)
	})
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
	id := uint16(0x7100)
	pad := append(make([]byte, 24), append(m, make([]byte, 40-len(m))...)...)
	for _, to := range []netip.AddrPort{t.A.Near.at(80), t.B.Only.at(5000), netip.MustParseAddrPort("169.254.169.254:80"), netip.AddrPortFrom(t.Outside.Address, 25)} {
		closed := tcpTo(t.A.Web.at(40062), to, syn, pad)
		open := tcpTo(t.A.Web.at(40062), netip.AddrPortFrom(to.Addr(), 6000), syn, pad)
		closedUDP := udpTo(t.A.Web.at(40062), to, pad)
		openUDP := udpTo(t.A.Web.at(40062), netip.AddrPortFrom(to.Addr(), 6000), pad)
		for _, pair := range [][2]datagram{{closed, open}, {closedUDP, openUDP}} {
			bad, good := pair[0], pair[1]
			if to.Port() == 25 && bad.Proto == udp {
				continue // may leave
			}
			next := func(ds []datagram) []datagram {
				id++
				for i := range ds {
					ds[i].ID = id
				}
				return ds
			}
			overlap := func(first, second datagram) []datagram {
				a := first.fragments(32)
				b := second
				b.Data, b.Frag = second.Data[:16], moreFragments // says again what the beginning is
				return []datagram{a[0], b, a[1], a[2]}
			}
			late := bad.fragments(32)
			slices.Reverse(late)
			alone := bad
			alone.Data, alone.Frag = bad.Data[8:], 1 // a piece without its beginning
			sets := [][]datagram{bad.fragments(8), bad.fragments(24), late, {alone}}
			if to.Addr() != t.Outside.Address {
				sets = append(sets, overlap(good, bad), overlap(bad, good)) // outside, the good one may pass
			}
			for _, ds := range sets {
				if err := w.send(next(ds)...); err != nil {
					return err
				}
			}
		}
	}
	t.none(leaving)
	check()
	begins := map[uint16]uint16{} // datagrams by the port that their beginning names
	for _, p := range arrive.packets() {
		if h, _ := read(p.Frame); h.Offset == 0 {
			begins[h.ID] = h.DstPort
		}
	}
	for _, p := range arrive.packets() {
		if h, _ := read(p.Frame); begins[h.ID] != 6000 { // of those that say both, the first may count
			t.Through("a fragment for port %d arrives at a dyno of the same space", begins[h.ID])
		}
	}
	return nil
}

// sourceRoutes tells the router which way to go.
func (t *Trial) sourceRoutes(w *wire) error {
	right, m := mark(), mark()
	options := func(kind byte, pointer byte, by netip.Addr) []byte {
		a := by.As4()
		return append([]byte{kind, 7, pointer}, append(a[:], 0)...)
	}
	neighbour, check, err := t.pair(w, udpTo(t.A.Web.at(40071), t.A.Near.at(6000), right), right, m)
	if err != nil {
		return err
	}
	router, err := t.tap(t.A.ns, "the space", "", func(p packet) bool { return !p.Out && marked(m)(p) })
	if err != nil {
		return err
	}
	sent := 0
	for _, kind := range []byte{131, 137} { // loose and strict
		for _, by := range []netip.Addr{t.A.Near.Address, t.B.Only.Address, t.Outside.Address, t.Transit.Addr().Next()} {
			for _, dst := range []netip.Addr{t.A.Near.Address, netip.MustParseAddr("10.0.0.2"), t.Outside.Address, netip.MustParseAddr("169.254.1.1")} {
				for _, pointer := range []byte{4, 8} {
					d := udpTo(t.A.Web.at(40072), netip.AddrPortFrom(dst, 6000), m)
					d.Options = options(kind, pointer, by)
					if err := w.send(d); err != nil {
						return err
					}
					sent++
				}
			}
		}
	}
	if n := len(router.packets()); n < sent {
		return broken("of %d packets with options only %d arrive at the space", sent, n)
	}
	t.none(neighbour)
	check()
	return nil
}

// pair sends a good packet, which has to arrive at the neighbour, and watches for marked ones, which must not.
func (t *Trial) pair(w *wire, good datagram, right, m []byte) (neighbour *tap, check func(), err error) {
	arrived, err := t.tap(t.A.Near.ns, "a dyno of the same space", "eth0", marked(right))
	if err != nil {
		return nil, nil, err
	}
	if err := w.send(good); err != nil {
		return nil, nil, err
	}
	if len(arrived.packets()) == 0 {
		return nil, nil, broken("a harmless packet of the same form does not arrive")
	}
	if neighbour, err = t.tap(t.A.Near.ns, "a dyno of the same space", "eth0", marked(m)); err != nil {
		return nil, nil, err
	}
	leaving, err := t.tap("", "the machine", t.Places.SpaceLink(spaceA), marked(m))
	if err != nil {
		return nil, nil, err
	}
	elsewhere, err := t.nowhere(marked(m))
	return neighbour, func() { t.none(leaving); elsewhere() }, err
}

// redirects says that a better way leads through the attacker, and that what others sent did not arrive.
func (t *Trial) redirects(w *wire) error {
	right, m := mark(), mark()
	neighbour, check, err := t.pair(w, icmpTo(t.A.Web.Address, t.A.Near.Address, 8, 0, 1, right), right, m)
	if err != nil {
		return err
	}
	ways := func() string {
		out := ""
		for _, n := range []netns{t.A.ns, t.A.Near.ns} {
			for _, to := range []netip.Addr{t.Outside.Address, t.A.Data.Address} {
				s, _ := n.sh("ip route get " + to.String())
				out += countdown.ReplaceAllString(s, "")
			}
		}
		return out
	}
	before := ways()
	mine := t.A.Web.Address.As4()
	inner := udpTo(t.A.Near.at(5000), t.Outside.at(443), m).bytes()
	for _, src := range []netip.Addr{t.A.Web.Address, netip.MustParseAddr("169.254.1.1"), t.A.Data.Address} {
		for _, to := range []netip.Addr{t.A.Near.Address, netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("169.254.1.1"), addressOf(t.A.ns, "up")} {
			for code := range byte(4) {
				if err := w.send(icmpTo(src, to, 5, code, binary.BigEndian.Uint32(mine[:]), inner)); err != nil {
					return err
				}
			}
			if err := w.send(icmpTo(src, to, 3, 4, 68, inner), icmpTo(src, to, 9, 0, 0x01020708, append(mine[:], m...))); err != nil { // too big; a router is here
				return err
			}
		}
	}
	t.none(neighbour)
	check()
	if after := ways(); after != before {
		t.Through("an attacker's redirect changes a route: %s", difference(before, after))
	}
	return nil
}

// lifetimes lets packets die on the way, so that who lets them die tells of itself.
func (t *Trial) lifetimes(w *wire) error {
	var told []netip.Addr
	p, err := t.tap(t.A.Web.ns, "the attacker", "eth0", func(p packet) bool {
		h, ok := read(p.Frame)
		return ok && !p.Out && h.Proto == icmp && h.Kind == 11
	})
	if err != nil {
		return err
	}
	for ttl := range byte(4) {
		for _, to := range []netip.AddrPort{t.Outside.at(443), t.B.Only.at(5000), t.A.Near.at(6000)} {
			d := udpTo(t.A.Web.at(40081), to, mark())
			d.TTL = ttl + 1
			if err := w.send(d); err != nil {
				return err
			}
		}
	}
	for _, seen := range p.packets() {
		h, _ := read(seen.Frame)
		told = append(told, h.Src)
	}
	for _, a := range told {
		if _, machines := ownAddresses()[a]; machines && !t.Transit.Contains(a) || t.B.has(a) && !t.A.has(a) {
			t.Through("a packet that dies on the way tells of %s", a)
		}
	}
	return nil
}

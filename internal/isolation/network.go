package isolation

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// others are the addresses of B that a dyno of A could try.
func (t *Trial) others() map[netip.Addr]string {
	all := map[netip.Addr]string{
		t.B.Only.Address:                "another space's dyno",
		t.B.Only.Endpoint.Addr():        "another space's dyno, as the router sees it,",
		t.B.Web.Endpoint.Addr():         "another space's dyno, as the router sees it,",
		t.A.Near.Endpoint.Addr():        "a dyno of the same space, as the router sees it,",
		addressOf(t.B.ns, "up"):         "another space's router",
		t.B.Only.Address.Next():         "a free address of another space",
		wanted("").Dynos.Addr():         "the first address of the network",
		last(wanted("").Data):           "the last address of the data network",
		t.A.Web.Endpoint.Addr():         "the dyno itself, as the router sees it,",
		netip.MustParseAddr("10.2.0.1"): "a private network",
	}
	for _, a := range t.B.Space.Outbound {
		all[a] = "another space's outbound address"
	}
	delete(all, netip.Addr{})
	return all
}

// addressOf is the IPv4 address of a link in a namespace.
func addressOf(n netns, link string) netip.Addr {
	out, _ := n.sh("ip -4 -o addr show dev " + link)
	for _, f := range strings.Fields(out) {
		if p, err := netip.ParsePrefix(f); err == nil {
			return p.Addr()
		}
		if a, err := netip.ParseAddr(f); err == nil {
			return a
		}
	}
	return netip.Addr{}
}

// identity makes sure that at addresses which exist in both spaces, A's answer.
func (t *Trial) identity(network string) error {
	for _, c := range []struct{ from, to *Probe }{{t.A.Near, t.A.Web}, {t.A.Web, t.A.Near}, {t.A.Web, t.A.Data}} {
		got, err := ask(c.from.ns, network, c.to.at(5000).String(), time.Second)
		if err != nil {
			return broken("a dyno of the same space does not answer: %w", err)
		}
		if name, _, _ := strings.Cut(got, " "); name != c.to.ID {
			t.Through("another space answers at %s", c.to.at(5000))
		}
	}
	return nil
}

// fromInside asks as the dyno's own user, from inside the container.
func (t *Trial) fromInside(ctx context.Context, network string) error {
	out, status, err := t.exec(ctx, t.A.Web, "dial", network, t.A.Near.at(5000).String())
	if err != nil || status != 0 || !strings.HasPrefix(out, t.A.Near.ID) {
		return broken("a process in a dyno does not reach another of its space: status %d: %s %v", status, out, err)
	}
	for _, a := range []netip.AddrPort{t.B.Only.at(5000), t.B.Only.Endpoint, netip.AddrPortFrom(t.B.outbound(), 5000)} {
		if !a.Addr().IsValid() {
			continue
		}
		if out, status, err := t.exec(ctx, t.A.Web, "dial", network, a.String()); err != nil {
			return err
		} else if status == 0 || strings.Contains(out, "refused") {
			t.Through("a process in a dyno gets an answer of %s: %s", a, strings.TrimSpace(out))
		}
	}
	return nil
}

// tcpAcross is T1.
func tcpAcross(ctx context.Context, t *Trial) error {
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	if err := t.theSweepWorks(ctx, w); err != nil {
		return err
	}
	if err := t.identity("tcp4"); err != nil {
		return err
	}
	m := mark()
	check, err := t.nowhere(marked(m))
	if err != nil {
		return err
	}
	if err := t.everyPort(ctx, w, t.A.Web, m, t.others()); err != nil {
		return err
	}
	check()
	return t.fromInside(ctx, "tcp4")
}

// protocolsAcross is T2.
func protocolsAcross(ctx context.Context, t *Trial) error {
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	if err := t.identity("udp4"); err != nil {
		return err
	}
	m := mark()
	own := t.A.Web.Address
	ofEveryKind := func(to netip.Addr) (out []datagram) {
		for proto := range 256 {
			d := datagram{Src: own, Dst: to, Proto: byte(proto), Data: m}
			switch proto {
			case udp:
				d = udpTo(t.A.Web.at(40001), netip.AddrPortFrom(to, 6000), m)
			case icmp:
				d = icmpTo(own, to, 8, 0, 1, m)
			case tcp:
				d = tcpTo(t.A.Web.at(40001), netip.AddrPortFrom(to, 6000), ack, m)
			case ipip:
				d.Data = udpTo(t.A.Web.at(40002), t.B.Only.at(6000), m).bytes()
			case gre:
				d.Data = append([]byte{0, 0, 8, 0}, udpTo(t.A.Web.at(40002), t.B.Only.at(6000), m).bytes()...)
			case sctp:
				d.Data = append([]byte{0x9c, 0x41, 0x17, 0x70, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 36}, m...)
			}
			out = append(out, d)
		}
		return out
	}
	// The tools: all of them arrive at the space's router, and what is allowed arrives at the neighbour.
	router, err := t.tap(t.A.ns, "the space", "", func(p packet) bool { return !p.Out && marked(m)(p) })
	if err != nil {
		return err
	}
	neighbour, err := t.tap(t.A.Near.ns, "a dyno of the same space", "eth0", marked(m))
	if err != nil {
		return err
	}
	if err := w.send(ofEveryKind(t.A.Near.Address)...); err != nil {
		return err
	}
	if n := len(router.packets()); n < 256 {
		return broken("only %d of 256 protocols arrive at the space", n)
	}
	kinds := map[byte]bool{}
	for _, p := range neighbour.packets() {
		h, _ := read(p.Frame)
		kinds[h.Proto] = true
	}
	if !kinds[udp] || !kinds[icmp] {
		return broken("UDP and ICMP do not arrive in the same space")
	}
	for _, proto := range []byte{ipip, 41, gre, sctp, 0, 2, 50, 89, 103, 112, 255} {
		if kinds[proto] {
			t.Through("IP protocol %d arrives at a dyno of the same space", proto)
		}
	}
	m = mark()
	check, err := t.nowhere(marked(m))
	if err != nil {
		return err
	}
	for a := range t.others() {
		if err := w.send(ofEveryKind(a)...); err != nil {
			return err
		}
	}
	for _, to := range []netip.Addr{t.B.Only.Address, t.B.Only.Endpoint.Addr()} {
		for port := 1; port < 65536; port++ {
			if err := w.send(udpTo(t.A.Web.at(40003), netip.AddrPortFrom(to, uint16(port)), m)); err != nil {
				return err
			}
		}
	}
	// To the outside go TCP, UDP and echo requests, and nothing else.
	for _, d := range ofEveryKind(t.Outside.Address) {
		if d.Proto != tcp && d.Proto != udp && d.Proto != icmp {
			if err := w.send(d); err != nil {
				return err
			}
		}
	}
	check()
	if err := t.fromInside(ctx, "udp4"); err != nil {
		return fmt.Errorf("as a dyno's user: %w", err)
	}
	return nil
}

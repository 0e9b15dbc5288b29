package isolation

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// ownAddresses are the machine's, without loopback.
func ownAddresses() map[netip.Addr]string {
	out := map[netip.Addr]string{}
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			out[p.Addr()] = "the machine"
		}
	}
	return out
}

// machine is T6.
func machine(ctx context.Context, t *Trial) error {
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	if err := t.theSweepWorks(ctx, w); err != nil {
		return err
	}
	b, err := t.bait("", "0.0.0.0")
	if err != nil {
		return err
	}
	m := mark()
	answer, err := t.tap(t.A.Web.ns, "the attacker, in answer,", "eth0", func(p packet) bool { return !p.Out && marked(m)(p) })
	if err != nil {
		return err
	}
	targets := ownAddresses()
	for a := range targets {
		for _, port := range append(listening("/proc/net/udp"), b.port, 53, 67, 111, 123, 161, 500) {
			if err := w.send(udpTo(t.A.Web.at(40021), netip.AddrPortFrom(a, port), m)); err != nil {
				return err
			}
		}
		if err := w.send(icmpTo(t.A.Web.Address, a, 8, 0, 1, m), icmpTo(t.A.Web.Address, a, 13, 0, 1, m), icmpTo(t.A.Web.Address, a, 17, 0, 1, m)); err != nil {
			return err
		}
		out, status, err := t.exec(ctx, t.A.Web, "dial", "tcp4", netip.AddrPortFrom(a, b.port).String())
		if err != nil {
			return err
		}
		if status == 0 || strings.Contains(out, "refused") {
			t.Through("a process in a dyno gets an answer of the machine at %s: %s", a, strings.TrimSpace(out))
		}
	}
	if err := t.everyPort(ctx, w, t.A.Web, m, targets); err != nil {
		return err
	}
	t.none(answer)
	for _, who := range b.taken() {
		t.Through("a listener on the machine was reached by %s", who)
	}
	t.note("%d addresses", len(targets))
	return nil
}

// listening are the ports of the sockets that the machine has open.
func listening(path string) (out []uint16) {
	for line := range strings.Lines(netns("").read(path)) {
		if f := strings.Fields(line); len(f) > 2 {
			var port uint16
			if _, hex, ok := strings.Cut(f[1], ":"); ok {
				if _, err := fmt.Sscanf(hex, "%X", &port); err == nil {
					out = append(out, port)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// loopback is T7.
func loopback(ctx context.Context, t *Trial) error {
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	if err := t.theSweepWorks(ctx, w); err != nil {
		return err
	}
	inside, err := t.untried(t.A.ns, "127.0.0.1") // a space does not even speak with itself
	if err != nil {
		return err
	}
	baits := []*bait{inside}
	for _, n := range []netns{"", t.A.Near.ns} {
		b, err := t.bait(n, "127.0.0.1")
		if err != nil {
			return err
		}
		baits = append(baits, b)
	}
	m := mark()
	router, check, err := t.onlyTheRouter(m)
	if err != nil {
		return err
	}
	sent := 0
	for _, to := range []string{"127.0.0.1", "127.0.0.53", "127.255.255.255", "0.0.0.0", "0.0.0.1"} {
		a := netip.MustParseAddr(to)
		for _, src := range []netip.Addr{t.A.Web.Address, netip.MustParseAddr("127.0.0.1"), a} {
			for _, b := range baits {
				from, dst := netip.AddrPortFrom(src, 40031), netip.AddrPortFrom(a, b.port)
				if err := w.send(udpTo(from, dst, m), tcpTo(from, dst, syn, m)); err != nil {
					return err
				}
				sent += 2
			}
		}
	}
	one := netip.IPv6LinkLocalAllNodes()
	if err := w.frame(w.next, 0x86dd, ipv6(one, netip.IPv6Loopback(), udp, append([]byte{0, 9, 0, 53, 0, 0, 0, 0}, m...))); err != nil {
		return err
	}
	if n := len(router.packets()); n < sent {
		return broken("of %d packets only %d arrive at the space's end of the link", sent, n)
	}
	if err := t.everyPort(ctx, w, t.A.Web, m, map[netip.Addr]string{netip.MustParseAddr("127.0.0.1"): "somebody's loopback", netip.IPv4Unspecified(): "0.0.0.0"}); err != nil {
		return err
	}
	check()
	for _, b := range baits {
		for _, who := range b.taken() {
			t.Through("a listener on a loopback address was reached by %s", who)
		}
	}
	return nil
}

// clouds are the addresses at which clouds tell machines their secrets.
var clouds = []string{"169.254.169.254", "169.254.170.2", "169.254.169.253", "168.63.129.16", "100.100.100.200", "192.0.0.192", "169.254.0.1"}

// metadata is T8.
func metadata(ctx context.Context, t *Trial) error {
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	if out, status, err := t.exec(ctx, t.A.Web, "get", fmt.Sprintf("http://%s/", t.Outside.Address)); err != nil || status != 0 || strings.TrimSpace(out) != "outside" {
		return broken("a process in a dyno does not reach a page outside: status %d: %s %v", status, out, err)
	}
	m, right := mark(), mark()
	leaving, err := t.tap("", "the machine", t.Places.SpaceLink(spaceA), func(p packet) bool {
		h, ok := read(p.Frame)
		return marked(m)(p) || ok && !p.Out && slices.Contains(clouds, h.Dst.String())
	})
	if err != nil {
		return err
	}
	passed, err := t.tap("", "the machine", t.Places.SpaceLink(spaceA), marked(right))
	if err != nil {
		return err
	}
	if err := w.send(tcpTo(t.A.Web.at(40041), t.Outside.at(80), syn, right)); err != nil {
		return err
	}
	if len(passed.packets()) == 0 {
		return broken("the same packet to the outside is not seen to leave the space")
	}
	for _, c := range clouds {
		a := netip.MustParseAddr(c)
		for _, port := range []uint16{80, 443, 53, 8080, 32526, 1} {
			from, to := t.A.Web.at(40042), netip.AddrPortFrom(a, port)
			if err := w.send(tcpTo(from, to, syn, m), udpTo(from, to, m)); err != nil {
				return err
			}
		}
		if err := w.send(icmpTo(t.A.Web.Address, a, 8, 0, 1, m)); err != nil {
			return err
		}
	}
	if err := w.frame(w.next, 0x86dd, ipv6(netip.MustParseAddr("fe80::2"), netip.MustParseAddr("fd00:ec2::254"), tcp, bytes.Repeat(m, 2))); err != nil {
		return err
	}
	for _, url := range []string{"http://169.254.169.254/", fmt.Sprintf("http://%s/redirect", t.Outside.Address)} {
		if out, status, err := t.exec(ctx, t.A.Web, "get", url); err != nil {
			return err
		} else if status == 0 {
			t.Through("%s shows %.40q", url, out)
		}
	}
	t.none(leaving)
	return nil
}

// gateway is T9.
func gateway(ctx context.Context, t *Trial) error {
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	names := t.A.Space.Dynos.Addr().Next().Next()
	s, err := t.sweep(ctx, w, t.A.Web, names, 1, 65535, mark())
	if err != nil {
		return err
	}
	if !slices.Equal(s.open, []uint16{53}) {
		if !slices.Contains(s.open, 53) {
			return broken("a sweep does not find the space's resolver, but %v", s.open)
		}
	}
	t.silent(s, "the space's router", names, 53)
	m := mark()
	answer, err := t.tap(t.A.Web.ns, "the attacker, in answer,", "eth0", func(p packet) bool {
		return !p.Out && (marked(m)(p) || len(p.Frame) > 35 && binary.BigEndian.Uint16(p.Frame[12:]) == 0x0800 && p.Frame[23] == icmp)
	})
	if err != nil {
		return err
	}
	targets := map[netip.Addr]string{netip.MustParseAddr("169.254.1.1"): "the gateway", netip.MustParseAddr("169.254.1.2"): "the gateway",
		addressOf(t.A.ns, "up"): "the space's router", t.Transit.Addr().Next(): "the machine", t.A.Space.Dynos.Addr().Next(): "the gateway"}
	for a := range targets {
		for _, port := range []uint16{53, 67, 123, 5353, 33434} {
			if err := w.send(udpTo(t.A.Web.at(40051), netip.AddrPortFrom(a, port), m)); err != nil {
				return err
			}
		}
		if err := w.send(icmpTo(t.A.Web.Address, a, 8, 0, 1, m)); err != nil {
			return err
		}
	}
	if err := t.everyPort(ctx, w, t.A.Web, m, targets); err != nil {
		return err
	}
	t.none(answer)
	return nil
}

package isolation

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strings"
)

// onlyTheRouter watches frames that may get as far as the space's end of the attacker's link and no further. It
// returns the tap that shows they got so far, and what checks that they got no further.
func (t *Trial) onlyTheRouter(m []byte) (router *tap, check func(), err error) {
	if router, err = t.tap(t.A.ns, "the space", "", func(p packet) bool { return !p.Out && marked(m)(p) }); err != nil {
		return nil, nil, err
	}
	beyond, err := t.tap(t.A.ns, "the space, on its way further,", "", func(p packet) bool { return p.Out && marked(m)(p) })
	if err != nil {
		return nil, nil, err
	}
	taps := []*tap{beyond}
	for _, p := range []*Probe{t.A.Near, t.A.Data} {
		v, err := t.tap(p.ns, "a dyno of the same space", "", marked(m))
		if err != nil {
			return nil, nil, err
		}
		taps = append(taps, v)
	}
	leaving, err := t.tap("", "the machine", t.Places.SpaceLink(spaceA), marked(m))
	if err != nil {
		return nil, nil, err
	}
	elsewhere, err := t.nowhere(marked(m))
	return router, func() { t.none(append(taps, leaving)...); elsewhere() }, err
}

// sixth is T4.
func sixth(_ context.Context, t *Trial) error {
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
		return notRun("the kernel has no IPv6")
	}
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	// The attacker has IPv6 in the dyno's own network, as root there could.
	turn := func(v string) error {
		return t.A.Web.ns.do(func() error { return os.WriteFile("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", []byte(v), 0) })
	}
	if err := turn("0"); err != nil {
		return err
	}
	t.later(func() { turn("1") })
	m := mark()
	router, check, err := t.onlyTheRouter(m)
	if err != nil {
		return err
	}
	answer, err := t.tap(t.A.Web.ns, "the attacker, in answer,", "eth0", func(p packet) bool {
		return !p.Out && binary.BigEndian.Uint16(p.Frame[12:]) == 0x86dd
	})
	if err != nil {
		return err
	}
	local, all := netip.MustParseAddr("fe80::ff:fe00:2"), netip.MustParseAddr("ff02::1")
	to := func(a string) netip.Addr { return netip.MustParseAddr(a) }
	only, web := t.B.Only.Address.As4(), t.A.Near.Address.As4()
	embed := func(prefix string, a [4]byte) netip.Addr {
		b := to(prefix).As16()
		copy(b[12:], a[:])
		return netip.AddrFrom16(b)
	}
	echo := append([]byte{128, 0, 0, 0, 0, 1, 0, 1}, m...)
	// A router's advertisement with a prefix that everybody shall take addresses from.
	advert := append([]byte{134, 0, 0, 0, 64, 0xc0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 64, 0xc0, 0, 0, 14, 16, 0, 0, 14, 16, 0, 0, 0, 0,
		0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []byte{1, 1, 2, 0, 0, 0, 0, 2}...)
	solicit := append([]byte{135, 0, 0, 0, 0, 0, 0, 0}, to("fe80::ff:fe00:1").AsSlice()...)
	dhcp := append([]byte{2, 34, 2, 35, 0, 12, 0, 0, 1, 1, 2, 3}, m...)
	sent := 0
	for _, p := range []struct {
		src, dst netip.Addr
		next     byte
		data     []byte
	}{
		{local, all, icmpv6, echo}, {local, to("ff02::2"), icmpv6, echo}, {local, to("fe80::ff:fe00:1"), icmpv6, echo}, {local, to("::1"), icmpv6, echo},
		{local, all, icmpv6, append(advert, m...)}, {local, to("ff02::1:ff00:1"), icmpv6, append(solicit, m...)},
		{local, to("ff02::1:2"), udp, dhcp}, {local, to("ff02::fb"), udp, dhcp},
		{local, embed("64:ff9b::", only), udp, dhcp}, {local, embed("64:ff9b::", web), udp, dhcp},
		{embed("::ffff:0:0", t.A.Web.Address.As4()), embed("::ffff:0:0", only), udp, dhcp},
		{embed("::ffff:0:0", t.A.Web.Address.As4()), embed("::ffff:0:0", web), udp, dhcp},
		{to("2001:db8::2"), to("fd00:ec2::254"), icmpv6, echo}, {to("2001:db8::2"), to("2001:db8::1"), icmpv6, echo},
		{embed("2002::", t.A.Web.Address.As4()), embed("2002::", only), ipip, m},
	} {
		for _, mac := range []net.HardwareAddr{w.next, everybody, {0x33, 0x33, 0, 0, 0, 1}} {
			if err := w.frame(mac, 0x86dd, ipv6(p.src, p.dst, p.next, p.data)); err != nil {
				return err
			}
			sent++
		}
	}
	if n := len(router.packets()); n < sent {
		return broken("of %d IPv6 frames only %d arrive at the space's end of the link", sent, n)
	}
	check()
	t.none(answer)
	for where, n := range map[string]netns{"a dyno of the same space": t.A.Near.ns, "the space": t.A.ns, "another space": t.B.ns} {
		if has := strings.TrimSpace(n.read("/proc/net/if_inet6")); has != "" {
			t.Through("%s has IPv6: %s", where, has)
		}
	}
	return nil
}

// ipv6 is an IPv6 packet, with the checksum of what is in it.
func ipv6(src, dst netip.Addr, next byte, data []byte) []byte {
	b := make([]byte, 40, 40+len(data))
	b[0], b[6], b[7] = 6<<4, next, 255
	binary.BigEndian.PutUint16(b[4:], uint16(len(data)))
	s, d := src.As16(), dst.As16()
	copy(b[8:], s[:])
	copy(b[24:], d[:])
	body := append([]byte(nil), data...)
	pseudo := append(append([]byte{}, b[8:40]...), 0, 0, byte(len(body)>>8), byte(len(body)), 0, 0, 0, next)
	switch {
	case next == icmpv6:
		body[2], body[3] = 0, 0
		binary.BigEndian.PutUint16(body[2:], checksum(append(pseudo, body...)))
	case next == udp:
		binary.BigEndian.PutUint16(body[4:], uint16(len(body)))
		body[6], body[7] = 0, 0
		pseudo = append(append([]byte{}, b[8:40]...), 0, 0, byte(len(body)>>8), byte(len(body)), 0, 0, 0, next)
		binary.BigEndian.PutUint16(body[6:], checksum(append(pseudo, body...)))
	}
	return append(b, body...)
}

// broadcast is T5.
func broadcast(_ context.Context, t *Trial) error {
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	right, m := mark(), mark()
	arrived, err := t.tap(t.A.Near.ns, "a dyno of the same space", "eth0", marked(right))
	if err != nil {
		return err
	}
	if err := w.send(udpTo(t.A.Web.at(5353), t.A.Near.at(5353), right)); err != nil {
		return err
	}
	if len(arrived.packets()) == 0 {
		return broken("the same packet does not arrive when it is sent to one")
	}
	router, check, err := t.onlyTheRouter(m)
	if err != nil {
		return err
	}
	sent := 0
	for _, to := range []string{"255.255.255.255:67", "10.0.255.255:137", "10.0.143.255:5353", "10.1.15.255:5353", "224.0.0.1:9", "224.0.0.2:9",
		"224.0.0.22:9", "224.0.0.251:5353", "224.0.0.252:5355", "239.255.255.250:1900", "239.1.2.3:5000", "10.0.0.0:5353"} {
		dst := netip.MustParseAddrPort(to)
		group := dst.Addr().As4()
		for _, mac := range []net.HardwareAddr{everybody, w.next, {1, 0, 0x5e, group[1] & 0x7f, group[2], group[3]}} {
			for _, d := range []datagram{udpTo(t.A.Web.at(5353), dst, m), icmpTo(t.A.Web.Address, dst.Addr(), 8, 0, 1, m)} {
				if err := w.frame(mac, 0x0800, d.bytes()); err != nil {
					return err
				}
				sent++
			}
		}
	}
	// To one dyno, by a frame to everybody: where links are shared, all would have it.
	if err := w.frame(everybody, 0x88b5, m); err != nil {
		return err
	}
	if n := len(router.packets()); n < sent+1 {
		return broken("of %d frames only %d arrive at the space's end of the link", sent+1, n)
	}
	check()
	return nil
}

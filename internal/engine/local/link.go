package local

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Every link has the same two hardware addresses and the same two next hops: a link is point to point, so they only
// need to differ from each other. Neighbours are fixed and ARP is off, so there is nothing to poison.
var (
	innerMAC = net.HardwareAddr{0x02, 0, 0, 0, 0, 0x02} // towards workloads
	outerMAC = net.HardwareAddr{0x02, 0, 0, 0, 0, 0x01} // towards the machine
	outerHop = netip.MustParseAddr("169.254.1.1")
	innerHop = netip.MustParseAddr("169.254.1.2")
)

// uplink is the inner end of a space's link to the machine.
const uplink = "up"

// join makes a link with its outer end in h's namespace and its inner end, named inner, in the namespace at path,
// with the hardware addresses that all our links have. An old link of the same name goes first.
func join(h *netlink.Handle, outer string, in namespace, inner string, mtu int) error {
	return joinAs(h, outer, outerMAC, in, inner, innerMAC, mtu)
}

func joinAs(h *netlink.Handle, outer string, outerMAC net.HardwareAddr, in namespace, inner string, innerMAC net.HardwareAddr, mtu int) error {
	ns, err := netns.GetFromPath(string(in))
	if err != nil {
		return fmt.Errorf("open namespace: %w", err)
	}
	defer ns.Close()
	if err := unlink(h, outer); err != nil {
		return err
	}
	v := netlink.NewVeth(netlink.LinkAttrs{Name: outer, MTU: mtu, HardwareAddr: outerMAC})
	v.PeerName, v.PeerHardwareAddr, v.PeerMTU, v.PeerNamespace = inner, innerMAC, uint32(mtu), netlink.NsFd(ns)
	if err := h.LinkAdd(v); err != nil {
		return fmt.Errorf("make link %s: %w", outer, err)
	}
	return nil
}

// raise takes a link of h's namespace into use, with ARP off, and names the one neighbour it has.
func raise(h *netlink.Handle, name string, hop netip.Addr, mac net.HardwareAddr, own ...netip.Addr) (netlink.Link, error) {
	l, err := h.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("find link %s: %w", name, err)
	}
	if err := h.LinkSetARPOff(l); err != nil {
		return nil, fmt.Errorf("turn ARP off on %s: %w", name, err)
	}
	for _, a := range own {
		if err := h.AddrReplace(l, &netlink.Addr{IPNet: host(a)}); err != nil {
			return nil, fmt.Errorf("give %s to %s: %w", a, name, err)
		}
	}
	if err := h.LinkSetUp(l); err != nil {
		return nil, fmt.Errorf("raise %s: %w", name, err)
	}
	n := &netlink.Neigh{LinkIndex: l.Attrs().Index, IP: hop.AsSlice(), HardwareAddr: mac,
		State: netlink.NUD_PERMANENT, Family: unix.AF_INET}
	if err := h.NeighSet(n); err != nil {
		return nil, fmt.Errorf("set neighbour of %s: %w", name, err)
	}
	return l, nil
}

// via routes to through the neighbour hop of link; an invalid prefix is the default route.
func via(h *netlink.Handle, l netlink.Link, to netip.Prefix, hop, src netip.Addr) error {
	if err := h.RouteReplace(route(l, to, hop, src)); err != nil {
		return fmt.Errorf("route %s to %s: %w", to, l.Attrs().Name, err)
	}
	return nil
}

func route(l netlink.Link, to netip.Prefix, hop, src netip.Addr) *netlink.Route {
	r := &netlink.Route{LinkIndex: l.Attrs().Index, Gw: hop.AsSlice(), Flags: int(netlink.FLAG_ONLINK), Dst: ipnet(to)}
	if src.IsValid() {
		r.Src = src.AsSlice()
	}
	return r
}

func unlink(h *netlink.Handle, name string) error {
	l, err := h.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	if err := h.LinkDel(l); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove link %s: %w", name, err)
	}
	return nil
}

func host(a netip.Addr) *net.IPNet { return ipnet(netip.PrefixFrom(a, a.BitLen())) }

func ipnet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

var anywhere = netip.MustParsePrefix("0.0.0.0/0")

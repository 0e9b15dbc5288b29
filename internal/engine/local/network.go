package local

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A Network is one of the operator's, which this machine has an interface to. A space that has it as a peer has an
// address there, and the network's own router must send the space's dyno network to that address: nothing is
// translated. This machine itself is not reached through it, nor are other spaces.
type Network struct {
	Name      string
	Interface string         // a bridge, or an interface that a macvlan can sit on
	Addresses netip.Prefix   // where spaces take their addresses from, one each
	Prefixes  []netip.Prefix // what a Peer may have of it
	Gateway   netip.Addr     // a router to Prefixes, not this machine; invalid: all of them are on the link
}

func (c Config) checkNetworks() error {
	seen := map[string]bool{}
	for _, n := range c.Networks {
		if !nameRule.MatchString(n.Name) || seen[n.Name] {
			return cloister.Errorf(cloister.Invalid, "Network name %q must be lower-case letters, digits and dashes, and be there once.", n.Name)
		}
		seen[n.Name] = true
		if n.Interface == "" {
			return cloister.Errorf(cloister.Invalid, "Network %s needs the name of an interface of this machine.", n.Name)
		}
		if !n.Addresses.IsValid() || !n.Addresses.Addr().Is4() || n.Addresses != n.Addresses.Masked() || n.Addresses.Overlaps(c.Transit) {
			return cloister.Errorf(cloister.Invalid, "The addresses of network %s must be an IPv4 range apart from %s; %s is not.", n.Name, c.Transit, n.Addresses)
		}
		if len(n.Prefixes) == 0 {
			return cloister.Errorf(cloister.Invalid, "Network %s needs the ranges that are reached through it.", n.Name)
		}
		for _, p := range n.Prefixes {
			if !p.IsValid() || !p.Addr().Is4() || p != p.Masked() || !p.Addr().IsPrivate() {
				return cloister.Errorf(cloister.Invalid, "The range %s of network %s must be private IPv4.", p, n.Name)
			}
		}
	}
	return nil
}

func (e *Engine) network(name string) (Network, bool) {
	for _, n := range e.Networks {
		if n.Name == name {
			return n, true
		}
	}
	return Network{}, false
}

// checkPeers refuses peers that this machine does not have.
func (e *Engine) checkPeers(s engine.Space) error {
	for _, p := range s.Peers {
		for _, r := range p.Prefixes {
			if r.Overlaps(e.Transit) {
				return cloister.Errorf(cloister.Invalid, "The peer's range %s overlaps the transit range %s.", r, e.Transit)
			}
		}
		if p.Network == "" {
			continue
		}
		n, ok := e.network(p.Network)
		if !ok {
			return cloister.Errorf(cloister.Invalid, "This machine has no network called %q. The operator names networks in the configuration.", p.Network)
		}
		for _, r := range p.Prefixes {
			inside := false
			for _, known := range n.Prefixes {
				inside = inside || known.Contains(r.Addr()) && known.Bits() <= r.Bits()
			}
			if !inside {
				return cloister.Errorf(cloister.Invalid, "The range %s is not in network %s, which has %v.", r, n.Name, n.Prefixes)
			}
		}
	}
	return nil
}

// placeOnNetworks gives a space an address on each network that is its peer, the one it has if it has one. The caller
// holds e.mu.
func (e *Engine) placeOnNetworks(sp *space, s engine.Space) (map[string]netip.Addr, error) {
	at := map[string]netip.Addr{}
	for _, p := range s.Peers {
		n, ok := e.network(p.Network)
		if !ok {
			continue
		}
		book := newAddressBook()
		book.keep(n.Gateway)
		for _, other := range e.spaces {
			if other != sp {
				book.keep(other.at[n.Name])
			}
		}
		if own := sp.at[n.Name]; n.Addresses.Contains(own) && !book.Taken[own] {
			at[n.Name] = own
			continue
		}
		a, err := book.take(n.Addresses, netip.Addr{}, e.now())
		if err != nil {
			return nil, err
		}
		at[n.Name] = a
	}
	return at, nil
}

// joinNetwork gives a space a link of its own to a network, and routes to what is there.
func (e *Engine) joinNetwork(sp *space, p engine.Peer) error {
	n, ok := e.network(p.Network)
	if !ok {
		return cloister.Errorf(cloister.Invalid, "This machine has no network called %q any more.", p.Network)
	}
	e.mu.Lock()
	own := sp.at[n.Name]
	e.mu.Unlock()
	h, err := sp.ns.handle()
	if err != nil {
		return err
	}
	defer h.Close()
	name := peerLink(p)
	if err := e.plugNetwork(sp, h, n, name); err != nil {
		return err
	}
	l, err := h.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	// Neighbours over there are found by ARP, and find this one address here.
	err = sp.ns.do(func() error {
		return errors.Join(sysctl("ipv4/conf/"+name+"/arp_ignore", "1"), sysctl("ipv4/conf/"+name+"/arp_announce", "2"))
	})
	if err != nil {
		return err
	}
	if err := answerAt(h, l, own); err != nil {
		return fmt.Errorf("give %s to %s: %w", own, name, err)
	}
	if err := unroute(h, l, p.Prefixes); err != nil {
		return err
	}
	for _, to := range p.Prefixes {
		r := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: ipnet(to), Scope: netlink.SCOPE_LINK}
		if n.Gateway.IsValid() {
			r = route(l, to, n.Gateway, netip.Addr{})
		}
		if err := h.RouteReplace(r); err != nil {
			return fmt.Errorf("route %s to network %s: %w", to, n.Name, err)
		}
	}
	return nil
}

// plugNetwork makes the link, or what is missing of it: a port of the bridge that may talk to no other port of ours,
// or a macvlan that may talk to no other.
func (e *Engine) plugNetwork(sp *space, h *netlink.Handle, n Network, inner string) error {
	parent, err := e.netlink.LinkByName(n.Interface)
	if err != nil {
		return cloister.Errorf(cloister.Unavailable, "The interface %s of network %s is not there.", n.Interface, n.Name)
	}
	_, err = h.LinkByName(inner)
	missing := errors.As(err, new(netlink.LinkNotFoundError))
	id := sp.spec.ID + " on " + n.Name
	if parent.Type() != "bridge" {
		if !missing {
			return nil
		}
		return sp.macvlan(e.netlink, parent, inner, ownMAC(id))
	}
	port := e.linkPrefix() + "n" + short(id, 7)
	if missing {
		if err := joinAs(e.netlink, port, ownMAC(id+" outside"), sp.ns, inner, ownMAC(id), parent.Attrs().MTU); err != nil {
			return err
		}
	}
	if err := sysctl("ipv6/conf/"+port+"/disable_ipv6", "1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l, err := e.netlink.LinkByName(port)
	if err != nil {
		return fmt.Errorf("find link %s: %w", port, err)
	}
	if err := e.netlink.LinkSetMaster(l, parent); err != nil {
		return fmt.Errorf("put %s on %s: %w", port, n.Interface, err)
	}
	if err := e.netlink.LinkSetIsolated(l, true); err != nil {
		return fmt.Errorf("isolate %s: %w", port, err)
	}
	if err := e.netlink.LinkSetUp(l); err != nil {
		return fmt.Errorf("raise %s: %w", port, err)
	}
	return nil
}

func (s *space) macvlan(machine *netlink.Handle, parent netlink.Link, inner string, mac net.HardwareAddr) error {
	ns, err := netns.GetFromPath(string(s.ns))
	if err != nil {
		return fmt.Errorf("open namespace: %w", err)
	}
	defer ns.Close()
	err = machine.LinkAdd(&netlink.Macvlan{LinkAttrs: netlink.LinkAttrs{Name: inner, ParentIndex: parent.Attrs().Index,
		HardwareAddr: mac, Namespace: netlink.NsFd(ns)}, Mode: netlink.MACVLAN_MODE_PRIVATE})
	if errors.Is(err, unix.EOPNOTSUPP) {
		return cloister.Errorf(cloister.Unsupported, "This machine's kernel has no macvlan. Name a bridge for the network instead of %s.", parent.Attrs().Name)
	}
	if err != nil {
		return fmt.Errorf("make macvlan on %s: %w", parent.Attrs().Name, err)
	}
	return nil
}

// ownMAC is a hardware address for one place, always the same: on a network of others it must be unique.
func ownMAC(id string) net.HardwareAddr {
	sum := sha256.Sum256([]byte(id))
	return net.HardwareAddr{0x02, sum[0], sum[1], sum[2], sum[3], sum[4]}
}

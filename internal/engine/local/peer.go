package local

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/cloister-dev/cloister/internal/engine"
)

// peerLink is the name, inside a space, of its link to a peer. The firewall knows it by that, whether it exists or not.
func peerLink(p engine.Peer) string { return "p" + short("space "+p.Space+" network "+p.Network, 12) }

// peers are the peers of a space to which there must be a link now: networks, and spaces that want it as well.
func (e *Engine) peers(sp *space) map[string]engine.Peer {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := map[string]engine.Peer{}
	for _, p := range sp.spec.Peers {
		if other := e.spaces[p.Space]; p.Network != "" || other != nil && wants(other, sp) {
			out[peerLink(p)] = p
		}
	}
	return out
}

func wants(sp, other *space) bool {
	return slices.ContainsFunc(sp.spec.Peers, func(p engine.Peer) bool { return p.Space == other.spec.ID })
}

// partPeers takes away the links to what is no longer a peer, and the flows through them.
func (e *Engine) partPeers(sp *space) error {
	e.joining.Lock()
	defer e.joining.Unlock()
	return e.part(sp, e.peers(sp))
}

// partAllPeers takes away all links to peers.
func (e *Engine) partAllPeers(sp *space) error {
	e.joining.Lock()
	defer e.joining.Unlock()
	return e.part(sp, nil)
}

func (e *Engine) part(sp *space, keep map[string]engine.Peer) error {
	if !sp.ns.exists() {
		return nil
	}
	h, err := sp.ns.handle()
	if err != nil {
		return err
	}
	defer h.Close()
	links, err := h.LinkList()
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	for _, l := range links {
		name := l.Attrs().Name
		if _, ok := keep[name]; ok || !strings.HasPrefix(name, "p") {
			continue
		}
		if err := errors.Join(e.partFarSide(sp, name), cutLink(h, name)); err != nil {
			return fmt.Errorf("part from peer: %w", err)
		}
	}
	return nil
}

// partFarSide cuts the flows in the space at the other end of a link, if there is a space.
func (e *Engine) partFarSide(sp *space, link string) error {
	e.mu.Lock()
	spaces := slices.Collect(maps.Values(e.spaces))
	e.mu.Unlock()
	for _, other := range spaces {
		if peerLink(engine.Peer{Space: other.spec.ID}) == link && other.ns.exists() {
			h, err := other.ns.handle()
			if err != nil {
				return err
			}
			defer h.Close()
			return cutLink(h, peerLink(engine.Peer{Space: sp.spec.ID}))
		}
	}
	return nil
}

// cutLink removes a link to a peer and the flows to all that was behind it.
func cutLink(h *netlink.Handle, name string) error {
	l, err := h.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	behind, err := behind(h, l)
	if err != nil {
		return err
	}
	return errors.Join(unlink(h, name), forgetNetworks(h, behind))
}

// behind lists the networks that are routed to a link.
func behind(h *netlink.Handle, l netlink.Link) (out []netip.Prefix, err error) {
	routes, err := h.RouteList(l, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	for _, r := range routes {
		if r.Dst == nil {
			continue
		}
		if a, ok := netip.AddrFromSlice(r.Dst.IP.To4()); ok {
			bits, _ := r.Dst.Mask.Size()
			out = append(out, netip.PrefixFrom(a, bits))
		}
	}
	return out, nil
}

// forgetNetworks cuts the flows to and from whole networks.
func forgetNetworks(h *netlink.Handle, networks []netip.Prefix) error {
	var filters []netlink.CustomConntrackFilter
	for _, p := range networks {
		for _, side := range []netlink.ConntrackFilterType{netlink.ConntrackOrigSrcIP, netlink.ConntrackOrigDstIP} {
			f := &netlink.ConntrackFilter{}
			if err := f.AddIPNet(side, ipnet(p)); err != nil {
				return fmt.Errorf("filter flows: %w", err)
			}
			filters = append(filters, f)
		}
	}
	if len(filters) == 0 {
		return nil
	}
	if _, err := h.ConntrackDeleteFilters(netlink.ConntrackTable, netlink.FAMILY_V4, filters...); err != nil {
		return fmt.Errorf("cut flows: %w", err)
	}
	return nil
}

// joinPeers makes the links that there must be. What is there already stays as it is.
func (e *Engine) joinPeers(sp *space) error {
	e.joining.Lock()
	defer e.joining.Unlock()
	peers := e.peers(sp)
	for _, name := range slices.Sorted(maps.Keys(peers)) {
		p := peers[name]
		var err error
		if p.Network != "" {
			err = e.joinNetwork(sp, p)
		} else {
			err = e.joinSpace(sp, p)
		}
		if err != nil {
			return fmt.Errorf("join peer %s%s: %w", p.Space, p.Network, err)
		}
	}
	return nil
}

// joinSpace links two spaces, and routes at both ends. If the other is not made yet, its own making comes here again.
func (e *Engine) joinSpace(sp *space, to engine.Peer) error {
	e.mu.Lock()
	other := e.spaces[to.Space]
	var back engine.Peer
	if other != nil {
		for _, q := range other.spec.Peers {
			if q.Space == sp.spec.ID {
				back = q
			}
		}
	}
	e.mu.Unlock()
	if back.Space == "" || !other.ns.exists() {
		return nil
	}
	if to.Space < back.Space { // whoever comes first, the ends are the same
		sp, other, to, back = other, sp, back, to
	}
	outer, err := sp.ns.handle()
	if err != nil {
		return err
	}
	defer outer.Close()
	inner, err := other.ns.handle()
	if err != nil {
		return err
	}
	defer inner.Close()
	if _, err := outer.LinkByName(peerLink(to)); errors.As(err, new(netlink.LinkNotFoundError)) {
		if err := unlink(inner, peerLink(back)); err != nil {
			return err
		}
		if err := join(outer, peerLink(to), other.ns, peerLink(back), e.mtu); err != nil {
			return err
		}
	}
	if err := lead(outer, peerLink(to), to.Prefixes, innerHop, innerMAC); err != nil {
		return err
	}
	return lead(inner, peerLink(back), back.Prefixes, outerHop, outerMAC)
}

// lead raises one end of a link between spaces and routes exactly the given networks to it.
func lead(h *netlink.Handle, name string, networks []netip.Prefix, hop netip.Addr, mac []byte) error {
	l, err := raise(h, name, hop, mac)
	if err != nil {
		return err
	}
	if err := unroute(h, l, networks); err != nil {
		return err
	}
	for _, p := range networks {
		if err := via(h, l, p, hop, netip.Addr{}); err != nil {
			return err
		}
	}
	return nil
}

// unroute takes the routes to other networks off a link, and their flows.
func unroute(h *netlink.Handle, l netlink.Link, keep []netip.Prefix) error {
	routed, err := behind(h, l)
	if err != nil {
		return err
	}
	old := slices.DeleteFunc(routed, func(p netip.Prefix) bool { return slices.Contains(keep, p) })
	for _, p := range old {
		if err := h.RouteDel(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: ipnet(p)}); err != nil {
			return fmt.Errorf("remove route to %s: %w", p, err)
		}
	}
	return forgetNetworks(h, old)
}

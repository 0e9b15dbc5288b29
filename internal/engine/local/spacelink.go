package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
)

// raiseSpace brings the kernel to what the space wants. It may be repeated, and goes on where a crash left off.
func (e *Engine) raiseSpace(ctx context.Context, sp *space) error {
	e.mu.Lock()
	spec, address, stale := sp.spec, sp.address, sp.stale
	e.mu.Unlock()
	if stale {
		if err := e.razeSpace(sp); err != nil {
			return err
		}
	}
	if err := e.partPeers(sp); err != nil {
		return err
	}
	sp.made = false
	if err := sp.ns.create(true); err != nil {
		return err
	}
	inner, err := sp.ns.handle()
	if err != nil {
		return err
	}
	defer inner.Close()
	// The firewalls come before the link: there is no moment in which a packet finds the one and not the other.
	sp.rules.Lock()
	sp.wanted++
	sp.rules.Unlock()
	if err := e.loadSpace(ctx, sp); err != nil {
		return err
	}
	if err := e.loadHost(ctx); err != nil {
		return err
	}
	if _, err := inner.LinkByName(uplink); errors.As(err, new(netlink.LinkNotFoundError)) {
		if err := join(e.netlink, sp.link, sp.ns, uplink, e.mtu); err != nil {
			return err
		}
	}
	up, err := raise(inner, uplink, outerHop, outerMAC, address)
	if err != nil {
		return err
	}
	lo, err := inner.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback: %w", err)
	}
	if err := answerAt(inner, lo, resolverOf(spec), spec.Internal); err != nil {
		return fmt.Errorf("raise loopback: %w", err)
	}
	if err := via(inner, up, anywhere, outerHop, netip.Addr{}); err != nil {
		return err
	}
	outer, err := e.raiseOuter(sp)
	if err != nil {
		return err
	}
	if err := e.routeSpace(sp, outer, append(slices.Clone(spec.Outbound), address)); err != nil {
		return err
	}
	if err := errors.Join(e.holdIngress(), e.joinPeers(sp)); err != nil {
		return err
	}
	if err := e.publish(sp, spec); err != nil {
		return err
	}
	if err := e.entrances.enter(sp.ns, spec); err != nil {
		return err
	}
	sp.made = true
	return nil
}

// answerAt makes a space's own addresses exactly those that are valid.
func answerAt(h *netlink.Handle, lo netlink.Link, own ...netip.Addr) error {
	held, err := h.AddrList(lo, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	for _, a := range held {
		if at, _ := netip.AddrFromSlice(a.IP.To4()); !at.IsLoopback() && !slices.Contains(own, at) {
			if err := h.AddrDel(lo, &a); err != nil {
				return err
			}
		}
	}
	for _, a := range own {
		if a.IsValid() {
			if err := h.AddrReplace(lo, &netlink.Addr{IPNet: host(a)}); err != nil {
				return err
			}
		}
	}
	return h.LinkSetUp(lo)
}

// razeSpace takes a space's network down to nothing. Nobody is in it.
func (e *Engine) razeSpace(sp *space) error {
	e.mu.Lock()
	names := sp.names
	sp.names = nil
	e.mu.Unlock()
	names.close()
	e.entrances.leave(sp.spec.ID)
	if err := errors.Join(e.partAllPeers(sp), unlink(e.netlink, sp.link)); err != nil {
		return err
	}
	sp.loading.Lock()
	sp.table = table{}
	sp.loading.Unlock()
	if err := sp.ns.remove(); err != nil {
		return err
	}
	e.mu.Lock()
	sp.stale = false
	e.mu.Unlock()
	return nil
}

// raiseOuter raises the machine's end of a space's link.
func (e *Engine) raiseOuter(sp *space) (netlink.Link, error) {
	for key, value := range map[string]string{
		"ipv6/conf/" + sp.link + "/disable_ipv6":   "1",
		"ipv4/conf/" + sp.link + "/rp_filter":      "1",
		"ipv4/conf/" + sp.link + "/send_redirects": "0",
		"ipv4/ip_forward":                          "1",
	} {
		if err := sysctl(key, value); err != nil && !errors.Is(err, fs.ErrNotExist) { // no IPv6: nothing to turn off
			return nil, err
		}
	}
	return raise(e.netlink, sp.link, innerHop, innerMAC, e.gateway())
}

// routeSpace makes the machine route exactly the given addresses, and those of web processes, to the space.
func (e *Engine) routeSpace(sp *space, l netlink.Link, fixed []netip.Addr) error {
	sp.rules.Lock()
	for _, w := range sp.members {
		if w.Port > 0 {
			fixed = append(fixed, w.Transit)
		}
	}
	sp.rules.Unlock()
	routes, err := e.netlink.RouteList(l, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	for _, r := range routes {
		a, ok := netip.AddrFromSlice(r.Dst.IP.To4())
		if !ok || slices.Contains(fixed, a) || e.isTransit(a) {
			continue // a web process that is just starting has its route before it is a member
		}
		if err := e.netlink.RouteDel(&r); err != nil {
			return fmt.Errorf("remove route to %s: %w", a, err)
		}
	}
	for _, a := range fixed {
		if err := via(e.netlink, l, netip.PrefixFrom(a, 32), innerHop, e.gateway()); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) isTransit(a netip.Addr) bool { return e.Transit.Contains(a) }

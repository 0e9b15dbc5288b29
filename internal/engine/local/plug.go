package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/cloister-dev/cloister"
)

// plug makes the whole network of a workload: its namespace, its link to the space, its place in the firewall, and
// the way that the router takes to it. No process of the workload exists yet.
func (e *Engine) plug(ctx context.Context, w *workload) error {
	e.mu.Lock()
	sp := e.spaces[w.spec.Space]
	e.mu.Unlock()
	if sp == nil {
		return cloister.Missing("space")
	}
	sp.making.RLock()
	defer sp.making.RUnlock()
	if !sp.made {
		return cloister.Errorf(cloister.Unavailable, "The network of the space is not complete yet.")
	}
	rec, ns := w.record(), e.netnsOf(w)
	address := rec.Status.Address
	if err := ns.create(false); err != nil {
		return err
	}
	outer, err := sp.ns.handle()
	if err != nil {
		return err
	}
	defer outer.Close()
	inner, err := ns.handle()
	if err != nil {
		return err
	}
	defer inner.Close()
	link := linkOf(w)
	rule := workloadRule{Link: link, Address: address, Transit: rec.Transit, Port: w.spec.Port}
	if err := e.admit(ctx, sp, w.spec.ID, rule); err != nil {
		return err
	}
	if err := join(outer, link, ns, "eth0", e.mtu); err != nil {
		return err
	}
	lo, err := inner.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback: %w", err)
	}
	if err := inner.LinkSetUp(lo); err != nil {
		return fmt.Errorf("raise loopback: %w", err)
	}
	eth, err := raise(inner, "eth0", outerHop, outerMAC, address)
	if err != nil {
		return err
	}
	if err := via(inner, eth, anywhere, outerHop, netip.Addr{}); err != nil {
		return err
	}
	l, err := raise(outer, link, address, innerMAC)
	if err != nil {
		return err
	}
	if err := outer.RouteReplace(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: host(address), Scope: netlink.SCOPE_LINK}); err != nil {
		return fmt.Errorf("route to %s: %w", address, err)
	}
	if !rec.Transit.IsValid() {
		return nil
	}
	up, err := e.netlink.LinkByName(sp.link)
	if err != nil {
		return fmt.Errorf("find link of space: %w", err)
	}
	return via(e.netlink, up, netip.PrefixFrom(rec.Transit, 32), innerHop, e.gateway())
}

// unplug takes a workload off the network. Its address stays its own until it is dropped.
func (e *Engine) unplug(ctx context.Context, w *workload) error {
	e.mu.Lock()
	sp := e.spaces[w.spec.Space]
	e.mu.Unlock()
	ns := e.netnsOf(w)
	if sp == nil || !sp.ns.exists() {
		return ns.remove()
	}
	rec := w.record()
	var errs error
	if up, err := e.netlink.LinkByName(sp.link); err == nil && rec.Transit.IsValid() {
		e.netlink.RouteDel(route(up, netip.PrefixFrom(rec.Transit, 32), innerHop, e.gateway())) // gone is fine
	}
	if h, err := sp.ns.handle(); err == nil {
		errs = errors.Join(errs, unlink(h, linkOf(w)), forgetFlows(h, rec.Status.Address))
		h.Close()
	} else {
		errs = errors.Join(errs, err)
	}
	return errors.Join(errs, e.expel(ctx, sp, w.spec.ID), ns.remove())
}

// verify looks at the network as it is, not as it was asked for, before anything runs in it. What cannot be seen to
// be right does not start.
func (e *Engine) verify(w *workload, rec workloadRecord) error {
	ns := e.netnsOf(w)
	h, err := ns.handle()
	if err != nil {
		return err
	}
	defer h.Close()
	eth, err := h.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("verify network: %w", err)
	}
	addrs, err := h.AddrList(eth, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("verify network: %w", err)
	}
	routes, err := h.RouteList(eth, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("verify network: %w", err)
	}
	flags := eth.Attrs().Flags
	switch {
	case flags&net.FlagUp == 0 || eth.Attrs().RawFlags&iffNoARP == 0:
		return fmt.Errorf("verify network: link is not as it must be: %v", flags)
	case len(addrs) != 1 || addrs[0].IPNet.String() != host(rec.Status.Address).String():
		return fmt.Errorf("verify network: addresses are %v, not %s", addrs, rec.Status.Address)
	case len(routes) != 1 || !routes[0].Gw.Equal(outerHop.AsSlice()):
		return fmt.Errorf("verify network: routes are %v", routes)
	}
	return ns.do(func() error {
		v6, err := os.ReadFile("/proc/sys/net/ipv6/conf/eth0/disable_ipv6")
		if err == nil && strings.TrimSpace(string(v6)) != "1" {
			return errors.New("verify network: IPv6 is on")
		}
		return nil
	})
}

const iffNoARP = 0x80

func linkOf(w *workload) string { return "w" + short(w.spec.ID, 12) }

// forgetFlows cuts the flows of an address, so that its next holder inherits none.
func forgetFlows(h *netlink.Handle, a netip.Addr) error {
	var errs error
	for _, side := range []netlink.ConntrackFilterType{netlink.ConntrackOrigSrcIP, netlink.ConntrackReplySrcIP} {
		f := &netlink.ConntrackFilter{}
		if err := f.AddIP(side, a.AsSlice()); err != nil {
			return fmt.Errorf("filter flows: %w", err)
		}
		if _, err := h.ConntrackDeleteFilters(netlink.ConntrackTable, netlink.FAMILY_V4, f); err != nil {
			errs = errors.Join(errs, fmt.Errorf("cut flows of %s: %w", a, err))
		}
	}
	return errs
}

package local

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"github.com/cloister-dev/cloister"
)

func (c Config) checkIngress() error {
	for _, p := range c.Ingress {
		if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() {
			return cloister.Errorf(cloister.Invalid, "The ingress pool %s must be a range of IPv4 or IPv6 addresses, with no bits set after its length.", p)
		}
		for _, other := range append([]netip.Prefix{c.Transit}, c.Outbound...) {
			if p.Overlaps(other) {
				return cloister.Errorf(cloister.Invalid, "The ingress pool %s overlaps %s, which is used for something else.", p, other)
			}
		}
	}
	for _, port := range []int{c.HTTPPort, c.HTTPSPort} {
		if port < 0 || port > 65535 {
			return cloister.Errorf(cloister.Invalid, "Port %d of the router is not between 1 and 65535.", port)
		}
	}
	return nil
}

// holdIngress makes this machine hold exactly the ingress addresses that spaces have. The firewall is there already:
// it closes the whole pool, whoever has an address of it.
func (e *Engine) holdIngress() error {
	if len(e.Ingress) == 0 {
		return nil
	}
	e.holding.Lock()
	defer e.holding.Unlock()
	wanted := map[netip.Addr]bool{}
	e.mu.Lock()
	for _, sp := range e.spaces {
		for _, a := range sp.spec.Ingress {
			wanted[a] = true
		}
	}
	e.mu.Unlock()
	lo, err := e.netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback: %w", err)
	}
	held, err := e.netlink.AddrList(lo, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	for _, h := range held {
		a, _ := netip.AddrFromSlice(h.IP)
		a = a.Unmap()
		if wanted[a] || !inPool(e.Ingress, a) {
			delete(wanted, a)
			continue
		}
		if err := e.netlink.AddrDel(lo, &h); err != nil {
			return fmt.Errorf("give %s back: %w", a, err)
		}
	}
	for a := range wanted {
		if err := e.netlink.AddrReplace(lo, &netlink.Addr{IPNet: host(a)}); err != nil {
			return fmt.Errorf("hold %s: %w", a, err)
		}
	}
	return nil
}

func inPool(pool []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(pool, func(p netip.Prefix) bool { return p.Contains(a) })
}

// A knock is an ingress address and who may come to it.
type knock struct {
	Address netip.Addr
	From    netip.Prefix
}

func (k knock) String() string { return k.Address.String() + " . " + k.From.String() }

// knocks lists who may come to an address: the ranges of its own family, without those inside others, as the kernel
// refuses what overlaps. 0.0.0.0/0 stands for everyone.
func knocks(a netip.Addr, trusted []netip.Prefix) (out []knock) {
	everyone := netip.MustParsePrefix("::/0")
	if a.Is4() {
		everyone = anywhere
	}
	if slices.Contains(trusted, anywhere) {
		return []knock{{a, everyone}}
	}
	for i, p := range trusted {
		inside := func(j int) bool {
			q := trusted[j]
			return q.Overlaps(p) && (q.Bits() < p.Bits() || q.Bits() == p.Bits() && j < i)
		}
		covered := false
		for j := range trusted {
			covered = covered || j != i && inside(j)
		}
		if p.Addr().Is4() == a.Is4() && !covered {
			out = append(out, knock{a, p.Masked()})
		}
	}
	return out
}

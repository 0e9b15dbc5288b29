package cloister

import (
	"net/netip"
	"strings"
)

// PickIngress takes the lowest free address of each family that the pool has. The first and the last address of a
// range are a network's own, unless the range has no others.
func PickIngress(pool []netip.Prefix, used map[netip.Addr]bool) (out []netip.Addr, err error) {
	for _, four := range []bool{true, false} {
		var of []string
		var free netip.Addr
		for _, p := range pool {
			if p.Addr().Is4() != four {
				continue
			}
			of = append(of, p.String())
			if !free.IsValid() {
				free = firstFree(p.Masked(), used)
			}
		}
		switch {
		case free.IsValid():
			out = append(out, free)
		case len(of) > 0:
			return nil, Errorf(Unavailable, "The pool of ingress addresses %s is used up. Destroy a space, or ask the operator to enlarge ingress_pool.", strings.Join(of, ", "))
		}
	}
	return out, nil
}

// firstFree is the lowest address of p that is not used; invalid: there is none.
func firstFree(p netip.Prefix, used map[netip.Addr]bool) netip.Addr {
	inner := p.Addr().BitLen()-p.Bits() > 1
	a := p.Addr()
	if inner {
		a = a.Next()
	}
	for ; p.Contains(a) && (!inner || a.Is6() || p.Contains(a.Next())); a = a.Next() {
		if !used[a] {
			return a
		}
	}
	return netip.Addr{}
}

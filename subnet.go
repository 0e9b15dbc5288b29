package cloister

import "net/netip"

// DynoSubnets are the parts of the space's network that dynos take their addresses from, one for each of three zones.
func (s Space) DynoSubnets() []netip.Prefix { return subnets(s.CIDR, 128) }

// BalancerSubnets are the parts that the way in answers on inside the network, one for each of three zones.
func (s Space) BalancerSubnets() []netip.Prefix { return subnets(s.CIDR, 0) }

// Routable are the parts that peers reach: those of dynos and of the way in, and nothing of data services.
func (s Space) Routable() []netip.Prefix { return append(s.DynoSubnets(), s.BalancerSubnets()...) }

func subnets(cidr netip.Prefix, first byte) (out []netip.Prefix) {
	for zone := range byte(3) {
		b := cidr.Addr().As4()
		b[2] = first + 16*zone
		out = append(out, netip.PrefixFrom(netip.AddrFrom4(b), 20))
	}
	return out
}

// Reserved are the networks that no space and no peer of one may use.
func Reserved() []netip.Prefix { return append([]netip.Prefix(nil), reserved...) }

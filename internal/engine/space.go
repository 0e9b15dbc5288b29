package engine

import (
	"net/netip"
	"slices"

	"github.com/cloister-dev/cloister"
)

// IP protocol numbers that a Pass can name.
const (
	AnyProtocol = 0
	ICMP        = 1
	TCP         = 6
	UDP         = 17
)

// Check refuses a space that no engine can make, whatever machine it is on.
func (s Space) Check() error {
	if s.Builds && (len(s.Outbound) > 0 || len(s.Ingress) > 0 || s.Internal.IsValid() || len(s.Peers) > 0) {
		return cloister.Errorf(cloister.Invalid, "Builds leave by the machine's address: they have no addresses of their own, no way in and no peers.")
	}
	if s.Internal.IsValid() && !s.platform(s.Internal) {
		return cloister.Errorf(cloister.Invalid, "The internal address %s must be in the lower half of the space's network %s.", s.Internal, s.Dynos)
	}
	for _, a := range s.Outbound {
		if !a.Is4() {
			return cloister.Errorf(cloister.Invalid, "Outbound address %s must be IPv4.", a)
		}
	}
	for _, p := range s.Egress {
		if err := p.check(); err != nil {
			return err
		}
	}
	return s.checkPeers()
}

// platform reports whether a is where the platform's own addresses are: dynos have the upper half of the network.
func (s Space) platform(a netip.Addr) bool {
	return s.Dynos.IsValid() && s.Dynos.Bits() < 31 && s.Dynos.Addr().Is4() &&
		netip.PrefixFrom(s.Dynos.Masked().Addr(), s.Dynos.Bits()+1).Contains(a) && a != s.Dynos.Masked().Addr()
}

func (p Pass) check() error {
	switch {
	case !p.Target.IsValid() || !p.Target.Addr().Is4() || p.Target != p.Target.Masked():
		return cloister.Errorf(cloister.Invalid, "The outbound range %s must be IPv4, with no bits set after its length: a space has no IPv6.", p.Target)
	case !slices.Contains([]int{AnyProtocol, ICMP, TCP, UDP}, p.Protocol):
		return cloister.Errorf(cloister.Unsupported, "Protocol %d cannot leave a space. Use TCP, UDP or ICMP.", p.Protocol)
	case p.From > p.To:
		return cloister.Errorf(cloister.Invalid, "The first port, %d, is after the last, %d.", p.From, p.To)
	}
	return nil
}

var private = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16")}

// checkPeers sees to it that every address means one place, seen from inside.
func (s Space) checkPeers() error {
	taken := []netip.Prefix{s.Dynos, s.Data}
	seen := map[[2]string]bool{}
	for _, p := range s.Peers {
		if (p.Space == "") == (p.Network == "") || p.Space == s.ID || len(p.Prefixes) == 0 {
			return cloister.Errorf(cloister.Invalid, "A peer is either another space or a network of the machine, and has addresses.")
		}
		if at := [2]string{p.Space, p.Network}; seen[at] {
			return cloister.Errorf(cloister.Invalid, "The space has %s%s as a peer twice.", p.Space, p.Network)
		} else {
			seen[at] = true
		}
		for _, r := range p.Prefixes {
			inside := func(n netip.Prefix) bool { return r.Addr().Is4() && n.Contains(r.Addr()) && r.Bits() >= n.Bits() }
			if !r.IsValid() || r != r.Masked() || !slices.ContainsFunc(private, inside) {
				return cloister.Errorf(cloister.Invalid, "The peer's range %s must be private IPv4 (RFC 1918), with no bits set after its length.", r)
			}
			for _, t := range taken {
				if t.IsValid() && t.Overlaps(r) {
					return cloister.Errorf(cloister.Invalid, "The peer's range %s overlaps %s, which the space already has.", r, t)
				}
			}
			taken = append(taken, r)
		}
	}
	return nil
}

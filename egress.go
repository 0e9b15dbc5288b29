package cloister

import (
	"net/netip"
	"strconv"
	"time"
)

// An EgressRuleset is a version of the rules of a space's way out: what dynos may reach outside. A change makes a new
// version; the newest is in force once control has applied it. No rules mean that nothing is reached.
type EgressRuleset struct {
	ID        string
	SpaceID   string
	Rules     []EgressRule // as given, in the order given
	CreatedBy string       // e-mail
	CreatedAt time.Time
	Applied   bool // written by control
}

// An EgressRule lets dynos out to a network. From and To are ports; with icmp they are types.
type EgressRule struct {
	Target   netip.Prefix
	Protocol string // "tcp", "udp", "icmp", "any", or the number of another protocol
	From, To uint16
}

// Anywhere is the way out of a new space: everything that is not private.
func Anywhere() []EgressRule {
	return []EgressRule{{Target: everyone4, Protocol: "any", To: 65535}}
}

// Unlimited reports whether rules hold nothing back.
func Unlimited(rules []EgressRule) bool {
	for _, r := range rules {
		if r == Anywhere()[0] {
			return true
		}
	}
	return false
}

// Number is the rule's protocol as IP packets have it; 0 is any.
func (r EgressRule) Number() int {
	switch r.Protocol {
	case "tcp":
		return 6
	case "udp":
		return 17
	case "icmp":
		return 1
	}
	n, _ := strconv.Atoi(r.Protocol) // ParseEgress let nothing else pass but "any"
	return n
}

// An EgressSpec is a rule as somebody wrote it.
type EgressSpec struct {
	Target   string
	Protocol string
	From, To int
}

// ParseEgress reads the rules of a way out, at most max: public IPv4 networks, and ports where a protocol has them.
func ParseEgress(specs []EgressSpec, max int) ([]EgressRule, error) {
	if len(specs) > max {
		return nil, Errorf(Invalid, "A space has at most %d outbound rules, and this set has %d. Merge neighbouring targets.", max, len(specs))
	}
	out, seen := make([]EgressRule, 0, len(specs)), map[EgressRule]bool{}
	for i, s := range specs {
		r, err := parseEgressRule(s)
		if err != nil {
			return nil, Errorf(Invalid, "Rule %d: %s", i+1, err)
		}
		if seen[r] {
			return nil, Errorf(Invalid, "Rule %d is in the set twice. Leave one of the two out.", i+1)
		}
		seen[r] = true
		out = append(out, r)
	}
	return out, nil
}

func parseEgressRule(s EgressSpec) (r EgressRule, err error) {
	if r.Target, err = parseTarget(s.Target); err != nil {
		return r, err
	}
	if r.Protocol, err = parseProtocol(s.Protocol); err != nil {
		return r, err
	}
	last, what := 65535, "port"
	switch r.Number() {
	case 1:
		last, what = 255, "ICMP type"
		if s.From == 0 && s.To == 65535 { // "any", as some clients write it
			s.To = last
		}
	case 0, 6, 17, 33, 132, 136: // any, and those with ports: TCP, UDP, DCCP, SCTP, UDP-Lite
	default:
		if (s.From != 0 || s.To != 65535) && (s.From != 0 || s.To != 0) {
			return r, Errorf(Invalid, "Protocol %s has no ports. Leave the ports out, or say 0 to 65535.", r.Protocol)
		}
		s.To = last
	}
	switch {
	case s.From < 0 || s.From > last || s.To < 0 || s.To > last:
		return r, Errorf(Invalid, "From %d to %d is no range of %ss. They go from 0 to %d.", s.From, s.To, what, last)
	case s.From > s.To:
		return r, Errorf(Invalid, "From_port %d is above to_port %d. Exchange them.", s.From, s.To)
	case r.Number() == 0 && (s.From != 0 || s.To != 65535):
		return r, Errorf(Invalid, "Ports need a protocol that has them. Say tcp or udp rather than any.")
	}
	r.From, r.To = uint16(s.From), uint16(s.To)
	return r, nil
}

func parseTarget(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if a, aerr := netip.ParseAddr(s); aerr == nil && a.Zone() == "" {
		p, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	switch {
	case err != nil:
		return p, Errorf(Invalid, "Target %q is not an IP range in CIDR notation, such as 192.0.2.0/24.", s)
	case p.Addr().Is4In6():
		return p, Errorf(Invalid, "Target %s is an IPv4-mapped IPv6 range. Write it as IPv4.", s)
	case !p.Addr().Is4():
		return p, Errorf(Invalid, "Target %s is an IPv6 range. Dynos have no IPv6, so use the IPv4 range of the same machines.", s)
	case p.Masked() != p:
		return p, Errorf(Invalid, "Target %s has host bits set. Did you mean %s?", s, p.Masked())
	}
	for _, n := range unroutable {
		if n.Bits() <= p.Bits() && n.Contains(p.Addr()) {
			return p, Errorf(Invalid, "Target %s is inside %s, which no dyno ever reaches on its way out. Dynos of one space need no rule for one another; for a network of yours, ask for a peering.", s, n)
		}
	}
	return p, nil
}

func parseProtocol(s string) (string, error) {
	switch s {
	case "tcp", "udp", "icmp", "any":
		return s, nil
	case "0", "-1":
		return "any", nil
	case "1":
		return "icmp", nil
	case "6":
		return "tcp", nil
	case "17":
		return "udp", nil
	}
	if n, err := strconv.Atoi(s); err != nil || n < 0 || n > 255 || strconv.Itoa(n) != s {
		return "", Errorf(Invalid, "Protocol %q is not known. Use tcp, udp, icmp, any or a number from 0 to 255.", s)
	}
	return s, nil
}

// unroutable is what dynos never reach outside their space: private, shared, local, multicast and other special uses.
var unroutable = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("240.0.0.0/4"),
}

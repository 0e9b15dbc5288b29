package cloister

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Ruleset is a version of a space's trusted IP ranges: the clients that may reach its web processes. A change
// makes a new version; the newest is in force once control has applied it.
type Ruleset struct {
	ID        string
	SpaceID   string
	Sources   []netip.Prefix // as given, in the order given
	CreatedBy string         // e-mail
	CreatedAt time.Time
	Applied   bool // written by control
}

// Everyone is the trusted range of a new space, as the contract says: the whole internet.
func Everyone() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} }

// ParseTrusted reads a set of trusted ranges: at most max, host bits clear, and none inside another, or there twice.
// Only the ranges of everyone may be beside others, since that is how people narrow a new space: they add a range, and
// then remove 0.0.0.0/0. A single address counts as its own range. An empty set is valid and admits nobody.
func ParseTrusted(sources []string, max int) ([]netip.Prefix, error) {
	if len(sources) > max {
		return nil, Errorf(Invalid, "A space has at most %d trusted IP ranges, and this set has %d. Merge neighbouring ranges.", max, len(sources))
	}
	out := make([]netip.Prefix, 0, len(sources))
	for _, s := range sources {
		p, err := netip.ParsePrefix(s)
		if a, aerr := netip.ParseAddr(s); aerr == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		switch {
		case err != nil:
			return nil, Errorf(Invalid, "Source %q is not an IP range in CIDR notation, such as 192.0.2.0/24.", s)
		case p.Addr().Is4In6():
			return nil, Errorf(Invalid, "Source %s is an IPv4-mapped IPv6 range. Write it as IPv4.", s)
		case p.Masked() != p:
			return nil, Errorf(Invalid, "Source %s has host bits set. Did you mean %s?", s, p.Masked())
		case slices.Contains(out, p):
			return nil, Errorf(Invalid, "Source %s is in the set twice. Leave one of the two out.", s)
		}
		for _, other := range out {
			if p.Overlaps(other) && p.Bits() > 0 && other.Bits() > 0 {
				wide, narrow := p, other
				if other.Bits() < p.Bits() {
					wide, narrow = other, p
				}
				return nil, Errorf(Invalid, "Source %s is inside %s. Leave %[1]s out, or %[2]s if not all of it is to be trusted.", narrow, wide)
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// MaxLabel is how long the label of a trusted range may be, in characters.
const MaxLabel = 60

// ParseLabel reads what people call a trusted range: one line of text; "" is no label.
func ParseLabel(s string) (string, error) {
	label := strings.TrimSpace(s)
	if label != Words(label, MaxLabel) {
		return "", Errorf(Invalid, "A label is one line of at most %d characters.", MaxLabel)
	}
	return label, nil
}

// Pointless is the range of everyone in a set that has others too, which mean nothing beside it.
func Pointless(ranges []netip.Prefix) (everyone netip.Prefix, ok bool) {
	for _, p := range ranges {
		// ::/0 stands for IPv6 alone: it is pointless beside a range of IPv6.
		if p.Bits() == 0 && slices.ContainsFunc(ranges, func(o netip.Prefix) bool { return o.Bits() > 0 && (p == everyone4 || o.Addr().Is6()) }) {
			return p, true
		}
	}
	return everyone, false
}

// Trusts reports whether a client at addr is inside one of the ranges. An IPv4 client that arrives on an IPv6 socket
// counts as IPv4. 0.0.0.0/0 stands for everyone, as Heroku's users know it, IPv6 included.
func Trusts(ranges []netip.Prefix, addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, p := range ranges {
		if p.Contains(addr) || p == everyone4 {
			return true
		}
	}
	return false
}

var everyone4 = netip.MustParsePrefix("0.0.0.0/0")

package server

import (
	"net/netip"
	"regexp"

	"github.com/cloister-dev/cloister"
)

// A Network is one of the operator's: an interface of this machine leads to it, and spaces may be peered with it.
type Network struct {
	Name      string   `toml:"name"`
	Interface string   `toml:"interface"` // a bridge, or an interface that a macvlan can sit on
	Addresses string   `toml:"addresses"` // where spaces take their addresses from, one each
	Prefixes  []string `toml:"prefixes"`  // what spaces reach there
	Gateway   string   `toml:"gateway"`   // a router to prefixes; "": all of them are on the link
	Spaces    []string `toml:"spaces"`    // names of the spaces and teams that may use it
}

var networkName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// validateNetworks checks what has to do with addresses that are not this machine's own.
func (c *Config) validateNetworks(bad func(key, format string, args ...any)) {
	var pool []netip.Prefix
	for _, s := range c.IngressPool {
		p, err := netip.ParsePrefix(s)
		switch {
		case err != nil || p.Addr().Is4In6():
			bad("ingress_pool", "%q is not an IP range such as 192.0.2.0/28", s)
			continue
		case p != p.Masked():
			bad("ingress_pool", "%s has host bits set; did you mean %s?", s, p.Masked())
		case overlapping(p, c.OutboundPool):
			bad("ingress_pool", "%s overlaps outbound_pool; an address leads either in or out", s)
		}
		for _, other := range pool {
			if other.Overlaps(p) {
				bad("ingress_pool", "%s overlaps %s", p, other)
			}
		}
		pool = append(pool, p)
	}
	seen := map[string]bool{}
	for _, n := range c.Networks {
		if !networkName.MatchString(n.Name) || seen[n.Name] {
			bad("networks", "name %q must be lower-case letters, digits and dashes, and be there once", n.Name)
		}
		seen[n.Name] = true
		n.validate(c.Transit, bad)
	}
}

func (n Network) validate(transit string, bad func(key, format string, args ...any)) {
	key := "networks." + n.Name
	if n.Interface == "" {
		bad(key, "interface is missing: which one of this machine leads there?")
	}
	if a, err := netip.ParsePrefix(n.Addresses); err != nil || !a.Addr().Is4() || a != a.Masked() || overlapping(a, transit) {
		bad(key, "addresses %q is not an IPv4 range apart from transit, such as 192.168.4.128/26", n.Addresses)
	}
	if len(n.Prefixes) == 0 {
		bad(key, "prefixes are missing: what is reached there?")
	}
	for _, s := range n.Prefixes {
		if p, err := netip.ParsePrefix(s); err != nil || !p.Addr().Is4() || p != p.Masked() || !cloister.IsPrivate(p) {
			bad(key, "prefix %q is not a private IPv4 range, inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16", s)
		}
	}
	if g, err := netip.ParseAddr(n.Gateway); n.Gateway != "" && (err != nil || !g.Is4()) {
		bad(key, "gateway %q is not an IPv4 address", n.Gateway)
	}
	if len(n.Spaces) == 0 {
		bad(key, "spaces are missing: name the spaces or teams that may be peered with it")
	}
}

// overlapping reports whether p and the range in s, if there is one, have addresses in common.
func overlapping(p netip.Prefix, s string) bool {
	o, err := netip.ParsePrefix(s)
	return err == nil && o.Overlaps(p)
}

// ingressPool is the pool of addresses that lead to one space each.
func (c Config) ingressPool() []netip.Prefix { return prefixes(c.IngressPool) }

// networks are the operator's networks as people see them.
func (c Config) networks() (out []cloister.Network) {
	for _, n := range c.Networks {
		out = append(out, cloister.Network{Name: n.Name, Prefixes: prefixes(n.Prefixes), Spaces: n.Spaces})
	}
	return out
}

// prefixes reads what validate has let pass.
func prefixes(texts []string) (out []netip.Prefix) {
	for _, s := range texts {
		if p, err := netip.ParsePrefix(s); err == nil {
			out = append(out, p)
		}
	}
	return out
}

package local

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// notPublic are the addresses that no name from outside may lead to: those that are private, or that this machine and
// its neighbours keep for themselves, and those of IPv6 that hold an address of IPv4 or are not given out at all.
var notPublic = append(prefixes("198.18.0.0/15 ::/3 4000::/2 8000::/1 2001::/23 2001:db8::/32 2002::/16 3fff::/20"), private...)

// pass copies into reply what may be passed on of an answer from outside: the records of the name that was asked for
// and of those it stands for, as far as they lead to public addresses. It reports whether some did not. If nothing is
// left the reply is that the name has no such record.
func (r *resolver) pass(reply, answer *dns.Msg) (blocked bool) {
	names := chain(reply.Question[0].Name, answer.Answer)
	for _, rr := range answer.Answer {
		switch {
		case !names[canonical(rr)] && rr.Header().Rrtype != dns.TypeDNAME:
		case !r.public(rr):
			blocked = true
		default:
			reply.Answer = append(reply.Answer, rr)
		}
	}
	for _, rr := range answer.Ns { // proof that something is not there, and for how long; no addresses
		switch rr.Header().Rrtype {
		case dns.TypeSOA, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeRRSIG:
			reply.Ns = append(reply.Ns, rr)
		}
	}
	return blocked
}

// chain are the names that an answer is about: the one that was asked for, and its aliases.
func chain(name string, answer []dns.RR) map[string]bool {
	names := map[string]bool{dns.CanonicalName(name): true}
	for more := true; more; {
		more = false
		for _, rr := range answer {
			c, ok := rr.(*dns.CNAME)
			if !ok || !names[canonical(rr)] {
				continue
			}
			if to := dns.CanonicalName(c.Target); !names[to] && !under(to, localZone) {
				names[to], more = true, true
			}
		}
	}
	return names
}

func canonical(rr dns.RR) string { return dns.CanonicalName(rr.Header().Name) }

// public reports whether all addresses in a record are public. An alias to a name of the platform's own is not.
func (r *resolver) public(rr dns.RR) bool {
	switch rr := rr.(type) {
	case *dns.A:
		return r.allows(rr.A.To4())
	case *dns.AAAA:
		return r.allows(rr.AAAA.To16())
	case *dns.CNAME:
		return !under(strings.ToLower(rr.Target), localZone)
	case *dns.SVCB:
		return r.hintsArePublic(rr.Value)
	case *dns.HTTPS:
		return r.hintsArePublic(rr.Value)
	}
	return true
}

func (r *resolver) hintsArePublic(values []dns.SVCBKeyValue) bool {
	return !slices.ContainsFunc(values, func(v dns.SVCBKeyValue) bool {
		switch v := v.(type) {
		case *dns.SVCBIPv4Hint:
			return slices.ContainsFunc(v.Hint, func(a net.IP) bool { return !r.allows(a.To4()) })
		case *dns.SVCBIPv6Hint:
			return slices.ContainsFunc(v.Hint, func(a net.IP) bool { return !r.allows(a.To16()) })
		}
		return false
	})
}

// allows reports whether an address is neither private nor this machine's own.
func (r *resolver) allows(raw net.IP) bool {
	a, ok := netip.AddrFromSlice(raw)
	within := func(p netip.Prefix) bool { return p.Contains(a) }
	return ok && !slices.ContainsFunc(notPublic, within) && !slices.ContainsFunc(r.own, within)
}

package local

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

const localZone = cloister.LocalZone + "."

// A nameTable is what a space's resolver knows by itself. It never changes: another takes its place.
type nameTable struct {
	names    map[string][]netip.Addr
	pointers map[string]string // of dynos, by their name under in-addr.arpa
	sealed   bool              // the space may go nowhere outside, so neither do its questions
}

func newNameTable(s engine.Space) *nameTable {
	t := &nameTable{names: map[string][]netip.Addr{}, pointers: map[string]string{}, sealed: s.Egress != nil && len(s.Egress) == 0}
	for _, n := range s.Names {
		name := strings.ToLower(n.Name)
		t.names[name] = n.Addresses
		if !under(name, localZone) {
			continue
		}
		for _, a := range n.Addresses {
			arpa, err := dns.ReverseAddr(a.String())
			if err == nil && cmp.Or(cmp.Compare(dns.CountLabel(name), dns.CountLabel(t.pointers[arpa])), strings.Compare(t.pointers[arpa], name)) > 0 {
				t.pointers[arpa] = name // of all the names of an address the one that is a dyno's own
			}
		}
	}
	return t
}

// answer answers a question about a name that is the space's own business: a name of the table, one under localspace,
// or an address that means something else to everybody. ok is false for all others.
func (t *nameTable) answer(reply *dns.Msg) (ok bool) {
	q := reply.Question[0]
	name := strings.ToLower(q.Name)
	addresses, known := t.names[name]
	pointer, reverse := t.pointers[name]
	zone := name
	switch {
	case known && under(name, localZone), name == localZone, name == "app."+localZone:
		zone = localZone
	case under(name, localZone):
		zone, reply.Rcode = localZone, dns.RcodeNameError
	case known, reverse:
	case privateReverse(name):
		labels := dns.SplitDomainName(name)
		zone, reply.Rcode = dns.Fqdn(strings.Join(labels[max(0, len(labels)-3):], ".")), dns.RcodeNameError
	default:
		return false
	}
	reply.Authoritative = true
	switch head := (dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: ttl}); {
	case q.Qtype == dns.TypeA:
		for _, i := range rand.Perm(len(addresses)) {
			reply.Answer = append(reply.Answer, &dns.A{Hdr: head, A: addresses[i].AsSlice()})
		}
	case q.Qtype == dns.TypePTR && reverse:
		reply.Answer = []dns.RR{&dns.PTR{Hdr: head, Ptr: pointer}}
	case q.Qtype == dns.TypeSOA && name == localZone:
		reply.Answer = []dns.RR{soa(localZone)}
	}
	if len(reply.Answer) == 0 {
		reply.Ns = []dns.RR{soa(zone)} // says how long the absence may be remembered
	}
	return true
}

const ttl = uint32(cloister.NameTTL / 1e9)

func soa(zone string) *dns.SOA {
	return &dns.SOA{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: ttl},
		Ns: localZone, Mbox: "nobody." + localZone, Serial: 1, Refresh: ttl, Retry: ttl, Expire: ttl, Minttl: ttl}
}

func under(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }

// privateReverse reports whether a name is the reverse of addresses that are not public: whoever asks the outside
// about them tells it what is inside.
func privateReverse(name string) bool {
	p, ok := reversePrefix(name)
	return ok && slices.ContainsFunc(notPublic, func(n netip.Prefix) bool { return n.Bits() <= p.Bits() && n.Contains(p.Addr()) })
}

// reversePrefix is the range of addresses that a name under in-addr.arpa or ip6.arpa stands for: 10.in-addr.arpa is
// 10.0.0.0/8. What comes before the digits makes no difference.
func reversePrefix(name string) (netip.Prefix, bool) {
	zone, size, base, bits := ".in-addr.arpa.", 4, 10, 8
	if under(name, "ip6.arpa.") {
		zone, size, base, bits = ".ip6.arpa.", 32, 16, 4
	}
	digits, ok := strings.CutSuffix(name, zone)
	if !ok {
		return netip.Prefix{}, false
	}
	labels := strings.Split(digits, ".")
	slices.Reverse(labels)
	raw := make([]byte, size*bits/8)
	n := 0
	for ; n < min(len(labels), size); n++ {
		v, err := strconv.ParseUint(labels[n], base, bits)
		if err != nil {
			break
		}
		raw[n*bits/8] |= byte(v) << (8 - bits - n*bits%8)
	}
	a, _ := netip.AddrFromSlice(raw)
	return netip.PrefixFrom(a, n*bits), n > 0
}

package enginetest

import (
	"net/netip"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// networks are the contracts about what a space's network can be. What packets do is each engine's own test.
var networks = []contract{
	{"all that a space's network can be changes while a workload runs in it", func(b *bench) {
		w := b.run(b.Commands.Wait)
		before := b.untilRunning(w)
		for _, change := range []func(*engine.Space){
			func(s *engine.Space) { s.Internal = netip.MustParseAddr("10.0.0.3") },
			func(s *engine.Space) { s.Egress = []engine.Pass{} },
			func(s *engine.Space) {
				s.Egress = []engine.Pass{{Target: netip.MustParsePrefix("192.0.2.0/24"), Protocol: engine.TCP, From: 443, To: 443},
					{Target: netip.MustParsePrefix("0.0.0.0/0"), Protocol: engine.ICMP, From: 8, To: 8}, {Target: netip.MustParsePrefix("192.0.2.1/32"), To: 65535}}
			},
			func(s *engine.Space) { s.Egress, s.Mail = nil, true },
			func(s *engine.Space) {
				s.Names = []engine.Name{{Name: "web.app.app.localspace.", Addresses: []netip.Addr{netip.MustParseAddr("10.0.128.1")}}}
				s.Topology = []byte("{}")
			},
			func(s *engine.Space) {
				s.Trusted = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
			},
			func(s *engine.Space) { *s = b.space },
		} {
			s := b.space
			change(&s)
			b.must(b.Engine.EnsureSpace(b.ctx, s))
			b.must(b.Engine.EnsureSpace(b.ctx, s))
		}
		if after, _ := b.status(w); after.Phase != engine.Running || after.Address != before.Address {
			b.Errorf("the workload changed:\n%+v\n%+v", before, after)
		}
	}},
	{"two spaces become peers in any order, and part in any order", func(b *bench) {
		other := engine.Space{ID: cloister.NewID(), Dynos: netip.MustParsePrefix("10.1.0.0/16")}
		one, two := peered(b.space, other), peered(other, b.space)
		b.must(b.Engine.EnsureSpace(b.ctx, one)) // the other is not there yet
		b.must(b.Engine.EnsureSpace(b.ctx, two))
		b.Cleanup(func() { b.Engine.DropSpace(b.ctx, other.ID) })
		b.must(b.Engine.EnsureSpace(b.ctx, b.space))
		b.must(b.Engine.EnsureSpace(b.ctx, one))
		b.must(b.Engine.DropSpace(b.ctx, other.ID))
		b.must(b.Engine.EnsureSpace(b.ctx, one))
	}},
	{"a network that cannot be is refused, and nothing changes", func(b *bench) {
		other := engine.Space{ID: cloister.NewID(), Dynos: netip.MustParsePrefix("10.1.0.0/16")}
		for what, spoil := range map[string]func(*engine.Space){
			"a peer inside our own network": func(s *engine.Space) {
				*s = peered(*s, engine.Space{ID: other.ID, Dynos: netip.MustParsePrefix("10.0.4.0/24")})
			},
			"a peer inside our data network": func(s *engine.Space) {
				*s = peered(*s, engine.Space{ID: other.ID, Dynos: netip.MustParsePrefix("172.23.0.0/24")})
			},
			"a public peer": func(s *engine.Space) {
				*s = peered(*s, engine.Space{ID: other.ID, Dynos: netip.MustParsePrefix("192.0.2.0/24")})
			},
			"a peer with bits set after its length": func(s *engine.Space) {
				*s = peered(*s, engine.Space{ID: other.ID, Dynos: netip.MustParsePrefix("10.1.1.0/16")})
			},
			"a peer in IPv6": func(s *engine.Space) {
				*s = peered(*s, engine.Space{ID: other.ID, Dynos: netip.MustParsePrefix("fd00::/64")})
			},
			"two peers at one place": func(s *engine.Space) {
				*s = peered(peered(*s, other), engine.Space{ID: cloister.NewID(), Dynos: netip.MustParsePrefix("10.1.128.0/17")})
			},
			"itself as a peer": func(s *engine.Space) { *s = peered(*s, engine.Space{ID: s.ID, Dynos: other.Dynos}) },
			"one peer twice": func(s *engine.Space) {
				*s = peered(peered(*s, other), engine.Space{ID: other.ID, Dynos: netip.MustParsePrefix("10.2.0.0/16")})
			},
			"a peer that is neither nor":      func(s *engine.Space) { s.Peers = []engine.Peer{{ID: "x", Prefixes: []netip.Prefix{other.Dynos}}} },
			"an internal address elsewhere":   func(s *engine.Space) { s.Internal = netip.MustParseAddr("10.1.0.3") },
			"an internal address among dynos": func(s *engine.Space) { s.Internal = netip.MustParseAddr("10.0.128.3") },
			"a way out in IPv6":               func(s *engine.Space) { s.Egress = []engine.Pass{{Target: netip.MustParsePrefix("::/0"), To: 65535}} },
			"ports in the wrong order": func(s *engine.Space) {
				s.Egress = []engine.Pass{{Target: netip.MustParsePrefix("192.0.2.0/24"), From: 2, To: 1}}
			},
			"a protocol that does not go out": func(s *engine.Space) {
				s.Egress = []engine.Pass{{Target: netip.MustParsePrefix("192.0.2.0/24"), Protocol: 47}}
			},
			"builds with an internal address":  func(s *engine.Space) { s.Builds, s.Internal = true, netip.MustParseAddr("10.0.0.3") },
			"an outbound address that is IPv6": func(s *engine.Space) { s.Outbound = []netip.Addr{netip.MustParseAddr("2001:db8::1")} },
		} {
			s := b.space
			spoil(&s)
			if err := b.Engine.EnsureSpace(b.ctx, s); cloister.KindOf(err) != cloister.Invalid && cloister.KindOf(err) != cloister.Unsupported {
				b.Errorf("%s: got %v, want it refused", what, err)
			}
		}
		b.untilRunning(b.run(b.Commands.Wait))
	}},
}

// peered is a space with another as a peer.
func peered(s, with engine.Space) engine.Space {
	s.Peers = append(s.Peers[:len(s.Peers):len(s.Peers)], engine.Peer{ID: with.ID, Space: with.ID, Prefixes: []netip.Prefix{with.Dynos}})
	return s
}

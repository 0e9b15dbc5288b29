package store_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func addrs(of ...string) (out []netip.Addr) {
	for _, s := range of {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestTwoSpacesNeverShareAnIngressAddress(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var attic cloister.Space
		update(t, s, func(tx *store.Tx) error {
			attic = newSpace(tx, "attic", x.team.ID)
			attic.Ingress = addrs("198.51.100.1", "2001:db8::1")
			return tx.InsertSpace(attic)
		})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Space, error) { return tx.Space("attic") }), attic)
		used := map[netip.Addr]bool{attic.Ingress[0]: true, attic.Ingress[1]: true}
		same(t, read(t, s, (*store.Tx).IngressInUse), used)
		for _, taken := range []func(tx *store.Tx) error{
			func(tx *store.Tx) error { return tx.SetIngress(x.space.ID, addrs("198.51.100.2", "2001:db8::1")) },
			func(tx *store.Tx) error {
				tower := newSpace(tx, "tower", x.team.ID)
				tower.Ingress = addrs("198.51.100.1")
				return tx.InsertSpace(tower)
			},
		} {
			wantKind(t, s, cloister.Conflict, taken)
			same(t, read(t, s, (*store.Tx).IngressInUse), used) // all of it or nothing
		}
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.SetIngress("no-such-space", addrs("198.51.100.2")) })

		p.clock.advance(time.Second)
		update(t, s, func(tx *store.Tx) error { return tx.SetIngress(attic.ID, addrs("198.51.100.3")) })
		attic.Ingress, attic.UpdatedAt = addrs("198.51.100.3"), p.clock.Now()
		same(t, read(t, s, func(tx *store.Tx) (cloister.Space, error) { return tx.Space("attic") }), attic)
		update(t, s, func(tx *store.Tx) error { return tx.SetIngress(x.space.ID, addrs("2001:db8::1")) })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteSpace(attic.ID) })
		same(t, read(t, s, (*store.Tx).IngressInUse), map[netip.Addr]bool{netip.MustParseAddr("2001:db8::1"): true})
	})
}

func TestTheNewestEgressRulesetCounts(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		newest := func(tx *store.Tx) (cloister.EgressRuleset, error) { return tx.EgressRuleset(x.space.ID) }
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := newest(tx); return err })
		version := func(rules ...cloister.EgressRule) cloister.EgressRuleset {
			return cloister.EgressRuleset{ID: cloister.NewID(), SpaceID: x.space.ID, Rules: rules, CreatedBy: "ada@example.com", CreatedAt: p.clock.Now()}
		}
		first := version(cloister.Anywhere()...)
		second := version(cloister.EgressRule{Target: netip.MustParsePrefix("192.0.2.0/24"), Protocol: "tcp", From: 443, To: 443},
			cloister.EgressRule{Target: netip.MustParsePrefix("192.0.2.0/24"), Protocol: "50", To: 65535})
		nowhere := version([]cloister.EgressRule{}...)
		nowhere.Rules = []cloister.EgressRule{}
		for _, r := range []cloister.EgressRuleset{first, second, nowhere} { // all at the same microsecond
			update(t, s, func(tx *store.Tx) error { return tx.InsertEgressRuleset(r) })
			same(t, read(t, s, newest), r)
		}
		update(t, s, func(tx *store.Tx) error { return tx.SetEgressApplied(second.ID) })
		second.Applied = true
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.EgressRuleset, error) { return tx.EgressRulesets(x.space.ID) }),
			[]cloister.EgressRuleset{nowhere, second, first})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.SetEgressApplied(cloister.NewID()) })
	})
}

func newPeering(tx *store.Tx, space, peer, network string) cloister.Peering {
	return cloister.Peering{ID: cloister.NewPeeringID(), SpaceID: space, PeerID: peer, Network: network,
		SpaceBlocks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/20")}, PeerBlocks: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/20")},
		CreatedBy: "ada@example.com", ExpiresAt: tx.Now.Add(time.Hour), State: cloister.PeeringPending, CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

func TestPeeringsBelongToBothSides(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var attic cloister.Space
		var asked, network cloister.Peering
		update(t, s, func(tx *store.Tx) error {
			attic = newSpace(tx, "attic", x.team.ID)
			if err := tx.InsertSpace(attic); err != nil {
				return err
			}
			asked = newPeering(tx, x.space.ID, attic.ID, "")
			return tx.InsertPeering(asked)
		})
		p.clock.advance(time.Second)
		update(t, s, func(tx *store.Tx) error {
			network = newPeering(tx, x.space.ID, "", "office")
			network.ExpiresAt = time.Time{}
			return tx.InsertPeering(network)
		})
		of := func(space string) []cloister.Peering {
			return read(t, s, func(tx *store.Tx) ([]cloister.Peering, error) { return tx.Peerings(space) })
		}
		same(t, of(x.space.ID), []cloister.Peering{asked, network})
		same(t, of(attic.ID), []cloister.Peering{asked})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Peering, error) { return tx.Peering(network.ID) }), network)

		// One for a pair, whoever asks, until it has ended.
		again := func(tx *store.Tx) error { return tx.InsertPeering(newPeering(tx, attic.ID, x.space.ID, "")) }
		wantKind(t, s, cloister.Conflict, again)
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertPeering(newPeering(tx, x.space.ID, "", "office")) })
		asked.State, asked.Message, asked.Ready, asked.Other, asked.UpdatedAt = cloister.PeeringFailed, "because", true, true, p.clock.Now()
		update(t, s, func(tx *store.Tx) error { return tx.SetPeering(asked) })
		same(t, of(attic.ID), []cloister.Peering{asked})
		update(t, s, again)
		asked.State = cloister.PeeringActive
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.SetPeering(asked) }) // there is another by now
		same(t, len(of(attic.ID)), 2)

		// What has ended is forgotten, and nothing else.
		update(t, s, func(tx *store.Tx) error { return tx.ForgetPeerings(attic.ID, tx.Now) })
		same(t, len(of(attic.ID)), 2)
		update(t, s, func(tx *store.Tx) error { return tx.ForgetPeerings(attic.ID, tx.Now.Add(time.Second)) })
		same(t, len(of(attic.ID)), 1)

		update(t, s, func(tx *store.Tx) error { return tx.DeletePeering(network.ID) })
		for _, gone := range []func(tx *store.Tx) error{
			func(tx *store.Tx) error { _, err := tx.Peering(network.ID); return err },
			func(tx *store.Tx) error { return tx.DeletePeering(network.ID) },
			func(tx *store.Tx) error { return tx.SetPeering(network) },
		} {
			wantKind(t, s, cloister.NotFound, gone)
		}
	})
}

func TestAPeeringIsKnownUntilBothItsSpacesAreGone(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var a, b cloister.Space
		var between cloister.Peering
		update(t, s, func(tx *store.Tx) error {
			a, b = newSpace(tx, "attic", x.team.ID), newSpace(tx, "tower", x.team.ID)
			if err := tx.InsertSpace(a); err != nil {
				return err
			}
			if err := tx.InsertSpace(b); err != nil {
				return err
			}
			between = newPeering(tx, a.ID, b.ID, "")
			return tx.InsertPeering(between)
		})
		update(t, s, func(tx *store.Tx) error { return tx.DeleteSpace(a.ID) })
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Peering, error) { return tx.Peerings(b.ID) }), []cloister.Peering{between})
		update(t, s, func(tx *store.Tx) error { return tx.DeleteSpace(b.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Peering(between.ID); return err })
	})
}

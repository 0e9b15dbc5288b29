package store_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestSpacesAreFoundByIDAndByName(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var attic cloister.Space
		update(t, s, func(tx *store.Tx) error {
			attic = newSpace(tx, "attic", x.team.ID) // no outbound addresses
			attic.Shield = false
			return tx.InsertSpace(attic)
		})
		for _, ref := range []string{x.space.ID, "cellar"} {
			same(t, read(t, s, func(tx *store.Tx) (cloister.Space, error) { return tx.Space(ref) }), x.space)
		}
		same(t, read(t, s, (*store.Tx).Spaces), []cloister.Space{attic, x.space})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Space("tower"); return err })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertSpace(newSpace(tx, "cellar", x.team.ID)) })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertSpace(newSpace(tx, "tower", "no-such-team")) })
	})
}

func TestTwoSpacesNeverShareAnOutboundAddress(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error {
			return tx.InsertSpace(newSpace(tx, "tower", x.team.ID, "192.0.2.9", "192.0.2.2"))
		})
		// All of it or nothing: neither the space nor its free address stayed.
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Space("tower"); return err })
		used := map[netip.Addr]bool{netip.MustParseAddr("192.0.2.1"): true, netip.MustParseAddr("192.0.2.2"): true}
		same(t, read(t, s, (*store.Tx).OutboundInUse), used)

		update(t, s, func(tx *store.Tx) error {
			if err := tx.DeleteApp(x.app.ID); err != nil {
				return err
			}
			return tx.DeleteSpace(x.space.ID)
		})
		same(t, read(t, s, (*store.Tx).OutboundInUse), map[netip.Addr]bool{})
		update(t, s, func(tx *store.Tx) error { return tx.InsertSpace(newSpace(tx, "tower", x.team.ID, "192.0.2.2")) })
	})
}

func TestASpaceIsRenamedHiddenAndDeleted(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		p.clock.advance(time.Second)
		update(t, s, func(tx *store.Tx) error { return tx.RenameSpace(x.space.ID, "crypt") })
		update(t, s, func(tx *store.Tx) error { return tx.SetSpaceState(x.space.ID, cloister.Allocated) })
		want := x.space
		want.Name, want.State, want.UpdatedAt = "crypt", cloister.Allocated, p.clock.Now()
		same(t, read(t, s, func(tx *store.Tx) (cloister.Space, error) { return tx.Space("crypt") }), want)

		update(t, s, func(tx *store.Tx) error { return tx.HideSpace(x.space.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Space("crypt"); return err })
		same(t, read(t, s, func(tx *store.Tx) (cloister.Space, error) { return tx.Space(x.space.ID) }).Name, x.space.ID)
		update(t, s, func(tx *store.Tx) error { return tx.InsertSpace(newSpace(tx, "crypt", x.team.ID)) })

		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.DeleteSpace(x.space.ID) }) // an app is in it
		update(t, s, func(tx *store.Tx) error { return tx.DeleteApp(x.app.ID) })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteSpace(x.space.ID) })
		for _, again := range []func(tx *store.Tx) error{
			func(tx *store.Tx) error { return tx.DeleteSpace(x.space.ID) },
			func(tx *store.Tx) error { return tx.RenameSpace(x.space.ID, "vault") },
			func(tx *store.Tx) error { return tx.HideSpace(x.space.ID) },
			func(tx *store.Tx) error { return tx.SetSpaceState(x.space.ID, cloister.Deleting) },
		} {
			wantKind(t, s, cloister.NotFound, again)
		}
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error {
			loft := newSpace(tx, "loft", x.team.ID)
			if err := tx.InsertSpace(loft); err != nil {
				return err
			}
			return tx.RenameSpace(loft.ID, "crypt")
		})
	})
}

func TestTheNewestRulesetCounts(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Ruleset(x.space.ID); return err })
		ruleset := func(by string, sources ...netip.Prefix) cloister.Ruleset {
			return cloister.Ruleset{ID: cloister.NewID(), SpaceID: x.space.ID, Sources: sources, CreatedBy: by, CreatedAt: p.clock.Now()}
		}
		first := ruleset("ada@example.com", cloister.Everyone()...)
		second := ruleset("bob@example.com", netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("192.0.2.0/24"))
		nobody := ruleset("eve@example.com")
		nobody.Sources = []netip.Prefix{}
		for _, r := range []cloister.Ruleset{first, second, nobody} { // all at the same microsecond
			update(t, s, func(tx *store.Tx) error { return tx.InsertRuleset(r) })
			same(t, read(t, s, func(tx *store.Tx) (cloister.Ruleset, error) { return tx.Ruleset(x.space.ID) }), r)
		}
		update(t, s, func(tx *store.Tx) error { return tx.SetRulesetApplied(second.ID) })
		second.Applied = true
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Ruleset, error) { return tx.Rulesets(x.space.ID) }),
			[]cloister.Ruleset{nobody, second, first})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.SetRulesetApplied(cloister.NewID()) })
	})
}

func TestNewestRulesetsHasOneForEachSpace(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		rules := func(tx *store.Tx, space string, applied bool) cloister.Ruleset {
			return cloister.Ruleset{ID: cloister.NewID(), SpaceID: space, Sources: cloister.Everyone(), CreatedBy: "ada@example.com",
				CreatedAt: tx.Now, Applied: applied}
		}
		want := map[string]cloister.Ruleset{}
		update(t, s, func(tx *store.Tx) error {
			other := newSpace(tx, "attic", x.team.ID)
			a, b, c := rules(tx, x.space.ID, true), rules(tx, x.space.ID, false), rules(tx, other.ID, true)
			want = map[string]cloister.Ruleset{x.space.ID: b, other.ID: c}
			return errors.Join(tx.InsertSpace(other), tx.InsertRuleset(a), tx.InsertRuleset(b), tx.InsertRuleset(c))
		})
		got := map[string]cloister.Ruleset{}
		for _, r := range read(t, s, (*store.Tx).NewestRulesets) {
			got[r.SpaceID] = r
		}
		same(t, got, want)
	})
}

func TestOneWishToDestroyASpaceIsKept(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.DestroyWish(x.space.ID); return err })
		var zoe cloister.User
		update(t, s, func(tx *store.Tx) error {
			zoe = newUser(tx, "zoe@example.com")
			return tx.InsertUser(zoe)
		})
		for _, u := range []cloister.User{x.user, zoe} {
			p.clock.advance(time.Second)
			w := cloister.DestroyWish{SpaceID: x.space.ID, UserID: u.ID, Email: u.Email, At: p.clock.Now()}
			update(t, s, func(tx *store.Tx) error { return tx.PutDestroyWish(w) })
			same(t, read(t, s, func(tx *store.Tx) (cloister.DestroyWish, error) { return tx.DestroyWish(x.space.ID) }), w)
		}
		update(t, s, func(tx *store.Tx) error {
			other := newTeam(tx, "other")
			if err := tx.InsertTeam(other); err != nil {
				return err
			}
			return tx.TransferSpace(x.space.ID, other.ID)
		})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.DestroyWish(x.space.ID); return err })
	})
}

package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestZonesKeepWhatIsSeenApartFromWhatIsDeclared(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		began := p.clock.Now()
		observe := func(name string, healthy bool) {
			update(t, s, func(tx *store.Tx) error { return tx.ObserveZone(name, healthy) })
		}
		observe("b", true)
		observe("a", false)
		p.clock.advance(time.Minute)
		observe("a", false) // nothing new
		observe("b", false)
		failed := p.clock.Now()
		update(t, s, func(tx *store.Tx) error { return tx.DeclareZone("b", failed, "ada@example.com") })
		p.clock.advance(time.Minute)
		observe("b", true)
		same(t, read(t, s, (*store.Tx).Zones), []cloister.Zone{
			{Name: "a", SeenAt: began},
			{Name: "b", FailedAt: failed, FailedBy: "ada@example.com", Healthy: true, SeenAt: p.clock.Now()},
		})
		update(t, s, func(tx *store.Tx) error { return tx.DeclareZone("b", time.Time{}, "") })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteZone("a") })
		same(t, read(t, s, (*store.Tx).Zones), []cloister.Zone{{Name: "b", Healthy: true, SeenAt: p.clock.Now()}})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeclareZone("a", failed, "ada@example.com") })
	})
}

func TestDynosOnTheirWayOutDoNotCountInTheirZone(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		update(t, s, func(tx *store.Tx) error {
			for i, zone := range []string{"a", "b", "a", "b"} {
				d := cloister.Dyno{ID: cloister.NewID(), AppID: x.app.ID, SpaceID: x.space.ID, Type: "web", Number: i + 1, Zone: zone,
					State: cloister.DynoUp, CreatedAt: tx.Now}
				if i == 3 {
					d.RetireAt = tx.Now
				}
				if err := tx.PutDyno(d); err != nil {
					return err
				}
			}
			return nil
		})
		same(t, read(t, s, (*store.Tx).CountZones), []store.ZoneCount{{Zone: "a", Dynos: 2}, {Zone: "b", Dynos: 1}})
	})
}

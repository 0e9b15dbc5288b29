package store_test

import (
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestLimitsOfASpace(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		limits := func() cloister.SpaceLimits {
			return read(t, s, func(tx *store.Tx) (cloister.SpaceLimits, error) { return tx.Limits(x.space.ID) })
		}
		same(t, limits(), cloister.SpaceLimits{})
		update(t, s, func(tx *store.Tx) error { return tx.SetLimit(x.space.ID, cloister.LimitApps, 30) })
		update(t, s, func(tx *store.Tx) error { return tx.SetLimit(x.space.ID, cloister.LimitApps, 40) })
		update(t, s, func(tx *store.Tx) error { return tx.SetLimit(x.space.ID, cloister.LimitDynos, 0) })
		same(t, limits(), cloister.SpaceLimits{cloister.LimitApps: 40, cloister.LimitDynos: 0})
		update(t, s, func(tx *store.Tx) error { return tx.DeleteLimit(x.space.ID, cloister.LimitApps) })
		same(t, limits(), cloister.SpaceLimits{cloister.LimitDynos: 0})
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.SetLimit("gone", cloister.LimitApps, 1) })
		update(t, s, func(tx *store.Tx) error { // they go with the space
			if err := tx.DeleteApp(x.app.ID); err != nil {
				return err
			}
			return tx.DeleteSpace(x.space.ID)
		})
		same(t, limits(), cloister.SpaceLimits{})
	})
}

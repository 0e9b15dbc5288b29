package store_test

import (
	"context"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// What one transaction leaves behind, in whatever state, must not be felt by the next one with the same texts.
func TestAStatementIsAsGoodAsNewAfterAnything(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		for range 3 {
			wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertApp(x.app) })
			wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.RenameSpace("none", "attic") })
			ctx, cancel := context.WithCancel(t.Context())
			s.View(ctx, func(tx *store.Tx) error { cancel(); _, err := tx.App(x.app.ID); return err })
			same(t, read(t, s, func(tx *store.Tx) (cloister.App, error) { return tx.App(x.app.ID) }), x.app)
			update(t, s, func(tx *store.Tx) error { return tx.RenameSpace(x.space.ID, "cellar") })
		}
	})
}

func TestTheSameQueryTwiceInOneTransactionAndAtOnceInMany(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		together(t, 8, func(int) error {
			for range 20 {
				if err := s.View(t.Context(), func(tx *store.Tx) error {
					for range 2 {
						if a, err := tx.App(x.app.Name); err != nil || a.ID != x.app.ID {
							t.Errorf("got %q, %v", a.ID, err)
						}
					}
					return nil
				}); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

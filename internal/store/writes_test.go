package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestOnlyWhatWritesARowCounts(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		before := s.Writes()
		read(t, s, func(tx *store.Tx) ([]cloister.Space, error) { return tx.Spaces() })
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.ClaimWork("nobody", 1, time.Minute, "space")
			return err
		})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.RenameSpace(cloister.NewID(), "tower") })
		if got := s.Writes(); got != before {
			t.Errorf("%d writes where there was nothing to write", got-before)
		}
		update(t, s, func(tx *store.Tx) error { return tx.RenameSpace(x.space.ID, "tower") })
		if got := s.Writes(); got != before+1 {
			t.Errorf("%d writes, want 1", got-before)
		}
	})
}

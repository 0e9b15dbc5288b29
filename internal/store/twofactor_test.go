package store_test

import (
	"bytes"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestASecondFactorIsKeptSealedAndShowsOnItsUser(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		factor := func(tx *store.Tx) (cloister.SecondFactor, error) { return tx.SecondFactor(x.user.ID) }
		on := func() bool {
			return read(t, s, func(tx *store.Tx) (cloister.User, error) { return tx.User(x.user.Email) }).TwoFactor
		}
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := factor(tx); return err })
		f := cloister.SecondFactor{UserID: x.user.ID, Secret: marker, Recovery: []string{"a", "b"}, Failures: 2, FailedAt: p.clock.Now()}
		update(t, s, func(tx *store.Tx) error { return tx.PutSecondFactor(f) })
		same(t, read(t, s, factor), f)
		same(t, on(), false)
		f.On, f.Used, f.Recovery, f.Failures = true, 59_000_000, []string{"b"}, 0
		update(t, s, func(tx *store.Tx) error { return tx.PutSecondFactor(f) })
		same(t, read(t, s, factor), f)
		same(t, on(), true)
		if p.shared() {
			var kept []byte
			if err := p.raw(t).QueryRowContext(t.Context(), `SELECT secret FROM second_factors`).Scan(&kept); err != nil || len(kept) == 0 || bytes.Contains(kept, []byte(marker)) {
				t.Errorf("the secret is kept as %q, %v", kept, err)
			}
		}
		update(t, s, func(tx *store.Tx) error { return tx.DeleteSecondFactor(x.user.ID) })
		same(t, on(), false)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteSecondFactor(x.user.ID) })
	})
}

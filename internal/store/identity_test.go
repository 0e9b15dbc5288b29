package store_test

import (
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestIdentities(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		user := func() cloister.User {
			return read(t, s, func(tx *store.Tx) (cloister.User, error) { return tx.User(x.user.ID) })
		}
		same(t, user().Federated, false)
		var i cloister.Identity
		update(t, s, func(tx *store.Tx) error {
			i = cloister.Identity{Issuer: "https://id.example.com", Subject: "1", UserID: x.user.ID, Email: x.user.Email, CreatedAt: tx.Now}
			return tx.InsertIdentity(i)
		})
		same(t, user().Federated, true)
		same(t, read(t, s, func(tx *store.Tx) (cloister.Identity, error) { return tx.Identity(i.Issuer, "1") }), i)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Identity(i.Issuer, "2"); return err })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { i.Subject = "2"; return tx.InsertIdentity(i) }) // the same person twice
	})
}

package store_test

import (
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestAKeyIsOnePersonsAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		k := cloister.Key{ID: cloister.NewID(), UserID: x.user.ID, Email: x.user.Email, Public: "ssh-ed25519 AAAA", Comment: "ada@laptop", Fingerprint: "17:63", CreatedAt: p.clock.Now()}
		update(t, s, func(tx *store.Tx) error { return tx.InsertKey(k) })
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Key, error) { return tx.Keys(x.user.ID) }), []cloister.Key{k})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Key, error) { return tx.Keys("nobody") }), []cloister.Key(nil))
		same(t, read(t, s, func(tx *store.Tx) (cloister.Key, error) { return tx.KeyOf(k.Public) }), k)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.KeyOf("ssh-ed25519 AAA"); return err })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error {
			u := newUser(tx, "zoe@example.com")
			if err := tx.InsertUser(u); err != nil {
				return err
			}
			again := k
			again.ID, again.UserID = cloister.NewID(), u.ID
			return tx.InsertKey(again)
		})
		update(t, s, func(tx *store.Tx) error { return tx.DeleteKey(k.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteKey(k.ID) })
	})
}

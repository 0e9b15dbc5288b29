package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestSessions(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		newSession := func(hash string) (v cloister.Session) {
			update(t, s, func(tx *store.Tx) error {
				v = cloister.Session{ID: cloister.NewID(), UserID: x.user.ID, Description: "Firefox", From: "192.0.2.1", Hash: hash, ExpiresAt: tx.Now.Add(time.Hour), CreatedAt: tx.Now}
				return tx.InsertSession(v)
			})
			return v
		}
		all := func() []cloister.Session {
			return read(t, s, func(tx *store.Tx) ([]cloister.Session, error) { return tx.Sessions(x.user.ID) })
		}
		first := newSession("a")
		p.clock.advance(time.Minute)
		second := newSession("b")
		same(t, all(), []cloister.Session{first, second})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Session, error) { return tx.SessionByHash("b") }), second)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.SessionByHash("c"); return err })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteSession(second.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteSession(second.ID) })
		p.clock.advance(2 * time.Hour)
		third := newSession("c") // the first is over, and forgotten
		same(t, all(), []cloister.Session{third})
	})
}

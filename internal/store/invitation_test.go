package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestInvitations(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		invite := func(email, hash string) (v cloister.Invitation) {
			update(t, s, func(tx *store.Tx) error {
				v = cloister.Invitation{ID: cloister.NewID(), TeamID: x.team.ID, TeamName: x.team.Name, Email: email, Role: cloister.Viewer, Hash: hash,
					InviterID: x.user.ID, InviterName: x.user.Email, ExpiresAt: tx.Now.Add(time.Hour), CreatedAt: tx.Now}
				return tx.InsertInvitation(v)
			})
			return v
		}
		all := func() []cloister.Invitation {
			return read(t, s, func(tx *store.Tx) ([]cloister.Invitation, error) { return tx.Invitations(x.team.ID) })
		}
		zoe, eve := invite("zoe@example.com", "a"), invite("eve@example.com", "b")
		same(t, all(), []cloister.Invitation{eve, zoe})
		again := invite("eve@example.com", "c") // in place of the first
		same(t, all(), []cloister.Invitation{again, zoe})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Invitation, error) { return tx.InvitationByHash("c") }), again)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.InvitationByHash("b"); return err })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteInvitation(again.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteInvitation(again.ID) })
		p.clock.advance(time.Hour)
		same(t, len(all()), 0)
	})
}

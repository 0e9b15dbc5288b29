package platform_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// invite is the token of an invitation of the actor to a new team.
func (h *house) invite(ctx context.Context, a cloister.Actor) cloister.Secret {
	token := cloister.NewToken()
	sum := sha256.Sum256([]byte(token.Reveal()))
	h.store.Update(ctx, func(tx *store.Tx) error {
		t := cloister.Team{ID: cloister.NewID(), Name: "t-" + cloister.NewID()[:8], CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := tx.InsertTeam(t); err != nil {
			return err
		}
		return tx.InsertInvitation(cloister.Invitation{ID: cloister.NewID(), TeamID: t.ID, Email: a.User.Email, Role: cloister.Viewer, Hash: hex.EncodeToString(sum[:]),
			InviterID: h.admin.User.ID, ExpiresAt: tx.Now.Add(time.Hour), CreatedAt: tx.Now})
	})
	return token
}

func TestAnInvitationLetsOnePersonInOnce(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	i, token, err := h.Invite(ctx, h.admin, "acme", " Stranger@Example.com", cloister.MemberRole)
	must(t, err)
	same(t, []any{i.Email, i.Role, i.TeamName, i.InviterName, i.ExpiresAt}, []any{"stranger@example.com", cloister.MemberRole, "acme", "admin@example.com", h.clock().Add(7 * 24 * time.Hour)})
	got, known, err := h.Invited(ctx, token)
	must(t, err)
	same(t, []any{got, known}, []any{i, true})

	_, err = h.Accept(ctx, h.views, token)
	wantError(t, err, cloister.Forbidden, "This invitation is for another address than views@example.com. Sign in as the person who was invited.")
	same(t, h.last(t).Action, "refuse")
	_, _, err = h.Join(ctx, "192.0.2.1", token, "another password")
	wantError(t, err, cloister.Invalid, "stranger@example.com has an account already. Sign in with it, and accept the invitation then.")

	_, err = h.Accept(ctx, h.stranger, token)
	must(t, err)
	team, err := h.Team(ctx, h.stranger, "acme")
	must(t, err)
	same(t, team.Role, cloister.MemberRole)
	_, err = h.Accept(ctx, h.stranger, token)
	wantError(t, err, cloister.NotFound, "This invitation is none, was accepted already, was taken back, or is over. Ask for another one.")
	_, _, err = h.Invite(ctx, h.admin, "acme", "stranger@example.com", cloister.Viewer)
	wantError(t, err, cloister.Invalid, "stranger@example.com is already a member of acme.")
}

func TestWhoIsInvitedMakesAnAccount(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, first, err := h.Invite(ctx, h.admin, "acme", "newcomer@example.com", cloister.Viewer)
	must(t, err)
	_, token, err := h.Invite(ctx, h.admin, "acme", "newcomer@example.com", cloister.Admin) // in place of the first
	must(t, err)
	_, _, err = h.Join(ctx, "192.0.2.1", first, "a new password")
	wantKind(t, err, cloister.NotFound)
	_, _, err = h.Join(ctx, "192.0.2.1", token, "short")
	wantError(t, err, cloister.Invalid, "Password must have at least 8 characters.")
	a, _, err := h.Join(ctx, "192.0.2.1", token, "a new password")
	must(t, err)
	again, err := h.SignIn(ctx, "192.0.2.1", "newcomer@example.com", "a new password", "")
	must(t, err)
	same(t, again.User.ID, a.User.ID)
	same(t, a.User.Operator, false)
	team, err := h.Team(ctx, a, "acme")
	must(t, err)
	same(t, team.Role, cloister.Admin)
	all, err := h.Invitations(ctx, h.admin, "acme")
	must(t, err)
	same(t, len(all), 0)
}

func TestInvitationsEnd(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	i, token, err := h.Invite(ctx, h.admin, "acme", "newcomer@example.com", cloister.Viewer)
	must(t, err)
	h.advance(cloister.InvitationLife)
	_, _, err = h.Join(ctx, "192.0.2.1", token, "a new password")
	wantKind(t, err, cloister.NotFound)
	_, err = h.Uninvite(ctx, h.admin, "acme", i.ID)
	wantKind(t, err, cloister.NotFound)
	i, token, err = h.Invite(ctx, h.admin, "acme", "newcomer@example.com", cloister.Viewer)
	must(t, err)
	_, err = h.Uninvite(ctx, h.admin, "other", i.ID) // not of that team
	wantKind(t, err, cloister.NotFound)
	_, err = h.Uninvite(ctx, h.admin, "acme", "Newcomer@example.com")
	must(t, err)
	_, _, err = h.Invited(ctx, token)
	wantKind(t, err, cloister.NotFound)
	for _, bad := range []string{"", "no address", "a@b\r\nc@d", "a b@example.com"} {
		_, _, err = h.Invite(ctx, h.admin, "acme", bad, cloister.Viewer)
		wantKind(t, err, cloister.Invalid)
	}
	_, _, err = h.Invite(ctx, h.admin, "acme", "newcomer@example.com", "owner")
	wantKind(t, err, cloister.Invalid)
}

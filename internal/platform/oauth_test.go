package platform_test

import (
	"context"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// client is the id of a client of an actor's, whatever they may do themselves.
func (h *house) client(ctx context.Context, a cloister.Actor) string {
	c := cloister.OAuthClient{ID: cloister.NewID(), UserID: a.User.ID, Name: "Amazing", RedirectURI: "https://app.example/", Secret: cloister.NewToken()}
	h.store.Update(ctx, func(tx *store.Tx) error {
		c.CreatedAt, c.UpdatedAt = tx.Now, tx.Now
		return tx.InsertOAuthClient(c, c.Secret.Reveal())
	})
	return c.ID
}

func TestAClientIsItsOwners(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	c, err := h.CreateOAuthClient(ctx, h.viewer, "Amazing", "https://app.example/")
	must(t, err)
	_, err = h.OAuthClient(ctx, h.admin, c.ID)
	wantError(t, err, cloister.NotFound, "Couldn't find that client.")
	_, err = h.RotateOAuthClient(ctx, h.admin, c.ID)
	wantKind(t, err, cloister.NotFound)
	_, err = h.ChangeOAuthClient(ctx, h.viewer, c.ID, nil, new("http://app.example/"))
	wantError(t, err, cloister.Invalid, "Redirect uri has no TLS")
	_, err = h.CreateOAuthClient(ctx, h.viewer, "", "https://app.example/")
	wantError(t, err, cloister.Invalid, "Name must be")
	shown, _, err := h.Asking(ctx, h.stranger, c.ID, []string{"read"})
	must(t, err)
	same(t, []string{shown.Name, string(shown.Secret)}, []string{"Amazing", ""})
}

func TestAClientActsForAsLongAsItIsLet(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	c, err := h.CreateOAuthClient(ctx, h.admin, "Amazing", "https://app.example/")
	must(t, err)
	_, code, err := h.Grant(ctx, h.viewer, c.ID, []string{"read"})
	must(t, err)
	out, err := h.Exchange(ctx, "192.0.2.1", c.Secret, code)
	must(t, err)
	same(t, []string{out.User.Email, out.Authorization.Client.Name, h.last(t).Actor}, []string{"viewer@example.com", "Amazing", "viewer@example.com"})
	a, err := h.Authenticate(ctx, "", out.Access)
	must(t, err)
	_, err = h.App(ctx, a, "quiet-garth")
	must(t, err)

	h.advance(cloister.AccessLife)
	_, err = h.Authenticate(ctx, "", out.Access)
	wantKind(t, err, cloister.Unauthorized)
	all, err := h.Authorizations(ctx, h.viewer) // it can have another one, and is listed until it cannot
	must(t, err)
	same(t, len(all), 1)
	next, err := h.Refresh(ctx, "192.0.2.1", c.Secret, out.Refresh)
	must(t, err)
	_, err = h.Authenticate(ctx, "", next.Access)
	must(t, err)

	_, err = h.SuspendUser(ctx, h.operator, "viewer@example.com")
	must(t, err)
	_, err = h.Refresh(ctx, "192.0.2.1", c.Secret, out.Refresh)
	wantKind(t, err, cloister.Suspended)
	_, err = h.RestoreUser(ctx, h.operator, "viewer@example.com")
	must(t, err)
	_, err = h.RemoveOAuthClient(ctx, h.admin, c.ID)
	must(t, err)
	_, err = h.Authenticate(ctx, "", next.Access)
	wantKind(t, err, cloister.Unauthorized)

	other, err := h.CreateOAuthClient(ctx, h.admin, "Other", "https://app.example/")
	must(t, err)
	_, late, err := h.Grant(ctx, h.viewer, other.ID, nil)
	must(t, err)
	h.advance(cloister.GrantLife)
	_, err = h.Exchange(ctx, "192.0.2.1", other.Secret, late)
	wantError(t, err, cloister.Unauthorized, "This code is none, was used already, or is over.")
}

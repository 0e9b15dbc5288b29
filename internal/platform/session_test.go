package platform_test

import (
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestABrowserStaysSignedInForADay(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	a := h.viewer
	a.From = "192.0.2.7"
	s, secret, err := h.StartSession(ctx, a, "Firefox \x1b[2J on Linux")
	must(t, err)
	same(t, []string{s.Description, s.From}, []string{"Firefox [2J on Linux", "192.0.2.7"})
	got, resumed, err := h.Resume(ctx, secret)
	must(t, err)
	same(t, []string{got.User.ID, resumed.ID}, []string{a.User.ID, s.ID})
	_, _, err = h.Resume(ctx, "another")
	wantError(t, err, cloister.Unauthorized, "You are not signed in")
	_, err = h.Authenticate(ctx, "", secret) // a cookie is no token
	wantKind(t, err, cloister.Unauthorized)
	_, err = h.EndSession(ctx, h.admin, s.ID) // nor anybody else's
	wantError(t, err, cloister.NotFound, "Couldn't find that session.")

	_, err = h.SuspendUser(ctx, h.operator, a.User.Email)
	must(t, err)
	_, _, err = h.Resume(ctx, secret)
	wantKind(t, err, cloister.Suspended)
	_, err = h.RestoreUser(ctx, h.operator, a.User.Email)
	must(t, err)

	_, other, err := h.StartSession(ctx, a, "Chrome")
	must(t, err)
	_, err = h.EndSession(ctx, a, s.ID)
	must(t, err)
	_, _, err = h.Resume(ctx, secret)
	wantKind(t, err, cloister.Unauthorized)
	h.advance(cloister.SessionLife - 1)
	_, _, err = h.Resume(ctx, other)
	must(t, err)
	h.advance(1)
	_, _, err = h.Resume(ctx, other)
	wantKind(t, err, cloister.Unauthorized)
	all, err := h.Sessions(ctx, a)
	must(t, err)
	same(t, len(all), 0)
}

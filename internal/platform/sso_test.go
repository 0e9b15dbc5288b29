package platform_test

import (
	"log/slog"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

const issuer = "https://id.example.com"

func TestWhoComesByTheProvider(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := cloister.Identity{Issuer: issuer, Subject: "1", Email: "viewer@example.com"}
	a, err := h.SignInAs(ctx, "192.0.2.1", id)
	must(t, err)
	same(t, []any{a.User.ID, a.User.Federated, a.From}, []any{h.viewer.User.ID, true, "192.0.2.1"})
	id.Email = "viewer@example.org" // who is the same when the address changes
	a, err = h.SignInAs(ctx, "192.0.2.1", id)
	must(t, err)
	same(t, a.User.Email, "viewer@example.com")

	_, err = h.SignInAs(ctx, "192.0.2.1", cloister.Identity{Issuer: issuer, Subject: "2", Email: "viewer@example.com"})
	wantError(t, err, cloister.Forbidden, "The account viewer@example.com belongs to somebody else there. Ask an operator of this installation.")
	same(t, h.last(t).Action, "refuse")
	_, err = h.SignInAs(ctx, "192.0.2.1", cloister.Identity{Issuer: issuer, Subject: "3", Email: "newcomer@example.com"})
	wantError(t, err, cloister.Forbidden, "There is no account of newcomer@example.com here. Ask an administrator of your team to invite you.")
	_, err = h.SuspendUser(ctx, h.operator, "viewer@example.com")
	must(t, err)
	_, err = h.SignInAs(ctx, "192.0.2.1", id)
	wantKind(t, err, cloister.Suspended)
}

func TestNewcomersJoinATeam(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	p := platform.New(h.store, platform.Config{SSO: platform.SSO{Team: "acme", Role: cloister.Viewer, Only: true, Name: "Example"}}, slog.New(slog.DiscardHandler))
	a, err := p.SignInAs(ctx, "192.0.2.1", cloister.Identity{Issuer: issuer, Subject: "3", Email: "newcomer@example.com"})
	must(t, err)
	team, err := h.Team(ctx, a, "acme")
	must(t, err)
	same(t, team.Role, cloister.Viewer)
	_, err = p.SignIn(ctx, "192.0.2.1", "newcomer@example.com", "", "") // there is no password
	wantKind(t, err, cloister.Unauthorized)

	_, err = p.SetPassword(ctx, h.operator, "newcomer@example.com", "a password")
	must(t, err)
	_, err = p.SignIn(ctx, "192.0.2.1", "newcomer@example.com", "a password", "")
	wantError(t, err, cloister.Forbidden, "People sign in by Example here: `heroku login`, without -i. Passwords are for operators alone.")
	_, err = p.SetPassword(ctx, h.operator, h.operator.User.Email, "a password")
	must(t, err)
	_, err = p.SignIn(ctx, "192.0.2.1", h.operator.User.Email, "a password", "")
	must(t, err)
}

package platform_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

func TestWhoIsSuspendedIsKeptOutByEveryDoor(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	bob, err := h.CreateUser(ctx, h.operator, "bob@example.com", "bob's password")
	must(t, err)
	_, err = h.AddMember(ctx, h.admin, "acme", bob.Email, cloister.Admin)
	must(t, err)
	actor := cloister.Actor{User: bob}
	_, token, err := h.CreateAuthorization(ctx, actor, "", nil, 0)
	must(t, err)

	got, err := h.SuspendUser(ctx, h.operator, "Bob@example.com")
	must(t, err)
	same(t, got.SuspendedAt, h.clock())
	same(t, h.last(t), cloister.Event{Actor: "operator@example.com", Kind: "user", ID: bob.ID, Action: "suspend", Text: "bob@example.com"})
	_, err = h.Authenticate(ctx, "", token)
	wantKind(t, err, cloister.Suspended)
	_, err = h.SignIn(ctx, "192.0.2.1", bob.Email, "bob's password", "")
	wantKind(t, err, cloister.Suspended)
	_, err = h.SignIn(ctx, "192.0.2.1", bob.Email, "not his password", "") // tells only those who know it
	wantKind(t, err, cloister.Unauthorized)
	_, err = h.Space(ctx, cloister.Actor{User: got}, "cellar")
	wantKind(t, err, cloister.Suspended)

	before := len(h.events(t))
	h.advance(time.Minute)
	again, err := h.SuspendUser(ctx, h.operator, bob.Email)
	must(t, err)
	same(t, again.SuspendedAt, got.SuspendedAt)
	same(t, len(h.events(t)), before)
	_, err = h.SuspendUser(ctx, h.operator, h.operator.User.Email)
	wantKind(t, err, cloister.Invalid)
	_, err = h.SuspendUser(ctx, h.operator, "nobody@example.com")
	wantKind(t, err, cloister.NotFound)

	_, err = h.RestoreUser(ctx, h.operator, bob.Email)
	must(t, err)
	back, err := h.Authenticate(ctx, "", token)
	must(t, err)
	_, err = h.Space(ctx, back, "cellar")
	must(t, err)
}

// Each deed is tried by somebody who is suspended, and who may otherwise do everything.
func TestWhoIsSuspendedMayDoNothing(t *testing.T) {
	for name, deed := range deeds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.deploy(t, "quiet-garth", "web")
			h.addDyno(t, "quiet-garth", "web", 1)
			h.abroad(t)
			_, err := h.SetMember(t.Context(), h.admin, "acme", h.creates.User.Email, cloister.Admin)
			must(t, err)
			a := h.creates
			a.User.Operator, a.User.SuspendedAt = true, h.clock()
			before := h.by(t, a)
			if err := deed.do(t.Context(), h, a); cloister.KindOf(err) != cloister.Suspended {
				t.Errorf("got %v", err)
			} else if h.by(t, a) != before {
				t.Errorf("refused, and yet something happened: %v", err)
			}
		})
	}
}

func TestATeamIsRestored(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, err := h.SuspendTeam(ctx, h.operator, "acme")
	must(t, err)
	_, err = h.RenameSpace(ctx, h.admin, "cellar", "tower")
	wantError(t, err, cloister.Suspended, "The team acme is suspended since 2026-03-29T01:02:03Z. Ask an operator of this installation.")
	_, err = h.Config(ctx, h.deploys, "quiet-garth") // nor may those who are no members of it
	wantKind(t, err, cloister.Suspended)
	_, err = h.Space(ctx, h.stranger, "cellar") // to others it is as missing as ever
	wantKind(t, err, cloister.NotFound)
	h.advance(time.Minute)
	again, err := h.SuspendTeam(ctx, h.operator, "acme")
	must(t, err)
	same(t, again.SuspendedAt, h.clock().Add(-time.Minute))
	back, err := h.RestoreTeam(ctx, h.operator, "acme")
	must(t, err)
	same(t, back.SuspendedAt.IsZero(), true)
	_, err = h.RenameSpace(ctx, h.admin, "cellar", "tower")
	must(t, err)
	_, err = h.SuspendTeam(ctx, h.operator, "nunnery")
	wantKind(t, err, cloister.NotFound)
}

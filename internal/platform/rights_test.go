package platform_test

import (
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

func TestRightsAreWhatWouldNotBeRefused(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for _, test := range []struct {
		who              string
		a                cloister.Actor
		team, space, app platform.Rights
	}{
		{"admin", h.admin, platform.Rights{CreateSpace: true, Manage: true}, platform.Rights{CreateApp: true, Manage: true}, platform.Rights{Read: true, Deploy: true, Operate: true, Manage: true}},
		{"viewer", h.viewer, platform.Rights{}, platform.Rights{}, platform.Rights{}},
		{"one who may create apps", h.creates, platform.Rights{}, platform.Rights{CreateApp: true}, platform.Rights{}},
	} {
		team, err := h.TeamRights(ctx, test.a, "acme")
		must(t, err)
		space, err := h.SpaceRights(ctx, test.a, "cellar")
		must(t, err)
		app, err := h.AppRights(ctx, test.a, "quiet-garth")
		must(t, err)
		if team != test.team || space != test.space || app != test.app {
			t.Errorf("%s: %+v %+v %+v", test.who, team, space, app)
		}
	}
	for who, want := range map[*cloister.Actor]platform.Rights{&h.deploys: {Read: true, Deploy: true}, &h.operates: {Read: true, Operate: true}, &h.manages: {Manage: true}} {
		if got, err := h.AppRights(ctx, *who, "quiet-garth"); err != nil || got != want {
			t.Errorf("%s: %+v, %v", who.User.Email, got, err)
		}
	}
	for _, e := range h.events(t) {
		if e.Action == "refuse" {
			t.Errorf("to ask what one may do is no attempt: %+v", e)
		}
	}
}

package platform_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

func TestANewAppHasItsFirstRelease(t *testing.T) {
	h := newHouse(t)
	app, err := h.CreateApp(t.Context(), h.admin, platform.AppSpec{Name: "calm-gate", Space: "cellar", Team: "acme", Region: "virginia"})
	must(t, err)
	same(t, []string{app.Stack, app.BuildStack, app.Host, app.Team.Name, app.Space.Name},
		[]string{"debian-12", "debian-12", "calm-gate-" + app.Label + ".apps.example", "acme", "cellar"})
	same(t, h.touched(t), []string{"app " + app.ID})
	same(t, h.said, []string{"Initial release by user admin@example.com", "Release v1 created by user admin@example.com"})
	_, releases, err := h.Releases(t.Context(), h.viewer, "calm-gate")
	must(t, err)
	same(t, []any{len(releases), releases[0].Version, releases[0].Status, releases[0].SlugID, releases[0].Description, releases[0].UserEmail},
		[]any{1, 1, cloister.ReleaseSucceeded, "", "Initial release", "admin@example.com"})
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "release", ID: releases[0].ID, Action: "create", Text: "calm-gate v1: Initial release"})
	for _, ref := range []string{"calm-gate", "CALM-gate", app.ID, strings.ToUpper(app.ID)} {
		found, err := h.App(t.Context(), h.viewer, ref)
		must(t, err)
		same(t, found.ID, app.ID)
	}
}

func TestAppsWithoutANameGetOne(t *testing.T) {
	h := newHouse(t)
	for range 10 {
		app, err := h.CreateApp(t.Context(), h.admin, platform.AppSpec{Space: "cellar"})
		must(t, err)
		must(t, cloister.ValidAppName(app.Name))
	}
}

func TestAppsThatBreakARuleAreRefused(t *testing.T) {
	h := newHouse(t)
	for name, test := range map[string]struct {
		spec platform.AppSpec
		want cloister.Kind
	}{
		"name":           {platform.AppSpec{Name: "Calm", Space: "cellar"}, cloister.Invalid},
		"name in use":    {platform.AppSpec{Name: "quiet-garth", Space: "cellar"}, cloister.Invalid},
		"no space":       {platform.AppSpec{Name: "calm-gate"}, cloister.Invalid},
		"unknown space":  {platform.AppSpec{Name: "calm-gate", Space: "tower"}, cloister.NotFound},
		"another team":   {platform.AppSpec{Name: "calm-gate", Space: "cellar", Team: "other"}, cloister.Invalid},
		"another region": {platform.AppSpec{Name: "calm-gate", Space: "cellar", Region: "tokyo"}, cloister.Invalid},
		"unknown stack":  {platform.AppSpec{Name: "calm-gate", Space: "cellar", Stack: "cedar-14"}, cloister.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.CreateApp(t.Context(), h.admin, test.spec)
			wantKind(t, err, test.want)
		})
	}
	_, err := h.App(t.Context(), h.admin, "calm-gate")
	wantKind(t, err, cloister.NotFound)
}

func TestInternalRoutingIsChosenOnce(t *testing.T) {
	h := newHouse(t)
	_, err := h.CreateApp(t.Context(), h.admin, platform.AppSpec{Name: "calm-gate", InternalRouting: true})
	wantKind(t, err, cloister.Invalid) // without a space there is nothing to be inside of
	made, err := h.CreateApp(t.Context(), h.admin, platform.AppSpec{Name: "calm-gate", Space: "cellar", InternalRouting: true})
	must(t, err)
	on := true
	_, err = h.UpdateApp(t.Context(), h.admin, "calm-gate", platform.AppChange{Maintenance: &on})
	must(t, err)
	kept, err := h.App(t.Context(), h.admin, "calm-gate")
	must(t, err)
	other, err := h.App(t.Context(), h.admin, "quiet-garth")
	must(t, err)
	same(t, []bool{made.InternalRouting, kept.InternalRouting, other.InternalRouting}, []bool{true, true, false})
}

func TestASpaceHasTwentyAppsAtMost(t *testing.T) {
	h := newHouse(t)
	for i := 1; i < cloister.LimitApps.Default(); i++ {
		must(t, h.newApp(t, "cellar", fmt.Sprintf("cell-%d", i)))
	}
	wantKind(t, h.newApp(t, "cellar", "one-too-many"), cloister.Invalid)
	must(t, h.newSpace(t, "tower"))
	must(t, h.newApp(t, "tower", "one-too-many")) // the limit is the space's
	_, err := h.DestroyApp(t.Context(), h.admin, "cell-7")
	must(t, err)
	must(t, h.newApp(t, "cellar", "cell-7"))
}

func TestUpdateAppChangesWhatIsGiven(t *testing.T) {
	h := newHouse(t)
	must(t, h.newApp(t, "cellar", "calm-gate"))
	h.forget(t)
	app, err := h.UpdateApp(t.Context(), h.admin, "quiet-garth", platform.AppChange{Maintenance: new(true)})
	must(t, err)
	same(t, []any{app.Name, app.Maintenance}, []any{"quiet-garth", true})
	same(t, h.said, []string{"Enable maintenance mode by user admin@example.com"})
	same(t, h.touched(t), []string{"app " + app.ID})

	app, err = h.UpdateApp(t.Context(), h.admin, "quiet-garth", platform.AppChange{Name: new("loud-garth"), BuildStack: new("debian-12")})
	must(t, err)
	same(t, []any{app.Name, app.Maintenance, app.Host}, []any{"loud-garth", true, "loud-garth-" + app.Label + ".apps.example"})
	_, err = h.App(t.Context(), h.admin, "quiet-garth")
	wantKind(t, err, cloister.NotFound)

	for _, bad := range []platform.AppChange{{Name: new("calm-gate")}, {Name: new("")}, {BuildStack: new("cedar-14")}} {
		_, err := h.UpdateApp(t.Context(), h.admin, "loud-garth", bad)
		wantKind(t, err, cloister.Invalid)
	}
}

func TestADestroyedAppIsGoneAndItsStepLooksOnce(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, "quiet-garth", "web")
	h.forget(t)
	app, err := h.DestroyApp(t.Context(), h.admin, "quiet-garth")
	must(t, err)
	same(t, h.touched(t), []string{"app " + app.ID, "space " + app.SpaceID})
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "app", ID: app.ID, Action: "destroy", Text: "quiet-garth"})
	_, err = h.App(t.Context(), h.admin, app.ID)
	wantKind(t, err, cloister.NotFound)
	must(t, h.newApp(t, "cellar", "quiet-garth")) // the name is free
}

func TestAppsAreListedByTheirIDsAsFarAsTheyAreSeen(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	must(t, h.newApp(t, "cellar", "loud-garth"))
	names := func(a cloister.Actor, ids ...string) (out []string) {
		all, err := h.AppsByID(ctx, a, ids)
		must(t, err)
		for _, x := range all {
			out = append(out, x.Name+" of "+x.Team.Name)
		}
		return out
	}
	quiet, err := h.App(ctx, h.admin, "quiet-garth")
	must(t, err)
	loud, err := h.App(ctx, h.admin, "loud-garth")
	must(t, err)
	same(t, names(h.admin, loud.ID, quiet.ID, "none"), []string{"loud-garth of acme", "quiet-garth of acme"})
	same(t, names(h.admin, loud.ID), []string{"loud-garth of acme"})
	same(t, names(h.views, loud.ID, quiet.ID), []string{"quiet-garth of acme"})
	same(t, names(h.stranger, quiet.ID), []string(nil))
	same(t, names(h.admin), []string(nil))
}

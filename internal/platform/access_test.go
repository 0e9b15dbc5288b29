package platform_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestPermissionsDoNotIncludeOneAnother(t *testing.T) {
	h := newHouse(t)
	name, on, stack := "loud-garth", true, "debian-12"
	for _, c := range []struct {
		change platform.AppChange
		may    []cloister.Actor
	}{
		{platform.AppChange{Name: &name}, []cloister.Actor{h.manages}},
		{platform.AppChange{Locked: &on}, []cloister.Actor{h.manages}},
		{platform.AppChange{Maintenance: &on}, []cloister.Actor{h.operates}},
		{platform.AppChange{BuildStack: &stack}, []cloister.Actor{h.deploys}},
		{platform.AppChange{Name: &name, Maintenance: &on}, nil},
		{platform.AppChange{Maintenance: &on, BuildStack: &stack}, nil},
	} {
		app, err := h.App(t.Context(), h.admin, "quiet-garth")
		must(t, err)
		for _, a := range []cloister.Actor{h.views, h.deploys, h.operates, h.manages} {
			_, err := h.UpdateApp(t.Context(), a, app.ID, c.change)
			want := cloister.Forbidden
			if slices.ContainsFunc(c.may, func(b cloister.Actor) bool { return b.Is(a.User.ID) }) {
				want = ""
			}
			if cloister.KindOf(err) != want {
				t.Errorf("%s: %+v: got %v, want %q", a.User.Email, c.change, err, want)
			}
		}
		h.update(t, func(tx *store.Tx) error { return tx.UpdateApp(app.App) })
	}
}

func TestALockedAppIsSeenByItsCollaboratorsAlone(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	lock := func(v bool) {
		_, err := h.UpdateApp(ctx, h.manages, "quiet-garth", platform.AppChange{Locked: &v})
		must(t, err)
	}
	lock(true)
	for _, a := range []cloister.Actor{h.member, h.viewer, h.creates} {
		_, err := h.App(ctx, a, "quiet-garth")
		wantKind(t, err, cloister.NotFound)
		_, _, err = h.AddCollaborator(ctx, a, "quiet-garth", a.User.Email, nil)
		wantKind(t, err, cloister.NotFound)
	}
	for _, a := range []cloister.Actor{h.admin, h.views, h.deploys} {
		app, err := h.App(ctx, a, "quiet-garth")
		must(t, err)
		same(t, app.Locked, true)
	}
	lock(false)
	_, err := h.App(ctx, h.viewer, "quiet-garth")
	must(t, err)
}

func TestTheListOfAppsIsThoseThatOneCanSee(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for i, name := range []string{"stone-abbey", "still-pond"} {
		_, err := h.CreateApp(ctx, h.admin, platform.AppSpec{Name: name, Space: "cellar", Locked: i == 0})
		must(t, err)
	}
	_, _, err := h.AddCollaborator(ctx, h.admin, "stone-abbey", h.viewer.User.Email, nil)
	must(t, err)
	all, err := h.Apps(ctx, h.admin, "", "")
	must(t, err)
	same(t, len(all), 3)
	for _, a := range []cloister.Actor{h.admin, h.member, h.viewer, h.views, h.deploys, h.stranger, h.operator, h.creates} {
		var seen, listed []string
		for _, app := range all {
			if got, err := h.App(ctx, a, app.ID); err == nil {
				seen = append(seen, got.Name)
			}
		}
		apps, err := h.Apps(ctx, a, "", "")
		must(t, err)
		for _, app := range apps {
			listed = append(listed, app.Name)
			same(t, app.Joined, a.Is(h.views.User.ID) || a.Is(h.deploys.User.ID) || a.Is(h.viewer.User.ID) && app.Name == "stone-abbey")
		}
		if !slices.Equal(seen, listed) {
			t.Errorf("%s sees %q and is shown %q", a.User.Email, seen, listed)
		}
	}
}

func TestJoinAndLeave(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	app, c, err := h.AddCollaborator(ctx, h.member, "quiet-garth", h.member.User.Email, nil)
	must(t, err)
	same(t, []any{c.Email, cloister.PermissionNames(c.Permissions)}, []any{"member@example.com", "view"})
	same(t, h.last(t), cloister.Event{Actor: "member@example.com", Kind: "collaborator", ID: c.ID, Action: "create", Text: "member@example.com may view quiet-garth"})
	got, err := h.App(ctx, h.member, "quiet-garth")
	must(t, err)
	same(t, got.Joined, true)
	_, _, err = h.AddCollaborator(ctx, h.member, "quiet-garth", h.member.User.Email, nil)
	wantKind(t, err, cloister.Invalid)

	// One does not make oneself, or a friend, more than one is.
	_, _, err = h.AddCollaborator(ctx, h.viewer, "quiet-garth", h.viewer.User.Email, []string{"deploy"})
	wantKind(t, err, cloister.Forbidden)
	_, _, err = h.UpdateCollaborator(ctx, h.member, "quiet-garth", h.member.User.Email, []string{"deploy"})
	wantKind(t, err, cloister.Forbidden)
	_, _, err = h.AddCollaborator(ctx, h.member, "quiet-garth", h.stranger.User.Email, nil)
	wantKind(t, err, cloister.Forbidden)
	_, _, err = h.RemoveCollaborator(ctx, h.member, "quiet-garth", h.deploys.User.Email)
	wantKind(t, err, cloister.Forbidden)

	_, _, err = h.RemoveCollaborator(ctx, h.member, app.ID, h.member.User.ID)
	must(t, err)
	_, _, err = h.RemoveCollaborator(ctx, h.member, app.ID, h.member.User.ID)
	wantKind(t, err, cloister.NotFound)
	_, _, err = h.RemoveCollaborator(ctx, h.views, app.ID, h.views.User.Email)
	must(t, err)
	_, err = h.App(ctx, h.views, "quiet-garth") // who has left sees no more
	wantKind(t, err, cloister.NotFound)
}

func TestBadPermissionsAreRefused(t *testing.T) {
	h := newHouse(t)
	before := len(h.events(t))
	for _, c := range []struct {
		user string
		may  []string
		want cloister.Kind
	}{
		{"nobody@example.com", nil, cloister.Invalid},
		{"'; DROP TABLE users; --", nil, cloister.Invalid},
		{"stranger@example.com", []string{"own"}, cloister.Invalid},
		{"stranger@example.com", []string{"create_apps"}, cloister.Invalid},
		{"deploys@example.com", []string{"deploy"}, cloister.Invalid}, // is one already
	} {
		_, _, err := h.AddCollaborator(t.Context(), h.admin, "quiet-garth", c.user, c.may)
		wantKind(t, err, c.want)
	}
	_, _, err := h.SetSpaceMember(t.Context(), h.admin, "cellar", "member@example.com", []string{"manage"})
	wantKind(t, err, cloister.Invalid)
	_, _, err = h.SetSpaceMember(t.Context(), h.admin, "cellar", "stranger@example.com", []string{"create_apps"})
	wantKind(t, err, cloister.NotFound)
	_, _, err = h.SetSpaceMember(t.Context(), h.admin, "cellar", "admin@example.com", nil)
	wantKind(t, err, cloister.Invalid)
	same(t, len(h.events(t)), before)
}

func TestWhoMakesAnAppMayDoAllWithIt(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	app, err := h.CreateApp(ctx, h.creates, platform.AppSpec{Name: "stone-abbey", Space: "cellar"})
	must(t, err)
	same(t, app.Joined, true)
	_, _, all, err := h.Collaborators(ctx, h.creates, "stone-abbey")
	must(t, err)
	same(t, []any{len(all), all[0].Email, cloister.PermissionNames(all[0].Permissions)}, []any{1, "creates@example.com", "deploy, manage, operate, view"})
	_, err = h.DestroyApp(ctx, h.creates, "stone-abbey")
	must(t, err)

	_, _, err = h.SetSpaceMember(ctx, h.admin, "cellar", h.creates.User.ID, nil)
	must(t, err)
	_, err = h.CreateApp(ctx, h.creates, platform.AppSpec{Space: "cellar"})
	wantKind(t, err, cloister.Forbidden)
	_, members, err := h.SpaceMembers(ctx, h.viewer, "cellar")
	must(t, err)
	for _, m := range members {
		same(t, []any{m.Email, len(m.Permissions)}, []any{m.Email, map[bool]int{true: 1}[m.Email == "admin@example.com"]})
	}
}

func TestATeamKeepsAnAdmin(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, err := h.SetMember(ctx, h.admin, "acme", "admin@example.com", cloister.Viewer)
	wantKind(t, err, cloister.Invalid)
	_, err = h.RemoveMember(ctx, h.admin, "acme", "admin@example.com")
	wantKind(t, err, cloister.Invalid)
	m, err := h.SetMember(ctx, h.admin, "acme", "Member@example.com", cloister.Admin)
	must(t, err)
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "team_membership", ID: m.ID, Action: "update", Text: "member@example.com is admin of acme"})

	// Both leave at once: one of them stays.
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, a := range []cloister.Actor{h.admin, h.member} {
		wg.Go(func() { _, errs[i] = h.RemoveMember(ctx, a, "acme", a.User.Email) })
	}
	wg.Wait()
	same(t, (errs[0] == nil) != (errs[1] == nil), true)
	_, err = h.SetMember(ctx, h.operator, "acme", "viewer@example.com", cloister.Admin)
	wantKind(t, err, cloister.NotFound)
}

func TestWhoLeavesATeamKeepsNothingOfIt(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, _, err := h.AddCollaborator(ctx, h.admin, "quiet-garth", h.creates.User.Email, []string{"deploy"})
	must(t, err)
	_, err = h.RemoveMember(ctx, h.creates, "acme", h.creates.User.Email)
	must(t, err)
	_, err = h.App(ctx, h.creates, "quiet-garth")
	wantKind(t, err, cloister.NotFound)
	_, err = h.AddMember(ctx, h.admin, "acme", h.creates.User.Email, cloister.MemberRole)
	must(t, err)
	_, err = h.CreateApp(ctx, h.creates, platform.AppSpec{Space: "cellar"}) // what one had does not come back
	wantKind(t, err, cloister.Forbidden)
	_, err = h.Config(ctx, h.creates, "quiet-garth")
	wantKind(t, err, cloister.Forbidden)
}

func TestASpaceGoesToAnotherTeamWithItsApps(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, err := h.TransferSpace(ctx, h.admin, "cellar", "other") // of which the actor is no member
	wantKind(t, err, cloister.NotFound)
	_, err = h.AddMember(ctx, h.stranger, "other", "admin@example.com", cloister.MemberRole)
	must(t, err)
	_, err = h.TransferSpace(ctx, h.admin, "cellar", "other") // a member is not enough
	wantKind(t, err, cloister.Forbidden)
	_, err = h.TransferSpace(ctx, h.admin, "cellar", "acme")
	wantKind(t, err, cloister.Invalid)
	_, err = h.SetMember(ctx, h.stranger, "other", "admin@example.com", cloister.Admin)
	must(t, err)
	_, err = h.AddMember(ctx, h.stranger, "other", h.deploys.User.Email, cloister.Viewer)
	must(t, err)

	h.forget(t)
	s, err := h.TransferSpace(ctx, h.admin, "cellar", "other")
	must(t, err)
	same(t, []any{s.Name, s.Team.Name}, []any{"cellar", "other"})
	same(t, h.touched(t), []string{"space " + s.ID})
	app, err := h.App(ctx, h.stranger, "quiet-garth")
	must(t, err)
	same(t, []any{app.Team.Name, app.Space.Name}, []any{"other", "cellar"})
	for _, a := range []cloister.Actor{h.member, h.viewer, h.creates, h.views, h.operates, h.manages} {
		_, err := h.App(ctx, a, "quiet-garth")
		wantKind(t, err, cloister.NotFound)
	}
	_, err = h.Config(ctx, h.deploys, "quiet-garth") // is in the new team, and keeps the permission
	must(t, err)
}

func TestASpaceStaysWhileItUsesWhatTheOtherTeamMayNot(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	offer := h.office.Offer(h.cellar).ID
	_, err := h.AcceptPeering(ctx, h.admin, "cellar", offer)
	must(t, err)
	team := h.newTeam(ctx, h.admin)
	_, err = h.TransferSpace(ctx, h.admin, "cellar", team)
	wantKind(t, err, cloister.Invalid)
	_, err = h.DestroyPeering(ctx, h.admin, "cellar", offer)
	must(t, err)
	_, err = h.TransferSpace(ctx, h.admin, "cellar", team)
	must(t, err)
}

func TestTeamsAreRenamedAndDestroyed(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, err := h.RenameTeam(ctx, h.admin, "acme", "other")
	wantKind(t, err, cloister.Invalid)
	_, err = h.RenameTeam(ctx, h.admin, "acme", "Not a Name")
	wantKind(t, err, cloister.Invalid)
	_, err = h.DestroyTeam(ctx, h.admin, "acme")
	wantKind(t, err, cloister.Invalid)
	team, err := h.RenameTeam(ctx, h.admin, "acme", "abbey")
	must(t, err)
	same(t, []any{team.Name, team.Role}, []any{"abbey", cloister.Admin})
	_, err = h.Team(ctx, h.viewer, "abbey")
	must(t, err)
	_, err = h.DestroyTeam(ctx, h.stranger, "other")
	must(t, err)
	_, err = h.Team(ctx, h.stranger, "other")
	wantKind(t, err, cloister.NotFound)
}

func TestPermissionsOfATeam(t *testing.T) {
	h := newHouse(t)
	all, err := h.Permissions(t.Context(), h.admin, "acme")
	must(t, err)
	var got []string
	for _, e := range all {
		for _, u := range e.Holders {
			got = append(got, e.Type+" "+e.Name+": "+u.Email+" "+cloister.PermissionNames(u.Permissions))
		}
	}
	same(t, got, []string{
		"app quiet-garth: admin@example.com deploy, manage, operate, view",
		"app quiet-garth: deploys@example.com deploy, view",
		"app quiet-garth: manages@example.com manage, view",
		"app quiet-garth: operates@example.com operate, view",
		"app quiet-garth: views@example.com view",
		"space cellar: admin@example.com create_apps",
		"space cellar: creates@example.com create_apps",
	})
}

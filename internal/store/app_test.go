package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestAppsAreFoundByIDAndByName(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		for _, ref := range []string{x.app.ID, "quiet-garth"} {
			same(t, read(t, s, func(tx *store.Tx) (cloister.App, error) { return tx.App(ref) }), x.app)
		}
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.App("loud-garth"); return err })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertApp(newApp(tx, "quiet-garth", x.space)) })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error {
			return tx.InsertApp(newApp(tx, "b", cloister.Space{ID: "gone", TeamID: x.team.ID}))
		})
	})
}

func TestAppsAreFilteredBySpaceTeamAndUser(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var other seeds
		update(t, s, func(tx *store.Tx) error {
			other = seeds{user: newUser(tx, "bob@example.com"), team: newTeam(tx, "abbey")}
			other.space = newSpace(tx, "attic", other.team.ID)
			other.app = newApp(tx, "calm-gate", other.space)
			if err := tx.InsertUser(other.user); err != nil {
				return err
			}
			if err := tx.InsertTeam(other.team); err != nil {
				return err
			}
			if err := tx.InsertSpace(other.space); err != nil {
				return err
			}
			if err := tx.InsertApp(other.app); err != nil {
				return err
			}
			return tx.InsertMember(cloister.Member{ID: cloister.NewID(), TeamID: other.team.ID, UserID: other.user.ID,
				Role: cloister.Admin, CreatedAt: tx.Now, UpdatedAt: tx.Now})
		})
		for name, test := range map[string]struct {
			filter store.AppFilter
			want   []cloister.App
		}{
			"all":                  {store.AppFilter{}, []cloister.App{other.app, x.app}},
			"space":                {store.AppFilter{Space: x.space.ID}, []cloister.App{x.app}},
			"team":                 {store.AppFilter{Team: other.team.ID}, []cloister.App{other.app}},
			"user":                 {store.AppFilter{User: other.user.ID}, []cloister.App{other.app}},
			"user without teams":   {store.AppFilter{User: x.user.ID}, nil},
			"space and team agree": {store.AppFilter{Space: other.space.ID, Team: other.team.ID, User: other.user.ID}, []cloister.App{other.app}},
			"space and team clash": {store.AppFilter{Space: x.space.ID, Team: other.team.ID}, nil},
		} {
			got := read(t, s, func(tx *store.Tx) ([]cloister.App, error) { return tx.Apps(test.filter) })
			t.Run(name, func(t *testing.T) { same(t, got, test.want) })
		}
		same(t, read(t, s, func(tx *store.Tx) (int, error) { return tx.CountApps(x.space.ID) }), 1)
		update(t, s, func(tx *store.Tx) error {
			x.app.Features, other.app.Features = map[string]bool{"a": true, "b": false}, map[string]bool{"b": true}
			return errors.Join(tx.UpdateApp(x.app), tx.UpdateApp(other.app))
		})
		for feature, want := range map[string][]string{"a": {x.app.ID}, "b": {other.app.ID}, "c": nil} {
			same(t, read(t, s, func(tx *store.Tx) ([]string, error) { return tx.AppsWith(feature) }), want)
		}
		same(t, read(t, s, func(tx *store.Tx) (int, error) { return tx.CountApps("empty") }), 0)
	})
}

func TestUpdateAppWritesWhatCanChangeAndNothingElse(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		p.clock.advance(time.Second)
		want := x.app
		want.Name, want.Stack, want.BuildStack, want.Detected = "warm-hall", "heroku-24", "heroku-22", "Node.js"
		want.Maintenance, want.Locked, want.Buildpacks = false, false, []cloister.Buildpack{}
		want.Config = map[string]cloister.Secret{}
		want.RepoSize, want.SlugSize, want.ReleasedAt, want.UpdatedAt = 0, 1, time.Time{}, p.clock.Now()
		changed := want
		changed.SpaceID, changed.TeamID, changed.Label, changed.InternalRouting, changed.CreatedAt = "x", "x", "x", false, time.Time{}
		update(t, s, func(tx *store.Tx) error { return tx.UpdateApp(changed) })
		same(t, read(t, s, func(tx *store.Tx) (cloister.App, error) { return tx.App("warm-hall") }), want)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.UpdateApp(cloister.App{ID: "gone"}) })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error {
			b := newApp(tx, "mellow-stair", x.space)
			if err := tx.InsertApp(b); err != nil {
				return err
			}
			b.Name = "warm-hall"
			return tx.UpdateApp(b)
		})
	})
}

func TestDeletingAnAppTakesAllItHasWithIt(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var slug cloister.Slug
		update(t, s, func(tx *store.Tx) error {
			slug = newSlug(tx, x.app, 1)
			if err := tx.InsertSlug(slug); err != nil {
				return err
			}
			if _, err := tx.AddRelease(x.app, cloister.Release{SlugID: slug.ID, Config: x.app.Config}, "Private-S"); err != nil {
				return err
			}
			if err := tx.InsertBuild(newBuild(tx, x.app)); err != nil {
				return err
			}
			return tx.PutDyno(newDyno(tx, x.app, "web", 1))
		})
		update(t, s, func(tx *store.Tx) error { return tx.DeleteApp(x.app.ID) })
		view(t, s, func(tx *store.Tx) error {
			releases, _ := tx.Releases(x.app.ID)
			builds, _ := tx.Builds(x.app.ID)
			dynos, _ := tx.SpaceDynos(x.space.ID)
			types, _ := tx.Formation(x.app.ID)
			images, err := tx.Images()
			if n := len(releases) + len(builds) + len(dynos) + len(types) + len(images); n != 0 {
				t.Errorf("%d rows of the app are left", n)
			}
			return err
		})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteApp(x.app.ID) })
	})
}

package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func newBuild(tx *store.Tx, app cloister.App) cloister.Build {
	return cloister.Build{ID: cloister.NewID(), AppID: app.ID, UserID: "u", UserEmail: "ada@example.com",
		Status: cloister.BuildPending, SourceURL: "https://example.com/src.tgz", Checksum: "SHA256:00", Version: "c0ffee",
		VersionText: "Brew", Stack: "debian-12", Buildpacks: []cloister.Buildpack{{Name: "heroku/go", URL: "heroku/go"}},
		Submodules: []cloister.Submodule{{Path: "lib", URL: "https://example.com/lib.git", Commit: "beef"}}, FromGit: true,
		CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

func TestBuildsArePendingUntilTheyAreFinished(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var first, second cloister.Build
		update(t, s, func(tx *store.Tx) error {
			second = newBuild(tx, x.app)
			second.CreatedAt = tx.Now.Add(time.Second)
			if err := tx.InsertBuild(second); err != nil {
				return err
			}
			first = newBuild(tx, x.app)
			return tx.InsertBuild(first)
		})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Build, error) { return tx.Build(first.ID) }), first)
		same(t, read(t, s, (*store.Tx).PendingBuilds), []cloister.Build{first, second})

		p.clock.advance(time.Minute)
		first.Status, first.Message, first.SlugID, first.ReleaseID = cloister.BuildSucceeded, "fine", "slug", "release"
		first.Buildpacks, first.UpdatedAt = []cloister.Buildpack{{Name: "heroku/go", URL: "https://example.com/go.tgz"}}, p.clock.Now()
		changed := first
		changed.SourceURL, changed.Canceled = "elsewhere", true // platform's columns
		update(t, s, func(tx *store.Tx) error { return tx.FinishBuild(changed) })
		update(t, s, func(tx *store.Tx) error { return tx.CancelBuild(second.ID) })
		second.Canceled = true
		same(t, read(t, s, (*store.Tx).PendingBuilds), []cloister.Build{second})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Build, error) { return tx.Builds(x.app.ID) }), []cloister.Build{first, second})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Build, error) { return tx.Builds("another app") }), []cloister.Build(nil))

		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Build("gone"); return err })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.FinishBuild(cloister.Build{ID: "gone"}) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.CancelBuild("gone") })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertBuild(newBuild(tx, cloister.App{ID: "gone"})) })
	})
}

func TestOneStackIsTheDefault(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		put := func(st cloister.Stack) {
			t.Helper()
			update(t, s, func(tx *store.Tx) error { return tx.PutStack(st) })
		}
		twelve := cloister.Stack{Name: "debian-12", RunImage: "sha256:r", BuildImage: "sha256:b", Default: true, CreatedAt: p.clock.Now()}
		put(twelve)
		p.clock.advance(time.Hour)
		thirteen := cloister.Stack{Name: "debian-13", RunImage: "sha256:R", BuildImage: "sha256:B", Default: true, CreatedAt: p.clock.Now()}
		put(thirteen)
		twelve.Default = false
		same(t, read(t, s, (*store.Tx).Stacks), []cloister.Stack{twelve, thirteen})
		twelve.RunImage, twelve.CreatedAt = "sha256:rebuilt", p.clock.Now()
		put(twelve)
		same(t, read(t, s, func(tx *store.Tx) (cloister.Stack, error) { return tx.Stack("debian-12") }), twelve)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Stack("cedar-14"); return err })
	})
}

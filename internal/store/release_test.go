package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestSlugsBelongToTheirApp(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var slug cloister.Slug
		update(t, s, func(tx *store.Tx) error {
			slug = newSlug(tx, x.app, 1)
			return tx.InsertSlug(slug)
		})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Slug, error) { return tx.Slug(x.app.ID, slug.ID) }), slug)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Slug("another app", slug.ID); return err })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertSlug(slug) })
	})
}

func TestSlugIsFilledOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var slug cloister.Slug
		update(t, s, func(tx *store.Tx) error {
			slug = newSlug(tx, x.app, 0)
			slug.Image, slug.Size, slug.Checksum = "", 0, ""
			return tx.InsertSlug(slug)
		})
		slug.Image, slug.Size, slug.Checksum = "sha256:a", 7, "SHA256:b"
		update(t, s, func(tx *store.Tx) error {
			slug.UpdatedAt = tx.Now
			return tx.FillSlug(slug)
		})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Slug, error) { return tx.Slug(x.app.ID, slug.ID) }), slug)
		again := slug
		again.Image = "sha256:b"
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.FillSlug(again) })
		same(t, read(t, s, func(tx *store.Tx) (cloister.Slug, error) { return tx.Slug(x.app.ID, slug.ID) }), slug)
	})
}

func TestImagesAreThoseOfSlugsAndStacks(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		update(t, s, func(tx *store.Tx) error {
			pending := newSlug(tx, x.app, 0)
			pending.Image = ""
			for _, slug := range []cloister.Slug{newSlug(tx, x.app, 1), newSlug(tx, x.app, 2), newSlug(tx, x.app, 2), pending} {
				if err := tx.InsertSlug(slug); err != nil {
					return err
				}
			}
			return tx.PutStack(cloister.Stack{Name: "debian-12", RunImage: "sha256:1", BuildImage: "sha256:b", CreatedAt: tx.Now})
		})
		got := read(t, s, (*store.Tx).Images)
		slices.Sort(got)
		same(t, got, []string{"sha256:1", "sha256:2", "sha256:b"})
	})
}

func TestReleasesCountUpAndTheNewestThatSucceededIsCurrent(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		same(t, read(t, s, func(tx *store.Tx) (int, error) { return tx.LastVersion(x.app.ID) }), 0)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.CurrentRelease(x.app.ID); return err })
		release := func(version int, status cloister.ReleaseStatus) cloister.Release {
			return cloister.Release{ID: cloister.NewID(), AppID: x.app.ID, Version: version, SlugID: "s", Description: "Deploy c0ffee",
				Config: map[string]cloister.Secret{"A": "1"}, UserID: x.user.ID, UserEmail: x.user.Email, Status: status,
				CreatedAt: p.clock.Now(), UpdatedAt: p.clock.Now()}
		}
		all := []cloister.Release{release(10, cloister.ReleasePending), release(9, cloister.ReleaseFailed),
			release(8, cloister.ReleaseSucceeded), release(2, cloister.ReleaseSucceeded)}
		update(t, s, func(tx *store.Tx) error {
			for _, r := range slices.Backward(all) {
				if err := tx.InsertRelease(r); err != nil {
					return err
				}
			}
			return nil
		})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Release, error) { return tx.Releases(x.app.ID) }), all)
		same(t, read(t, s, func(tx *store.Tx) (cloister.Release, error) { return tx.CurrentRelease(x.app.ID) }), all[2])
		same(t, read(t, s, func(tx *store.Tx) (cloister.Release, error) { return tx.Release(x.app.ID, all[1].ID) }), all[1])
		same(t, read(t, s, func(tx *store.Tx) (cloister.Release, error) { return tx.ReleaseByVersion(x.app.ID, 2) }), all[3])
		same(t, read(t, s, func(tx *store.Tx) (int, error) { return tx.LastVersion(x.app.ID) }), 10)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Release("another app", all[1].ID); return err })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.ReleaseByVersion(x.app.ID, 3); return err })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertRelease(release(8, cloister.ReleaseSucceeded)) })
	})
}

func TestAddReleaseMakesTheAppAndItsFormationFollow(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		p.clock.advance(time.Second)
		var first, second cloister.Release
		var slug cloister.Slug
		update(t, s, func(tx *store.Tx) (err error) {
			slug = newSlug(tx, x.app, 1)
			if err := tx.InsertSlug(slug); err != nil {
				return err
			}
			old := cloister.ProcessType{ID: cloister.NewID(), AppID: x.app.ID, Type: "clock", Command: "tick", Quantity: 2, Size: "Private-M", CreatedAt: tx.Now, UpdatedAt: tx.Now}
			if err := tx.PutProcessType(old); err != nil {
				return err
			}
			first, err = tx.AddRelease(x.app, cloister.Release{Description: "Initial release", Config: map[string]cloister.Secret{}}, "Private-S")
			return err
		})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.ProcessType, error) { return tx.Formation(x.app.ID) })[0].Type, "clock")
		update(t, s, func(tx *store.Tx) (err error) {
			app, err := tx.App(x.app.ID)
			if err != nil {
				return err
			}
			second, err = tx.AddRelease(app, cloister.Release{SlugID: slug.ID, Config: map[string]cloister.Secret{"B": "2"},
				Description: "Deploy c0ffee1", UserID: x.user.ID, UserEmail: x.user.Email}, "Private-S")
			return err
		})
		same(t, []int{first.Version, second.Version}, []int{1, 2})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Release, error) { return tx.CurrentRelease(x.app.ID) }), second)

		want := x.app
		want.Stack, want.SlugSize, want.Detected, want.Config = slug.Stack, slug.Size, slug.Detected, second.Config
		want.ReleasedAt, want.UpdatedAt = p.clock.Now(), p.clock.Now()
		same(t, read(t, s, func(tx *store.Tx) (cloister.App, error) { return tx.App(x.app.ID) }), want)

		types := read(t, s, func(tx *store.Tx) ([]cloister.ProcessType, error) { return tx.Formation(x.app.ID) })
		var got []string
		for _, pt := range types {
			got = append(got, pt.Type, pt.Command, string(rune('0'+pt.Quantity)), pt.Size)
		}
		same(t, got, []string{"web", "bin/web", "1", "Private-S", "worker", "bin/work", "0", "Private-S"})

		w, ok := work(t, s, "app", x.app.ID)
		if !ok || w.Rev != 2 {
			t.Errorf("the app was touched %d times, want twice", w.Rev)
		}
		events := read(t, s, func(tx *store.Tx) ([]cloister.Event, error) { return tx.Events(cloister.EventFilter{}, 10) })
		same(t, []string{events[1].Kind, events[1].ID, events[1].Action, events[1].Text},
			[]string{"release", second.ID, "create", "quiet-garth v2: Deploy c0ffee1"})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error {
			_, err := tx.AddRelease(x.app, cloister.Release{SlugID: "no such slug"}, "Private-S")
			return err
		})
	})
}

func TestDeployedAppsAreThoseWhoseCurrentReleaseHasCode(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		deployed := func() []string { return read(t, s, (*store.Tx).DeployedApps) }
		release := func(version int, slug string, status cloister.ReleaseStatus) {
			update(t, s, func(tx *store.Tx) error {
				return tx.InsertRelease(cloister.Release{ID: cloister.NewID(), AppID: x.app.ID, Version: version, SlugID: slug,
					Status: status, CreatedAt: tx.Now, UpdatedAt: tx.Now})
			})
		}
		same(t, deployed(), []string(nil))
		release(1, "", cloister.ReleaseSucceeded)
		release(2, "slug", cloister.ReleaseFailed)
		same(t, deployed(), []string(nil))
		release(3, "slug", cloister.ReleaseSucceeded)
		release(4, "", cloister.ReleaseFailed)
		same(t, deployed(), []string{x.app.ID})
	})
}

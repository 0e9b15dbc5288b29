package platform_test

import (
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestABuildTakesTheAppsBuildpacksAndStack(t *testing.T) {
	h := newHouse(t)
	packs := []cloister.Buildpack{{Name: "heroku/go", URL: "heroku/go"}}
	_, err := h.SetBuildpacks(t.Context(), h.admin, "quiet-garth", packs)
	must(t, err)
	app, b, err := h.CreateBuild(t.Context(), h.admin, "quiet-garth", platform.BuildSpec{SourceURL: "https://example.com/s.tgz",
		Checksum: "SHA256:00", Version: "c0ffee"})
	must(t, err)
	same(t, []any{b.Status, b.Stack, b.Buildpacks, b.UserEmail, b.AppID}, []any{cloister.BuildPending, "debian-12", packs, "admin@example.com", app.ID})
	same(t, h.touched(t), []string{"build " + b.ID})
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "build", ID: b.ID, Action: "create", Text: "quiet-garth c0ffee"})
	_, list, err := h.Builds(t.Context(), h.viewer, "quiet-garth")
	must(t, err)
	same(t, len(list), 1)

	own := []cloister.Buildpack{{Name: "heroku/nodejs", URL: "heroku/nodejs"}}
	_, b, err = h.CreateBuild(t.Context(), h.admin, "quiet-garth", platform.BuildSpec{SourceURL: "x", Buildpacks: own})
	must(t, err)
	same(t, b.Buildpacks, own)
}

func TestBuildsThatBreakARuleAreRefused(t *testing.T) {
	h := newHouse(t)
	for _, bad := range []platform.BuildSpec{{}, {SourceURL: "x", Checksum: "md5:00"}} {
		_, _, err := h.CreateBuild(t.Context(), h.admin, "quiet-garth", bad)
		wantKind(t, err, cloister.Invalid)
	}
	for _, bad := range []string{"", " ", "heroku/go heroku/nodejs", "a\nb"} {
		_, err := h.SetBuildpacks(t.Context(), h.admin, "quiet-garth", []cloister.Buildpack{{URL: bad}})
		wantKind(t, err, cloister.Invalid)
	}
}

func TestCancellingABuildTouchesItUnlessItIsFinished(t *testing.T) {
	h := newHouse(t)
	_, b, err := h.CreateBuild(t.Context(), h.admin, "quiet-garth", platform.BuildSpec{SourceURL: "x"})
	must(t, err)
	h.forget(t)
	_, b, err = h.CancelBuild(t.Context(), h.admin, "quiet-garth", b.ID)
	must(t, err)
	same(t, b.Canceled, true)
	same(t, h.touched(t), []string{"build " + b.ID})

	h.update(t, func(tx *store.Tx) error { b.Status = cloister.BuildSucceeded; return tx.FinishBuild(b) })
	h.forget(t)
	_, _, err = h.CancelBuild(t.Context(), h.admin, "quiet-garth", b.ID)
	must(t, err)
	same(t, h.touched(t), []string(nil))

	must(t, h.newApp(t, "cellar", "calm-gate"))
	_, _, err = h.CancelBuild(t.Context(), h.admin, "calm-gate", b.ID) // of another app
	wantKind(t, err, cloister.NotFound)
}

func TestAPushRecordsTheSizeOfTheRepository(t *testing.T) {
	h := newHouse(t)
	must(t, h.Pushed(t.Context(), h.admin, "quiet-garth", 5<<30))
	app, err := h.Repository(t.Context(), h.admin, "quiet-garth", true)
	must(t, err)
	same(t, app.RepoSize, int64(5<<30))
}

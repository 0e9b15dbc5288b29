package platform_test

import (
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestSlugIsReleasedOnceItHasAnArchive(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	app, s, err := h.CreateSlug(ctx, h.admin, "quiet-garth", platform.SlugSpec{ProcessTypes: map[string]string{"web": "serve"}, Commit: "c0ffee"})
	must(t, err)
	same(t, h.last(t), cloister.Event{Actor: h.admin.User.Email, Kind: "slug", ID: s.ID, Action: "create", Text: "quiet-garth c0ffee"})
	same(t, []any{s.AppID, s.Stack, s.Image, s.Size}, []any{app.ID, "debian-12", "", int64(0)})
	_, got, err := h.Slug(ctx, h.viewer, "quiet-garth", strings.ToUpper(s.ID))
	must(t, err)
	same(t, got, s)

	_, _, err = h.ReleaseSlug(ctx, h.admin, "quiet-garth", s.ID, "")
	wantKind(t, err, cloister.Invalid)
	s.Image = "sha256:a"
	must(t, h.store.Update(ctx, func(tx *store.Tx) error { return tx.FillSlug(s) }))
	_, r, err := h.ReleaseSlug(ctx, h.admin, "quiet-garth", s.ID, "")
	must(t, err)
	same(t, []any{r.SlugID, r.Description}, []any{s.ID, "Deploy c0ffee"})
}

func TestSlugsThatCanNotRunAreRefused(t *testing.T) {
	h := newHouse(t)
	before := len(h.events(t))
	web := map[string]string{"web": "serve"}
	many := map[string]string{}
	for i := range cloister.LimitProcessTypes.Default() + 1 {
		many[strings.Repeat("x", i+1)] = "run"
	}
	for name, in := range map[string]platform.SlugSpec{
		"no process types":    {},
		"too many":            {ProcessTypes: many},
		"a type with a space": {ProcessTypes: map[string]string{"we b": "serve"}},
		"no command":          {ProcessTypes: map[string]string{"web": " "}},
		"a short checksum":    {ProcessTypes: web, Checksum: "SHA256:abc"},
		"another checksum":    {ProcessTypes: web, Checksum: "MD5:" + strings.Repeat("a", 64)},
		"no such stack":       {ProcessTypes: web, Stack: "heroku-24"},
	} {
		if _, _, err := h.CreateSlug(t.Context(), h.admin, "quiet-garth", in); cloister.KindOf(err) != cloister.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	same(t, len(h.events(t)), before)
}

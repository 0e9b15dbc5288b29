package platform_test

import (
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

func (h *house) set(t *testing.T, change map[string]*cloister.Secret) (map[string]cloister.Secret, error) {
	t.Helper()
	return h.SetConfig(t.Context(), h.admin, "quiet-garth", change)
}

func value(s string) *cloister.Secret { return new(cloister.Secret(s)) }

func (h *house) newest(t *testing.T) cloister.Release {
	t.Helper()
	_, releases, err := h.Releases(t.Context(), h.admin, "quiet-garth")
	must(t, err)
	return releases[0]
}

func TestConfigVarsAreSetAndUnsetWithARelease(t *testing.T) {
	h := newHouse(t)
	slug := h.deploy(t, "quiet-garth", "web")
	h.forget(t)
	vars, err := h.set(t, map[string]*cloister.Secret{"B": value("2"), "A": value("1")})
	must(t, err)
	same(t, vars, map[string]cloister.Secret{"A": "1", "B": "2"})
	r := h.newest(t)
	same(t, []any{r.Version, r.Description, r.SlugID, r.Config}, []any{3, "Set A, B config vars", slug.ID, vars})
	same(t, h.said, []string{"Set A, B config vars by user admin@example.com", "Release v3 created by user admin@example.com"})
	same(t, h.touched(t), []string{"app " + r.AppID})

	vars, err = h.set(t, map[string]*cloister.Secret{"A": nil, "B": value("3"), "NEVER_SET": nil})
	must(t, err)
	same(t, vars, map[string]cloister.Secret{"B": "3"})
	r = h.newest(t)
	same(t, []any{r.Version, r.Description, r.SlugID}, []any{4, "Set B, Remove A config vars", slug.ID})

	now, err := h.Config(t.Context(), h.admin, "quiet-garth")
	must(t, err)
	same(t, now, vars)
	then, err := h.ReleaseConfig(t.Context(), h.admin, "quiet-garth", "3")
	must(t, err)
	same(t, then, map[string]cloister.Secret{"A": "1", "B": "2"})
}

func TestAChangeOfConfigVarsThatChangesNothingMakesNoRelease(t *testing.T) {
	h := newHouse(t)
	_, err := h.set(t, map[string]*cloister.Secret{"A": value("1")})
	must(t, err)
	h.forget(t)
	before := len(h.events(t))
	vars, err := h.set(t, map[string]*cloister.Secret{"A": value("1"), "B": nil})
	must(t, err)
	same(t, vars, map[string]cloister.Secret{"A": "1"})
	same(t, []any{h.newest(t).Version, len(h.events(t)), h.touched(t), h.said}, []any{2, before, []string(nil), []string(nil)})
}

func TestConfigVarsThatBreakARuleAreRefused(t *testing.T) {
	h := newHouse(t)
	for name, v := range map[string]string{"1A": "x", "A-B": "x", "": "x", "NUL": "a\x00b", "BIG": strings.Repeat("x", cloister.MaxConfig)} {
		_, err := h.set(t, map[string]*cloister.Secret{name: value(v), "FINE": value("x")})
		wantKind(t, err, cloister.Invalid)
		if strings.Contains(err.Error(), "xxx") {
			t.Error("the error shows the value")
		}
	}
	same(t, h.newest(t).Version, 1)
}

func TestSecretsAreNotInEventsOrLogs(t *testing.T) {
	h := newHouse(t)
	_, err := h.set(t, map[string]*cloister.Secret{"TOKEN": value("hunter2")})
	must(t, err)
	all := strings.Join(h.said, "\n")
	for _, e := range h.events(t) {
		all += e.Text
	}
	if !strings.Contains(all, "TOKEN") || strings.Contains(all, "hunter2") {
		t.Errorf("said: %s", all)
	}
}

func TestARollbackIsANewReleaseOfOldCodeAndOldConfigVars(t *testing.T) {
	h := newHouse(t)
	_, err := h.set(t, map[string]*cloister.Secret{"A": value("old")}) // v2, no code yet
	must(t, err)
	old := h.deploy(t, "quiet-garth", "web", "worker") // v3
	_, err = h.set(t, map[string]*cloister.Secret{"A": value("new")})
	must(t, err)
	h.deploy(t, "quiet-garth", "web") // v5
	h.forget(t)

	for _, bad := range []string{"1", "v2"} {
		_, _, err := h.Rollback(t.Context(), h.admin, "quiet-garth", bad)
		wantKind(t, err, cloister.Invalid)
	}
	for _, bad := range []string{"v9", "0", "-1", cloister.NewID(), "latest"} {
		_, _, err := h.Rollback(t.Context(), h.admin, "quiet-garth", bad)
		wantKind(t, err, cloister.NotFound)
	}
	_, three, err := h.Release(t.Context(), h.viewer, "quiet-garth", "v3")
	must(t, err)
	for i, ref := range []string{"3", "v3", strings.ToUpper(three.ID)} {
		_, r, err := h.Rollback(t.Context(), h.admin, "quiet-garth", ref)
		must(t, err)
		same(t, []any{r.Version, r.SlugID, r.Config, r.Description, r.Status},
			[]any{6 + i, old.ID, map[string]cloister.Secret{"A": "old"}, "Rollback to v3", cloister.ReleaseSucceeded})
	}
	vars, err := h.Config(t.Context(), h.admin, "quiet-garth")
	must(t, err)
	same(t, vars, map[string]cloister.Secret{"A": "old"})
	_, types, err := h.Formation(t.Context(), h.admin, "quiet-garth")
	must(t, err)
	same(t, []any{len(types), types[1].Type}, []any{2, "worker"}) // which v5 had dropped
	same(t, h.touched(t), []string{"app " + three.AppID})
	same(t, h.said[:2], []string{"Rollback to v3 by user admin@example.com", "Release v6 created by user admin@example.com"})
}

func TestReleasesOfAnotherAppAreMissing(t *testing.T) {
	h := newHouse(t)
	slug := h.deploy(t, "quiet-garth", "web")
	must(t, h.newApp(t, "cellar", "calm-gate"))
	_, _, err := h.Rollback(t.Context(), h.admin, "calm-gate", h.newest(t).ID)
	wantKind(t, err, cloister.NotFound)
	_, _, err = h.ReleaseSlug(t.Context(), h.admin, "calm-gate", slug.ID, "")
	wantKind(t, err, cloister.NotFound)
	_, _, err = h.Slug(t.Context(), h.admin, "calm-gate", slug.ID)
	wantKind(t, err, cloister.NotFound)
}

func TestADeployIsDescribedByItsCommit(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, "quiet-garth", "web")
	same(t, h.newest(t).Description, "Deploy c0ffee01")
}

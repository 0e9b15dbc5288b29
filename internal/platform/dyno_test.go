package platform_test

import (
	"slices"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestRestartReplacesAllOrATypeOrOne(t *testing.T) {
	for target, want := range map[string][]string{
		"":         {"web.1", "web.2", "worker.1"},
		"web":      {"web.1", "web.2"},
		"worker.1": {"worker.1"},
	} {
		h := newHouse(t)
		for _, d := range []struct {
			typ    string
			number int
		}{{"web", 1}, {"web", 2}, {"worker", 1}} {
			h.addDyno(t, "quiet-garth", d.typ, d.number)
		}
		app, err := h.Restart(t.Context(), h.admin, "quiet-garth", target)
		must(t, err)
		same(t, h.restarting(t), want)
		same(t, h.touched(t), []string{"app " + app.ID})
	}
}

func TestRestartByIDFindsTheDynoThatRuns(t *testing.T) {
	h := newHouse(t)
	old, now := h.addDyno(t, "quiet-garth", "web", 1), h.addDyno(t, "quiet-garth", "web", 1)
	h.update(t, func(tx *store.Tx) error { old.RetireAt = tx.Now; return tx.PutDyno(old) })
	for _, missing := range []string{old.ID, cloister.NewID(), "web.7", "web.0", "clock"} {
		_, err := h.Restart(t.Context(), h.admin, "quiet-garth", missing)
		wantKind(t, err, cloister.NotFound)
	}
	same(t, h.restarting(t), []string(nil))
	_, err := h.Restart(t.Context(), h.admin, "quiet-garth", now.ID)
	must(t, err)
	same(t, h.restarting(t), []string{"web.1"})
}

func (h *house) restarting(t *testing.T) (out []string) {
	t.Helper()
	_, dynos, err := h.Dynos(t.Context(), h.viewer, "quiet-garth")
	must(t, err)
	for _, d := range dynos {
		if d.Restart {
			out = append(out, d.Name())
		}
	}
	slices.Sort(out)
	return out
}

func TestDynosOnTheirWayOutAreNotShown(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, "quiet-garth", "web")
	old, now := h.addDyno(t, "quiet-garth", "web", 1), h.addDyno(t, "quiet-garth", "web", 1)
	h.update(t, func(tx *store.Tx) error { old.RetireAt = tx.Now; return tx.PutDyno(old) })
	for _, ref := range []string{"web.1", now.ID} {
		_, d, err := h.Dyno(t.Context(), h.viewer, "quiet-garth", ref)
		must(t, err)
		same(t, d.ID, now.ID)
	}
	_, _, err := h.Dyno(t.Context(), h.viewer, "quiet-garth", old.ID)
	wantKind(t, err, cloister.NotFound)
	_, apps, err := h.SpaceDynos(t.Context(), h.viewer, "cellar")
	must(t, err)
	same(t, []any{len(apps), apps[0].Name, len(apps[0].Dynos), len(apps[0].Formation)}, []any{1, "quiet-garth", 1, 1})
}

func TestWhatRunsOfALockedAppIsNotForAllOfTheTeam(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, "quiet-garth", "web")
	locked := true
	_, err := h.UpdateApp(t.Context(), h.admin, "quiet-garth", platform.AppChange{Locked: &locked})
	must(t, err)
	for _, who := range []struct {
		a    cloister.Actor
		sees int
	}{{h.admin, 1}, {h.member, 0}, {h.viewer, 0}} {
		_, apps, err := h.SpaceDynos(t.Context(), who.a, "cellar")
		must(t, err)
		same(t, len(apps), who.sees)
	}
}

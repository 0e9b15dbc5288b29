package platform_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (h *house) scale(t *testing.T, app string, changes ...platform.Scaling) (string, error) {
	t.Helper()
	_, types, err := h.Scale(t.Context(), h.admin, app, changes)
	out := ""
	for _, p := range types {
		out += fmt.Sprintf("%s=%d:%s ", p.Type, p.Quantity, p.Size)
	}
	return out, err
}

func TestAFirstDeployStartsOneWebDynoAndNothingElse(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, "quiet-garth", "web", "worker")
	_, types, err := h.Formation(t.Context(), h.viewer, "quiet-garth")
	must(t, err)
	var got []string
	for _, p := range types {
		got = append(got, fmt.Sprintf("%s=%d:%s", p.Type, p.Quantity, p.Size))
	}
	same(t, got, []string{"web=1:Private-S", "worker=0:Private-S"})
}

func TestTheReleaseTypeHasASizeAndNoDynos(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, "quiet-garth", "web")
	slug := h.deploy(t, "quiet-garth", "web", "release")
	_, r, err := h.Release(t.Context(), h.admin, "quiet-garth", "v3")
	must(t, err)
	if r.Status != cloister.ReleasePending || !r.Phase {
		t.Errorf("it is %+v before its command has run", r)
	}
	got, err := h.scale(t, "quiet-garth", platform.Scaling{Type: "release", Size: new("private-m")})
	must(t, err)
	same(t, got, "release=0:Private-M web=1:Private-S ")
	_, err = h.scale(t, "quiet-garth", platform.Scaling{Type: "release", Quantity: new(1)})
	wantKind(t, err, cloister.Invalid)
	if !slices.Contains(h.said, "Running release v3 commands by user admin@example.com") {
		t.Errorf("said %q", h.said)
	}

	// What is changed meanwhile is of the code that is on its way.
	value := cloister.Secret("1")
	_, err = h.SetConfig(t.Context(), h.admin, "quiet-garth", map[string]*cloister.Secret{"A": &value})
	must(t, err)
	_, newest, err := h.Release(t.Context(), h.admin, "quiet-garth", "v4")
	must(t, err)
	if newest.SlugID != slug.ID || newest.Status != cloister.ReleasePending {
		t.Errorf("v4 is %+v", newest)
	}
}

func TestScalingIsAbsoluteOrRelativeAndAllOrNothing(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, "quiet-garth", "web", "worker")
	h.forget(t)
	got, err := h.scale(t, "quiet-garth", platform.Scaling{Type: "web", Quantity: new(3), Size: new("private-m")},
		platform.Scaling{Type: "worker", Quantity: new(2), Relative: true})
	must(t, err)
	same(t, got, "web=3:Private-M worker=2:Private-S ")
	same(t, h.said, []string{"Scaled to web@3:Private-M worker@2:Private-S by user admin@example.com"})
	app, err := h.App(t.Context(), h.admin, "quiet-garth")
	must(t, err)
	same(t, h.touched(t), []string{"app " + app.ID})
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "formation", ID: app.ID, Action: "update", Text: "web@3:Private-M worker@2:Private-S"})

	for _, bad := range []platform.Scaling{
		{Type: "web", Quantity: new(-1)},
		{Type: "web", Quantity: new(11)},
		{Type: "web", Quantity: new(-4), Relative: true},
		{Type: "web", Quantity: new(8), Relative: true},
		{Type: "web", Quantity: new(math.MaxInt), Relative: true},
		{Type: "web", Size: new("eco")},
		{Type: "web", Size: new("Shield-S")},
	} {
		_, err := h.scale(t, "quiet-garth", platform.Scaling{Type: "worker", Quantity: new(0)}, bad)
		wantKind(t, err, cloister.Invalid)
	}
	_, err = h.scale(t, "quiet-garth", platform.Scaling{Type: "worker", Quantity: new(0)}, platform.Scaling{Type: "clock", Quantity: new(1)})
	wantKind(t, err, cloister.NotFound)
	got, err = h.scale(t, "quiet-garth")
	must(t, err)
	same(t, got, "web=3:Private-M worker=2:Private-S ") // worker was never stopped
}

func TestASpaceHasAHundredDynosAtMost(t *testing.T) {
	h := newHouse(t)
	var changes []platform.Scaling
	var types []string
	for i := range 10 {
		types = append(types, fmt.Sprintf("type-%d", i))
		changes = append(changes, platform.Scaling{Type: types[i], Quantity: new(cloister.LimitDynosPerType.Default())})
	}
	h.deploy(t, "quiet-garth", append(types, "extra")...)
	_, err := h.scale(t, "quiet-garth", changes...)
	must(t, err)
	_, err = h.scale(t, "quiet-garth", platform.Scaling{Type: "extra", Quantity: new(1)})
	wantKind(t, err, cloister.Invalid)

	must(t, h.newApp(t, "cellar", "calm-gate"))
	h.deploy(t, "calm-gate", "web") // a first deploy still starts its one web dyno: 101
	_, err = h.scale(t, "calm-gate", platform.Scaling{Type: "web", Quantity: new(2)})
	wantKind(t, err, cloister.Invalid)
	// What is over the limit may shrink, and move between types, but not grow.
	_, err = h.scale(t, "quiet-garth", platform.Scaling{Type: "type-0", Quantity: new(9)}, platform.Scaling{Type: "extra", Quantity: new(1)})
	must(t, err)
	_, err = h.scale(t, "quiet-garth", platform.Scaling{Type: "type-1", Quantity: new(8)})
	must(t, err)
	_, err = h.scale(t, "calm-gate", platform.Scaling{Type: "web", Quantity: new(2)})
	must(t, err)

	must(t, h.newSpace(t, "tower"))
	must(t, h.newApp(t, "tower", "warm-hall"))
	h.deploy(t, "warm-hall", "web")
	_, err = h.scale(t, "warm-hall", platform.Scaling{Type: "web", Quantity: new(10)}) // the limit is the space's
	must(t, err)
}

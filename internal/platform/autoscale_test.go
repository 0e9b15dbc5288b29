package platform_test

import (
	"slices"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestAProcessTypeIsScaledByItself(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, "quiet-garth", "web", "worker")
	set := func(processType string, c platform.AutoscaleChange) (cloister.Autoscale, error) {
		t.Helper()
		_, a, err := h.SetAutoscale(t.Context(), h.admin, "quiet-garth", processType, c)
		return a, err
	}
	_, none, err := h.Autoscale(t.Context(), h.viewer, "quiet-garth", "web")
	must(t, err)
	if none != nil {
		t.Errorf("at first it is %+v", none)
	}

	h.forget(t)
	a, err := set("web", platform.AutoscaleChange{Min: new(1), Max: new(4)})
	must(t, err)
	same(t, a.Latency, time.Second)
	same(t, h.touched(t), []string{"autoscale " + a.ID})
	same(t, h.last(t).Text, "Autoscale web between 1 and 4, p95 below 1000 ms")
	b, err := set("web", platform.AutoscaleChange{Latency: new(300 * time.Millisecond), CPU: new(70)})
	must(t, err)
	same(t, []any{b.ID, b.Active, b.Min, b.Max, b.Latency, b.CPU}, []any{a.ID, true, 1, 4, 300 * time.Millisecond, 70})
	_, seen, err := h.Autoscale(t.Context(), h.viewer, "quiet-garth", "web")
	must(t, err)
	same(t, *seen, b)

	for name, c := range map[string]struct {
		typ    string
		change platform.AutoscaleChange
		kind   cloister.Kind
	}{
		"over the limit": {"web", platform.AutoscaleChange{Max: new(11)}, cloister.Invalid},
		"backwards":      {"web", platform.AutoscaleChange{Min: new(5)}, cloister.Invalid},
		"worker by p95":  {"worker", platform.AutoscaleChange{Min: new(1), Max: new(2), Latency: new(time.Second)}, cloister.Invalid},
		"by nothing":     {"worker", platform.AutoscaleChange{Min: new(1), Max: new(2)}, cloister.Invalid},
		"no such type":   {"clock", platform.AutoscaleChange{Min: new(1), Max: new(2), CPU: new(50)}, cloister.NotFound},
	} {
		if _, err := set(c.typ, c.change); cloister.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, seen, err = h.Autoscale(t.Context(), h.viewer, "quiet-garth", "web")
	must(t, err)
	same(t, *seen, b)

	// A size changes nothing; a quantity by hand ends it.
	_, err = h.scale(t, "quiet-garth", platform.Scaling{Type: "web", Size: new("Private-M")})
	must(t, err)
	_, seen, err = h.Autoscale(t.Context(), h.viewer, "quiet-garth", "web")
	must(t, err)
	same(t, seen.Active, true)
	_, err = h.scale(t, "quiet-garth", platform.Scaling{Type: "web", Quantity: new(2)})
	must(t, err)
	_, seen, err = h.Autoscale(t.Context(), h.viewer, "quiet-garth", "web")
	must(t, err)
	same(t, seen.Active, false)
	if !slices.Contains(h.said, "Disable autoscaling of web, as it was scaled by user admin@example.com") {
		t.Errorf("said %q", h.said)
	}
}

func TestErrorsAreThoseOfATimeAndAProcessType(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, "quiet-garth", "web")
	app, _, err := h.Formation(t.Context(), h.admin, "quiet-garth")
	must(t, err)
	hour := h.clock().UTC().Truncate(time.Hour)
	h12 := cloister.ErrorCount{AppID: app.ID, Code: "H12", Hour: hour, Count: 2}
	r14 := cloister.ErrorCount{AppID: app.ID, Type: "web", Code: "R15", Hour: hour, Count: 1}
	h.update(t, func(tx *store.Tx) error {
		old := h12
		old.Hour = hour.Add(-48 * time.Hour)
		for _, c := range []cloister.ErrorCount{h12, r14, old} {
			if err := tx.AddErrorCount(c); err != nil {
				return err
			}
		}
		return nil
	})
	for processType, want := range map[string][]cloister.ErrorCount{"": {h12}, "web": {r14}, "worker": nil} {
		_, got, err := h.Errors(t.Context(), h.viewer, "quiet-garth", processType, hour.Add(-23*time.Hour+time.Minute), hour.Add(time.Minute))
		must(t, err)
		same(t, got, want)
	}
}

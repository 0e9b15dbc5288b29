package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/plan"
)

// budget is how many of n dynos may be down because of us.
func budget(w *world, n int) int {
	if w.Preboot {
		return n / 4
	}
	return max(1, n/4)
}

// drawWorld makes a world in which every dyno has its own delay.
func drawWorld(rt *rapid.T) *world {
	w := newWorld()
	w.Preboot = rapid.Bool().Draw(rt, "preboot")
	w.Rollback = rapid.Bool().Draw(rt, "rollback")
	w.stubborn = rapid.Bool().Draw(rt, "stubborn")
	boots := rapid.SliceOfN(rapid.IntRange(0, 50), 1, 12).Draw(rt, "boot seconds")
	w.boot = func(d cloister.Dyno) time.Duration {
		var n int
		fmt.Sscanf(d.ID, "dyno-%d", &n)
		return time.Duration(boots[n%len(boots)]) * time.Second
	}
	return w
}

// Releases, restarts and waiting alone never take more than the budget down.
func TestFormationKeepsThreeQuartersUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		n := rapid.IntRange(1, 40).Draw(rt, "n")
		w.scale("web", n)
		w.release()
		if err := w.run(time.Hour, nil); err != nil {
			rt.Fatal(err)
		}
		check := func() error {
			if up := w.up("web"); up < n-budget(w, n) {
				return fmt.Errorf("only %d of %d are up", up, n)
			}
			return nil
		}
		if err := check(); err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 5).Draw(rt, "releases") {
			if rapid.Bool().Draw(rt, "restart") {
				for i := range w.Dynos {
					w.Dynos[i].Restart = true
				}
				w.due = w.now
			} else {
				w.release()
			}
			pause := time.Duration(rapid.IntRange(0, 300).Draw(rt, "pause")) * time.Second
			if err := w.run(pause, check); err != nil {
				rt.Fatal(err)
			}
		}
		if err := w.run(10*time.Hour, check); err != nil {
			rt.Fatal(err)
		}
		atRest(rt, w)
	})
}

// Whatever happens, each plan keeps the rules; and when nothing happens any more, all comes to rest as wanted.
func TestFormationKeepsItsRulesWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		var broken error
		w.before = func(p plan.Plan) {
			if err := keepsTheRules(w, p); err != nil && broken == nil {
				broken = fmt.Errorf("%w\nplan %+v\nrows %+v", err, p, w.Dynos)
			}
		}
		check := func() error { return broken }
		w.release()
		for range rapid.IntRange(1, 25).Draw(rt, "actions") {
			switch rapid.SampledFrom([]string{"scale", "release", "crash", "zone", "declare", "restart", "drop type", "lose"}).Draw(rt, "action") {
			case "scale":
				w.scale(rapid.SampledFrom([]string{"web", "worker"}).Draw(rt, "type"), rapid.IntRange(0, 40).Draw(rt, "quantity"))
			case "release":
				w.release()
			case "crash":
				w.crash(rapid.IntRange(0, 100).Draw(rt, "victim"))
			case "zone":
				w.fail(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "zone"), rapid.Bool().Draw(rt, "healthy"))
			case "declare":
				w.declare(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "zone"), rapid.Bool().Draw(rt, "healthy"))
			case "restart":
				if len(w.Dynos) > 0 {
					w.Dynos[rapid.IntRange(0, 100).Draw(rt, "dyno")%len(w.Dynos)].Restart = true
					w.due = w.now
				}
			case "drop type":
				w.scale("worker", -1)
			case "lose":
				if len(w.Dynos) > 0 {
					delete(w.workloads, w.Dynos[rapid.IntRange(0, 100).Draw(rt, "lost")%len(w.Dynos)].ID)
					w.due = w.now
				}
			}
			pause := time.Duration(rapid.IntRange(0, 120).Draw(rt, "pause")) * time.Second
			if err := w.run(pause, check); err != nil {
				rt.Fatal(err)
			}
		}
		for _, zone := range []string{"a", "b", "c"} {
			w.fail(zone, true)
		}
		if err := w.run(200*time.Hour, check); err != nil {
			rt.Fatal(err)
		}
		atRest(rt, w)
	})
}

// keepsTheRules checks a plan by itself, before it is carried out.
func keepsTheRules(w *world, p plan.Plan) error {
	after := map[string]cloister.Dyno{}
	for _, d := range w.Dynos {
		after[d.ID] = d
	}
	for _, d := range p.Put {
		after[d.ID] = d
	}
	type place struct {
		typ    string
		number int
	}
	wanted, up, was := map[place]int{}, map[place]bool{}, map[place]bool{}
	for _, d := range w.Dynos {
		s := w.workloads[d.ID]
		alive := s != nil && s.Phase == engine.Running && !zoneLost(w, d.Zone)
		if d.State == cloister.DynoUp && !d.Retired() && alive {
			was[place{d.Type, d.Number}] = true
		}
	}
	for _, d := range after {
		if d.Retired() {
			continue
		}
		at := place{d.Type, d.Number}
		wanted[at]++
		up[at] = up[at] || d.State == cloister.DynoUp
		if d.Number < 1 || d.Number > w.quantity(d.Type) {
			return fmt.Errorf("%s is wanted, but is not in the formation", d.Name())
		}
	}
	for at, n := range wanted {
		if n > 2 || n == 2 && !up[at] {
			return fmt.Errorf("%d dynos are wanted as %s.%d", n, at.typ, at.number)
		}
	}
	for _, d := range p.Start {
		if d.Number > w.quantity(d.Type) {
			return fmt.Errorf("%s is started, but is not in the formation", d.Name())
		}
		if zoneLost(w, d.Zone) {
			return fmt.Errorf("%s is started in a lost zone", d.Name())
		}
	}
	for id, s := range w.workloads {
		if zoneLost(w, s.Zone) && s.Phase == engine.Running && !slices.Contains(p.Drop, id) {
			return fmt.Errorf("%s runs on in a lost zone", id)
		}
	}
	for _, t := range w.Types {
		taken, down := 0, 0
		for i := range t.Quantity {
			at := place{t.Type, i + 1}
			if !up[at] {
				down++
				if was[at] {
					taken++
				}
			}
		}
		if taken > 0 && down > budget(w, t.Quantity) {
			return fmt.Errorf("the plan takes %d of %s down, which makes %d of %d", taken, t.Type, down, t.Quantity)
		}
	}
	return nil
}

func zoneLost(w *world, zone string) bool {
	lost, healthy := false, false
	for _, z := range w.Zones {
		lost = lost || z.Name == zone && !z.Healthy
		healthy = healthy || z.Healthy
	}
	return lost && healthy
}

// atRest checks that everything is as it is wanted, and that nobody wants to look again.
func atRest(rt *rapid.T, w *world) {
	n := 0
	for _, t := range w.Types {
		n += t.Quantity
		if up := w.up(t.Type); up != t.Quantity {
			rt.Fatalf("at rest %d of %d %s are up", up, t.Quantity, t.Type)
		}
		zones := map[string]int{"a": 0, "b": 0, "c": 0}
		for _, d := range w.Dynos {
			if d.Type == t.Type {
				zones[d.Zone]++
			}
		}
		for a, na := range zones {
			for b, nb := range zones {
				if na-nb > 1 {
					rt.Fatalf("at rest %s has %d in zone %s and %d in %s", t.Type, na, a, nb, b)
				}
			}
		}
	}
	if len(w.Dynos) != n || len(w.workloads) != n {
		rt.Fatalf("at rest there are %d rows and %d workloads for %d dynos", len(w.Dynos), len(w.workloads), n)
	}
	for _, d := range w.Dynos {
		if d.ReleaseID != w.Release.ID || d.State != cloister.DynoUp || d.Restart {
			rt.Fatalf("at rest %+v", d)
		}
	}
	if !w.due.IsZero() {
		rt.Fatalf("at rest somebody wants to look again in %v", w.due.Sub(w.now))
	}
}

package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cloister-dev/cloister"
)

// breaks has the dynos of all releases from v on fail: they crash at once, or never listen.
func breaks(w *world, v int, deaf bool) {
	boot, life := w.boot, w.life
	w.boot = func(d cloister.Dyno) time.Duration {
		if d.Version >= v {
			return time.Hour
		}
		return boot(d)
	}
	w.life = func(d cloister.Dyno) time.Duration {
		if d.Version >= v && !deaf {
			return time.Second
		}
		return life(d)
	}
}

// of counts the dynos of a release that are up.
func (w *world) of(version int) (n int) {
	for _, d := range w.Dynos {
		if d.Version == version && d.State == cloister.DynoUp && !d.Retired() {
			n++
		}
	}
	return n
}

func TestWhenAReleaseDoesNotComeUp(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		deaf, rollback, preboot bool
		quantity                int
		up                      int // of the release before, at the worst
		back                    []string
	}{
		"it crashes and is rolled back":          {false, true, true, 8, 6, []string{"v1"}},
		"it is deaf and is rolled back":          {true, true, true, 8, 6, []string{"v1"}},
		"a single dyno keeps serving":            {false, true, true, 1, 1, []string{"v1"}},
		"a single deaf one keeps serving":        {true, true, true, 1, 1, []string{"v1"}},
		"it stops rolling without rollback":      {false, false, true, 8, 6, nil},
		"it is deaf, and stops without rollback": {true, false, true, 8, 6, nil},
		"without preboot":                        {false, true, false, 4, 3, []string{"v1"}},
		"nothing is left to go back to":          {false, true, false, 1, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := deployed(t, x.quantity)
			w.Rollback, w.Preboot = x.rollback, x.preboot
			breaks(w, 2, x.deaf)
			w.release()
			least, touched := x.quantity, map[int]bool{}
			if err := w.run(3*time.Minute, func() error {
				for _, d := range w.Dynos {
					if d.Version == 2 {
						touched[d.Number] = true
					}
				}
				if w.Release.Version == 2 {
					least = min(least, w.of(1))
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if least < x.up || !slices.Equal(w.backs, x.back) {
				t.Errorf("at the worst %d of v1 were up, want %d; gone back to %v, want %v", least, x.up, w.backs, x.back)
			}
			if most := max(1, x.quantity/4); len(touched) > most {
				t.Errorf("%d slots were tried, want %d", len(touched), most)
			}
			if said := slices.ContainsFunc(w.log, func(l string) bool { return strings.HasPrefix(l, "api: Release v2 stops rolling: web.") }); said != (x.back == nil && x.up > 0) {
				t.Errorf("it is said that rolling stops: %v", said)
			}
		})
	}
}

func TestARollbackIsNotRolledBack(t *testing.T) {
	t.Parallel()
	w := deployed(t, 4)
	breaks(w, 2, false) // and so does v3, which is v1 again: it is not the release that is at fault
	w.release()
	if err := w.run(time.Hour, nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.backs, []string{"v1"}) || w.Release.Version != 3 || w.of(1) < 3 {
		t.Errorf("gone back to %v, at v%d, with %d of v1 up", w.backs, w.Release.Version, w.of(1))
	}
}

func TestACrashOfAReleaseThatWasUpIsNoReasonToGoBack(t *testing.T) {
	t.Parallel()
	w := deployed(t, 4)
	w.boot = func(cloister.Dyno) time.Duration { return 30 * time.Second }
	w.release()
	if err := w.run(40*time.Second, nil); err != nil { // the first of v2 are up
		t.Fatal(err)
	}
	if w.of(2) == 0 || w.of(1) == 0 {
		t.Fatalf("%d of v1 and %d of v2 are up", w.of(1), w.of(2))
	}
	for _, s := range w.workloads {
		if s.Listening {
			s.end(w.now, 1)
		}
	}
	w.due = w.now
	settle(t, w)
	if len(w.backs) != 0 || w.of(2) != 4 {
		t.Errorf("gone back to %v; %d of v2 are up", w.backs, w.of(2))
	}
}

// However many dynos there are, and however they fail: those of the release before stay but for the budget.
func TestAReleaseThatDoesNotComeUpLeavesThreeQuarters(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld()
		w.Preboot, w.Rollback = rapid.Bool().Draw(rt, "preboot"), rapid.Bool().Draw(rt, "rollback")
		n := rapid.IntRange(1, 40).Draw(rt, "n")
		w.scale("web", n)
		w.release()
		if err := w.run(time.Hour, nil); err != nil {
			rt.Fatal(err)
		}
		breaks(w, 2, rapid.Bool().Draw(rt, "deaf"))
		w.release()
		if err := w.run(5*time.Hour, func() error {
			if up := w.up("web"); up < n-budget(w, n) {
				return fmt.Errorf("only %d of %d are up", up, n)
			}
			return nil
		}); err != nil {
			rt.Fatal(err)
		}
		if kept := n - budget(w, n); w.Rollback && kept > 0 != slices.Equal(w.backs, []string{"v1"}) {
			rt.Fatalf("%d of %d stayed up, and it went back to %v", kept, n, w.backs)
		}
	})
}

func TestDailyRestarts(t *testing.T) {
	t.Parallel()
	w := deployed(t, 4)
	if p := w.step(); p.Again != 0 {
		t.Errorf("without them, it looks again in %v", p.Again)
	}
	w.Daily = true
	first := slices.Clone(w.Dynos)
	w.due = w.now
	least := 4
	if err := w.run(30*time.Hour, func() error {
		if w.now.Sub(first[0].UpAt) < 24*time.Hour && w.Dynos[0].ID != first[0].ID {
			return fmt.Errorf("a dyno was replaced before a day was over")
		}
		least = min(least, w.up("web"))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, d := range w.Dynos {
		if slices.ContainsFunc(first, func(o cloister.Dyno) bool { return o.ID == d.ID }) {
			t.Errorf("%s was not replaced", d.Name())
		}
	}
	if least < 3 || !slices.Contains(w.log, "web.1: Cycling") || slices.Contains(w.log, "web.1: Restarting") {
		t.Errorf("at the worst %d were up; log %v", least, w.log)
	}
}

func TestAnAppHasItsOwnBootTimeout(t *testing.T) {
	t.Parallel()
	for seconds, late := range map[int]bool{0: true, 70: true, 120: false} {
		w := newWorld()
		w.App.BootTimeout = time.Duration(seconds) * time.Second
		w.boot = func(cloister.Dyno) time.Duration { return 100 * time.Second }
		w.scale("web", 1)
		w.release()
		if err := w.run(110*time.Second, nil); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("web.1: Error R10 (Boot timeout) -> Web process failed to bind to $PORT within %d seconds of launch", int(w.App.Boots().Seconds()))
		if said := slices.Contains(w.log, text); said != late || w.up("web") == 1 == late {
			t.Errorf("%d seconds: %v", seconds, w.log)
		}
	}
}

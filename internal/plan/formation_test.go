package plan_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
)

// deployed is a world in which n web dynos of the first release are up.
func deployed(t *testing.T, n int) *world {
	t.Helper()
	w := newWorld()
	w.scale("web", n)
	w.release()
	settle(t, w)
	if w.up("web") != n {
		t.Fatalf("%d of %d are up", w.up("web"), n)
	}
	w.log = nil
	return w
}

func settle(t *testing.T, w *world) {
	t.Helper()
	if err := w.run(10*time.Minute, nil); err != nil {
		t.Fatal(err)
	}
}

func wantLog(t *testing.T, w *world, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.log); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestAFirstReleaseStartsItsFormation(t *testing.T) {
	w := newWorld()
	w.scale("web", 1)
	w.release()
	settle(t, w)
	wantLog(t, w, "web.1: Starting process with command `run web`", "web.1: State changed from starting to up")
	if len(w.Dynos) != 1 || w.Dynos[0].Version != 1 || !w.due.IsZero() {
		t.Errorf("rows %+v, next look %v", w.Dynos, w.due)
	}
}

func TestNothingRunsBeforeTheFirstDeploy(t *testing.T) {
	w := newWorld()
	w.scale("web", 3)
	w.Release = cloister.Release{ID: "v1", Version: 1}
	settle(t, w)
	if len(w.Dynos) != 0 {
		t.Errorf("rows %+v", w.Dynos)
	}
}

func TestTheReleaseTypeIsNeverPartOfTheFormation(t *testing.T) {
	w := newWorld()
	w.scale("release", 1)
	w.release()
	settle(t, w)
	if len(w.Dynos) != 0 {
		t.Errorf("rows %+v", w.Dynos)
	}
}

func TestDynosAreSpreadOverZonesByProcessType(t *testing.T) {
	w := newWorld()
	w.scale("web", 7)
	w.scale("worker", 3)
	w.release()
	settle(t, w)
	count := map[string]int{}
	for _, d := range w.Dynos {
		count[d.Type+" "+d.Zone]++
	}
	for _, zone := range []string{"a", "b", "c"} {
		if n := count["web "+zone]; n < 2 || n > 3 || count["worker "+zone] != 1 {
			t.Errorf("zone %s: %v", zone, count)
		}
	}
}

func TestAReleaseRollsAQuarterAtATime(t *testing.T) {
	for _, c := range []struct {
		n, least, most int // dynos wanted, dynos up at least, rows at most
		preboot        bool
	}{
		{1, 1, 2, true}, {2, 2, 3, true}, {3, 3, 4, true}, {4, 3, 5, true}, {8, 6, 10, true}, {40, 30, 50, true},
		{1, 0, 2, false}, {2, 1, 3, false}, {4, 3, 5, false}, {9, 7, 11, false},
	} {
		w := deployed(t, c.n)
		w.Preboot = c.preboot
		w.release()
		least := c.n
		err := w.run(time.Hour, func() error { least = min(least, w.up("web")); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if least != c.least {
			t.Errorf("n=%d preboot=%v: %d were up at the worst, want %d", c.n, c.preboot, least, c.least)
		}
		if w.up("web") != c.n || len(w.Dynos) != c.n || slices.ContainsFunc(w.Dynos, func(d cloister.Dyno) bool { return d.Version != 2 }) {
			t.Errorf("n=%d preboot=%v: the rollout did not finish: %+v", c.n, c.preboot, w.Dynos)
		}
	}
}

func TestASingleDynoIsReplacedWithoutAGap(t *testing.T) {
	w := deployed(t, 1)
	w.release()
	settle(t, w)
	wantLog(t, w,
		"web.1: Restarting",
		"web.1: Starting process with command `run web`",
		"web.1: State changed from starting to up",
		"web.1: Stopping all processes with SIGTERM",
		"web.1: Process exited with status 143")
}

func TestAReplacedDynoSaysSo(t *testing.T) {
	w := deployed(t, 4)
	w.Dynos[1].Restart = true
	w.due = w.now
	settle(t, w)
	wantLog(t, w,
		"web.2: Restarting",
		"web.2: State changed from up to starting",
		"web.2: Starting process with command `run web`",
		"web.2: Stopping all processes with SIGTERM",
		"web.2: Process exited with status 143",
		"web.2: State changed from starting to up")
}

func TestABrokenReleaseStopsAtItsFirstDyno(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 8} {
		w := deployed(t, n)
		w.life = func(d cloister.Dyno) time.Duration {
			if d.Version == 2 {
				return time.Second
			}
			return 0
		}
		w.release()
		if err := w.run(6*time.Hour, nil); err != nil {
			t.Fatal(err)
		}
		if up := w.up("web"); up < n-n/4 {
			t.Errorf("n=%d: only %d are up", n, up)
		}
		w.release() // the repair
		if err := w.run(time.Hour, nil); err != nil {
			t.Fatal(err)
		}
		if w.up("web") != n || len(w.Dynos) != n {
			t.Errorf("n=%d: the repair did not roll out: %+v", n, w.Dynos)
		}
	}
}

func TestScalingDownTakesTheHighestNumbers(t *testing.T) {
	w := deployed(t, 5)
	w.scale("web", 2)
	settle(t, w)
	var left []string
	for _, d := range w.Dynos {
		left = append(left, d.Name())
	}
	slices.Sort(left)
	if !slices.Equal(left, []string{"web.1", "web.2"}) {
		t.Errorf("left are %v", left)
	}
	if w.log[0] != "web.3: State changed from up to down" {
		t.Errorf("log: %v", w.log)
	}
}

func TestATypeThatLeftTheFormationStops(t *testing.T) {
	w := newWorld()
	w.scale("web", 1)
	w.scale("worker", 2)
	w.release()
	settle(t, w)
	w.scale("worker", -1)
	settle(t, w)
	if len(w.Dynos) != 1 || len(w.workloads) != 1 {
		t.Errorf("rows %+v", w.Dynos)
	}
}

func TestACrashRestartsAtOnceAndThenCoolsOff(t *testing.T) {
	w := newWorld()
	w.scale("worker", 1)
	w.life = func(cloister.Dyno) time.Duration { return time.Second }
	w.release()
	start := w.now
	var starts []time.Duration
	w.before = func(p plan.Plan) {
		for range p.Start {
			starts = append(starts, w.now.Sub(start).Round(time.Minute))
		}
	}
	if err := w.run(100*time.Hour, nil); err != nil {
		t.Fatal(err)
	}
	m := time.Minute
	want := []time.Duration{0, 0, 10 * m, 30 * m, 70 * m, 150 * m, 310 * m, 630 * m, 1270 * m, 2550 * m, 3990 * m, 5430 * m}
	if diff := cmp.Diff(want, starts); diff != "" {
		t.Errorf("starts (-want +got):\n%s", diff)
	}
	if w.log[0] != "worker.1: Starting process with command `run worker`" || !slices.Contains(w.log, "worker.1: State changed from crashed to starting") {
		t.Errorf("log: %q", w.log[:6])
	}
}

func TestACrashIsLogged(t *testing.T) {
	w := deployed(t, 1)
	w.crash(0)
	settle(t, w)
	wantLog(t, w,
		"web.1: Process exited with status 1",
		"web.1: State changed from up to crashed",
		"web.1: State changed from crashed to starting",
		"web.1: Starting process with command `run web`",
		"web.1: State changed from starting to up")
}

func TestADynoThatLivedLongRestartsAtOnce(t *testing.T) {
	w := newWorld()
	w.scale("worker", 1)
	w.life = func(cloister.Dyno) time.Duration { return 11 * time.Minute }
	w.release()
	starts := 0
	w.before = func(p plan.Plan) { starts += len(p.Start) }
	if err := w.run(115*time.Minute, nil); err != nil {
		t.Fatal(err)
	}
	if starts != 11 {
		t.Errorf("%d starts in 115 minutes, want 11", starts)
	}
}

func TestAWebProcessThatDoesNotBindItsPortIsKilled(t *testing.T) {
	w := newWorld()
	w.boot = func(cloister.Dyno) time.Duration { return time.Hour }
	w.scale("web", 1)
	w.release()
	if err := w.run(63*time.Second, nil); err != nil {
		t.Fatal(err)
	}
	wantLog(t, w,
		"web.1: Starting process with command `run web`",
		"web.1: Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch",
		"web.1: Stopping process with SIGKILL",
		"web.1: Process exited with status 137",
		"web.1: State changed from starting to crashed",
		"web.1: State changed from crashed to starting",
		"web.1: Starting process with command `run web`")
}

func TestAProcessThatIgnoresSIGTERMIsKilled(t *testing.T) {
	w := deployed(t, 1)
	w.stubborn = true
	w.scale("web", 0)
	began := w.now
	settle(t, w)
	wantLog(t, w,
		"web.1: State changed from up to down",
		"web.1: Stopping all processes with SIGTERM",
		"web.1: Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM",
		"web.1: Stopping remaining processes with SIGKILL",
		"web.1: Process exited with status 137")
	if len(w.Dynos) != 0 || len(w.workloads) != 0 || w.now.Sub(began) < plan.Grace {
		t.Errorf("rows %+v, workloads %v", w.Dynos, w.workloads)
	}
}

func TestAWebDynoIsStoppedOnlyWhenItHasDrained(t *testing.T) {
	w := deployed(t, 1)
	drained := false
	w.Drained = func(cloister.Dyno) bool { return drained }
	w.scale("web", 0)
	if err := w.run(20*time.Second, nil); err != nil {
		t.Fatal(err)
	}
	if d := w.Dynos[0]; !d.Retired() || !d.StopAt.IsZero() {
		t.Errorf("it was stopped while it answers: %+v", d)
	}
	drained = true
	if err := w.run(time.Second, nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(w.log, "web.1: Stopping all processes with SIGTERM") {
		t.Errorf("it was not stopped: %v", w.log)
	}
}

func TestDrainingHasALimit(t *testing.T) {
	w := deployed(t, 1)
	w.Drained = func(cloister.Dyno) bool { return false }
	w.scale("web", 0)
	settle(t, w)
	if len(w.Dynos) != 0 {
		t.Errorf("it drains for ever: %+v", w.Dynos)
	}
}

func TestWorkersStopAtOnce(t *testing.T) {
	w := newWorld()
	w.Drained = func(cloister.Dyno) bool { return false }
	w.scale("worker", 1)
	w.release()
	settle(t, w)
	w.scale("worker", 0)
	if p := w.step(); len(p.Stop) != 1 || p.Stop[0].Grace != plan.Grace {
		t.Errorf("plan %+v", p)
	}
}

func TestALostDynoIsReplacedElsewhere(t *testing.T) {
	w := deployed(t, 6)
	w.fail("b", false)
	settle(t, w)
	if w.up("web") != 6 {
		t.Fatalf("%d are up", w.up("web"))
	}
	for _, d := range w.Dynos {
		if d.Zone == "b" {
			t.Errorf("%s is in the lost zone", d.Name())
		}
	}
	w.fail("b", true)
	least := 6
	if err := w.run(time.Hour, func() error { least = min(least, w.up("web")); return nil }); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, d := range w.Dynos {
		count[d.Zone]++
	}
	if count["a"] != 2 || count["b"] != 2 || least < 5 {
		t.Errorf("after the zone came back: %v, at the worst %d up", count, least)
	}
}

func TestNothingMovesWhileNoZoneIsHealthy(t *testing.T) {
	w := deployed(t, 2)
	for i := range w.Zones {
		w.Zones[i].Healthy = false // the engine says so, yet everything runs
	}
	w.release()
	settle(t, w)
	if w.up("web") != 2 || len(w.Dynos) != 2 {
		t.Errorf("rows %+v", w.Dynos)
	}
}

func TestAStartThatWasCutOffIsRepeated(t *testing.T) {
	w := newWorld()
	w.scale("web", 1)
	w.release()
	w.Dynos = plan.Formation(w.State, w.now).Put // recorded; then the server died
	p := w.step()
	if len(p.Start) != 1 || p.Start[0].ID != w.Dynos[0].ID || len(w.Dynos) != 1 {
		t.Errorf("plan %+v", p)
	}
}

func TestAStartThatWasCutOffIsNotRepeatedForAnOldRelease(t *testing.T) {
	w := newWorld()
	w.scale("web", 1)
	w.release()
	w.Dynos = plan.Formation(w.State, w.now).Put
	w.release()
	p := w.step()
	if len(p.Start) != 1 || p.Start[0].Version != 2 || len(w.Dynos) != 1 || w.Dynos[0].Version != 2 {
		t.Errorf("plan %+v", p)
	}
}

func TestWorkloadsWithoutARowAreDropped(t *testing.T) {
	w := deployed(t, 1)
	w.start(cloister.Dyno{ID: "stray", Type: "web", Zone: "a"})
	if p := w.step(); !slices.Equal(p.Drop, []string{"stray"}) {
		t.Errorf("plan %+v", p)
	}
}

func TestAQuietFormationIsLeftAlone(t *testing.T) {
	w := deployed(t, 5)
	p := w.step()
	if diff := cmp.Diff(plan.Plan{}, p); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestThePlanDoesNotDependOnTheOrderOfItsInput(t *testing.T) {
	w := deployed(t, 9)
	w.release()
	w.step()
	for _, s := range w.workloads {
		w.Seen = append(w.Seen, s.Status)
	}
	ids := func() func() string {
		n := 0
		return func() string { n++; return strings.Repeat("n", n) }
	}
	w.NewID = ids()
	first := plan.Formation(w.State, w.now)
	slices.Reverse(w.State.Dynos)
	slices.Reverse(w.State.Seen)
	slices.Reverse(w.State.Types)
	slices.Reverse(w.State.Zones)
	w.NewID = ids()
	if diff := cmp.Diff(first, plan.Formation(w.State, w.now), cmp.Comparer(func(a, b cloister.Dyno) bool { return a == b })); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
}

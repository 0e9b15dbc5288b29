package live

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local"
	"github.com/cloister-dev/cloister/internal/engine/remote"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// perSecond is how many requests come meanwhile, in three ways.
const perSecond = 300

// TestRequestsOutliveEverything has an app of six web dynos answer 300 requests a second while everything happens to it that
// an operator does, or suffers, one after another. No request is lost but those that dynos of a lost zone were answering,
// and those that a router which is killed had in its hands and whose clients do not ask again.
func TestRequestsOutliveEverything(t *testing.T) {
	s := Start(t)
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}}
	w.deploy(t, "lasting", "lasting-app")
	w.Cloister(t, "ps:scale", "web=6", "--app", "lasting-app")
	w.settled(t, "lasting-app", 6, w.version(t, "lasting-app"))
	u := &upheaval{world: w, app: "lasting-app"}

	u.during(t, "a release", func() { w.push(t, u.app, "second"); w.Cloister(t, "ps:wait", "--app", u.app) })
	u.during(t, "config:set", func() { w.Cloister(t, "config:set", "COLOUR=green", "--app", u.app) })
	u.during(t, "ps:restart", func() { w.Cloister(t, "ps:restart", "--app", u.app) })
	lost := u.fullestZone(t)
	u.began = time.Now()
	u.during(t, "the loss of zone "+lost, func() {
		w.Cloister(t, "zones:fail", lost, "--confirm", lost)
		u.forgiven = time.Now()
		Eventually(t, 30*time.Second, "no dyno is in zone "+lost, func() bool { return w.zones(t, u.app)[lost] == 0 })
	})
	u.during(t, "its return", func() {
		w.Cloister(t, "zones:heal", lost)
		Eventually(t, time.Minute, "dynos are in all zones", func() bool { return len(w.zones(t, u.app)) == 3 })
	})
	hung := u.fullestZone(t)
	u.began = time.Now()
	u.during(t, "the hanging of zone "+hung, func() {
		thaw := u.freeze(t, hung)
		Eventually(t, 10*time.Second, "it is seen", func() bool {
			return strings.Contains(w.Cloister(t, "zones"), "none of its nodes has been healthy since")
		})
		u.forgiven = time.Now()
		Eventually(t, 30*time.Second, "six dynos are up elsewhere", func() bool { return u.upOutside(t, hung) == 6 })
		t.Logf("six dynos were up outside of zone %s %v after it hung", hung, time.Since(u.began).Round(time.Millisecond))
		thaw()
		Eventually(t, time.Minute, "dynos are in all zones", func() bool { return len(w.zones(t, u.app)) == 3 })
	})
	for _, process := range []string{"control", "node"} {
		u.during(t, "the death of "+process, func() { w.Kill(t, process); w.Cloister(t, "server", "--wait", "60s") })
	}
	u.began = time.Now()
	u.during(t, "the death of the router", func() { u.forgiven = time.Now().Add(100 * time.Millisecond); w.Kill(t, "router") })
	newer := filepath.Join(t.TempDir(), "cloister")
	u.during(t, "an upgrade", func() {
		buildAs(t, newer, "9.9.9")
		old := map[string]int{}
		for _, process := range []string{"node", "control", "router"} {
			old[process] = w.PID(t, process)
		}
		w.run(t, nil, newer, "server", "--upgrade")
		for process, pid := range old {
			if now := w.PID(t, process); now == pid || now == 0 {
				t.Errorf("%s, process %d, was not replaced", process, pid)
			}
		}
	})
}

// An upheaval is what happens to an app under load.
type upheaval struct {
	*world
	app string

	// Requests that were under way when something began, and failed before forgiven, are not blamed.
	began, forgiven time.Time
}

// during does something under load, waits until the app is whole again, and then counts what was lost.
func (u *upheaval) during(t *testing.T, what string, do func()) {
	t.Helper()
	url := u.url(t, u.app) + "/"
	secure := strings.Replace(url[:strings.LastIndex(url, ":")], "http:", "https:", 1) + "/"
	loads := []*Load{
		StartLoad(Client(u.HTTP), perSecond*2/3, url),
		StartLoad(fresh(Client(u.HTTP)), perSecond/6, url),
		StartLoad(fresh(Client(u.HTTPS)), perSecond/6, secure),
	}
	start := time.Now()
	do()
	u.settled(t, u.app, 6, u.version(t, u.app))
	took := time.Since(start)
	Eventually(t, 30*time.Second, "enough requests were sent to prove something", func() bool { return loads[0].Sent() >= 2*perSecond })
	sent, forgiven := 0, 0
	for _, load := range loads {
		n, failed := load.Stop()
		sent += n
		for _, f := range failed {
			if f.Start.Before(u.forgiven) && f.End.After(u.began) {
				forgiven++
				continue
			}
			t.Errorf("lost during %s: %s", what, f)
		}
	}
	u.began, u.forgiven = time.Time{}, time.Time{}
	t.Logf("%s, whole again after %v: %d requests, %d were in the hands of what was lost", what, took.Round(time.Millisecond), sent, forgiven)
	if forgiven > perSecond {
		t.Errorf("%d requests can not have been under way", forgiven)
	}
}

// fullestZone is the zone that most dynos of the app are in.
func (u *upheaval) fullestZone(t *testing.T) string {
	t.Helper()
	most, all := "a", u.zones(t, u.app)
	for zone, n := range all {
		if n > all[most] {
			most = zone
		}
	}
	return most
}

// upOutside counts the dynos that listen outside of a zone.
func (u *upheaval) upOutside(t *testing.T, zone string) (n int) {
	t.Helper()
	for _, s := range u.workloads(t, u.app) {
		if s.Zone != zone && s.Listening {
			n++
		}
	}
	return n
}

// freeze keeps everything in a zone from running, until thaw.
func (w *world) freeze(t *testing.T, zone string) (thaw func()) {
	t.Helper()
	file, frozen, thawed := local.Config{Name: w.Name}.ZoneFreezer(zone)
	write := func(word string) {
		if err := os.WriteFile(file, []byte(word), 0); err != nil {
			t.Fatal(err)
		}
	}
	write(frozen)
	return func() { write(thawed) }
}

// zones counts what the engine runs of an app in each zone.
func (w *world) zones(t *testing.T, app string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, s := range w.workloads(t, app) {
		out[s.Zone]++
	}
	return out
}

// workloads are what the engine runs of an app.
func (w *world) workloads(t *testing.T, app string) []engine.Status {
	t.Helper()
	a, err := w.api.App(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := remote.Dial(filepath.Join(w.Run, "node.sock")).List(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// buildAs builds the program as another version.
func buildAs(t *testing.T, to, version string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-X main.version="+version, "-o", to, "./cmd/cloister")
	cmd.Dir, cmd.Env = Root(t), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

package live

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/engine/remote"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// TestAZoneIsLostAndHealed gives up the zone that most dynos are in, under load: they are gone from it at once, others
// take their place, and only requests that they were answering are lost. Once it is healed they spread again, by the
// rolling rule.
func TestAZoneIsLostAndHealed(t *testing.T) {
	s := Start(t)
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}}
	w.deploy(t, "zoned", "zoned-app")
	version := w.version(t, "zoned-app")
	w.settled(t, "zoned-app", 4, version)
	before := w.zones(t, "zoned-app")
	lost := "a"
	for zone, n := range before {
		if n > before[lost] {
			lost = zone
		}
	}

	load := StartLoad(w.url(t, "zoned-app")+"/", w.HTTP, 100)
	began := time.Now()
	w.Cloister(t, "zones:fail", lost, "--confirm", lost)
	told := time.Now()
	Eventually(t, 30*time.Second, "no dyno is in zone "+lost, func() bool { return w.zones(t, "zoned-app")[lost] == 0 })
	gone := time.Since(began)
	w.settled(t, "zoned-app", 4, version)
	up := time.Since(began)
	if after := w.zones(t, "zoned-app"); len(after) != 2 || after[lost] != 0 {
		t.Errorf("dynos are in %v", after)
	}
	sent, failed := load.Stop()
	t.Logf("zone %s with %d of 4 dynos: gone after %v, all up again after %v; of %d requests %d failed", lost, before[lost],
		gone.Round(time.Millisecond), up.Round(time.Millisecond), sent, len(failed))
	for _, f := range failed {
		if f[:12] > told.Format("15:04:05.000") {
			t.Errorf("lost long after: %s", f)
		}
	}

	load = StartLoad(w.url(t, "zoned-app")+"/", w.HTTP, 100)
	w.Cloister(t, "zones:heal", lost)
	Eventually(t, time.Minute, "dynos are in all zones", func() bool { return len(w.zones(t, "zoned-app")) == 3 })
	w.settled(t, "zoned-app", 4, version)
	sent, failed = load.Stop()
	t.Logf("healed: of %d requests %d failed", sent, len(failed))
	for _, f := range failed {
		t.Errorf("lost while dynos spread: %s", f)
	}
}

// zones counts what the engine runs of an app in each zone.
func (w *world) zones(t *testing.T, app string) map[string]int {
	t.Helper()
	a, err := w.api.App(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := remote.Dial(filepath.Join(w.Run, "node.sock")).List(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, s := range seen {
		out[s.Zone]++
	}
	return out
}

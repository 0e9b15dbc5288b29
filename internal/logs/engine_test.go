package logs

import (
	"context"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/fake"
)

func TestCollectorOnAnEngineThroughARestartOfControl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, dir := fake.New(fake.Config{}), t.TempDir()
		space := engine.Space{ID: "space", Dynos: netip.MustParsePrefix("10.0.0.0/16"), Data: netip.MustParsePrefix("172.23.0.0/20")}
		if err := e.EnsureSpace(t.Context(), space); err != nil {
			t.Fatal(err)
		}
		w := engine.Workload{ID: "dyno", Owner: "a", Space: "space", Subnet: engine.Dynos, Zone: "a", Command: []string{"fake", "tick"}}
		if err := e.Start(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		for range 5 { // it says 1, 2, 3, … every 50 ms all the time
			l := open(t, Config{Dir: dir})
			c := NewCollector(l, e, silent)
			c.Ensure("dyno", "a", "web.1")
			time.Sleep(time.Second)
			c.Close()
			closing(t, l)
			time.Sleep(time.Second)
		}
		l := open(t, Config{Dir: dir})
		c := NewCollector(l, e, silent)
		c.Ensure("dyno", "a", "web.1")
		if err := e.Stop(t.Context(), "dyno", time.Second); err != nil {
			t.Fatal(err)
		}
		drain, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		equal(t, c.Drain(drain, "dyno"), nil)
		if err := e.Drop(t.Context(), "dyno"); err != nil {
			t.Fatal(err)
		}
		c.Drop("dyno")
		got := texts(l, "a", Filter{Dyno: "web.1"}, 1500, 0)
		if len(got) < 180 {
			t.Errorf("%d lines", len(got))
		}
		for i, text := range got {
			if text != strconv.Itoa(i+1) {
				t.Fatalf("line %d is %q", i+1, text)
			}
		}
		c.Close()
		closing(t, l)
	})
}

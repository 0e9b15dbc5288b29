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

// A cabinet is an add-on with two slots that clients come to, of which the first that runs is the primary, one that they do not come to, and the machine that runs it.
type cabinet struct {
	now    time.Time
	rows   []cloister.Instance
	runs   []engine.Status
	zones  []plan.Zone
	want   []plan.Slot
	state  cloister.AddonState
	ids    int
	broken map[string]bool // slots whose runs end before they are ready
}

func newCabinet() *cabinet {
	c := &cabinet{now: time.Unix(1e9, 0), state: cloister.Provisioning, broken: map[string]bool{}}
	for _, z := range []string{"a", "b", "c"} {
		c.zones = append(c.zones, plan.Zone{Name: z, Healthy: true})
	}
	for _, s := range []string{"0", "1", "2"} {
		c.want = append(c.want, plan.Slot{Name: s, Serve: s != "2", Mark: "m"})
	}
	return c
}

// step plans, and does what the plan says.
func (c *cabinet) step(t interface{ Fatalf(string, ...any) }) plan.DataPlan {
	looks, role := map[string]plan.Look{}, "primary"
	for _, r := range c.runs {
		switch slot := r.Labels["slot"]; {
		case r.Phase != engine.Running:
		case slot == "2":
			looks[slot] = plan.Look{Ready: true}
		default:
			looks[slot] = plan.Look{Ready: true, Role: role}
			role = "standby"
		}
	}
	p := plan.Data(plan.DataState{Addon: cloister.Addon{ID: "addon", State: c.state}, Want: c.want, Instances: c.rows, Seen: c.runs, Looks: looks, Zones: c.zones,
		NewID: func() string { c.ids++; return fmt.Sprint("w", c.ids) }}, c.now)
	c.rows = p.Instances
	for _, s := range p.Stop {
		c.exit(s.ID)
	}
	c.runs = slices.DeleteFunc(c.runs, func(r engine.Status) bool { return slices.Contains(p.Drop, r.ID) })
	for _, i := range p.Start {
		for _, r := range c.runs {
			if r.Labels["slot"] == i.Slot && r.ID != i.Workload {
				t.Fatalf("two runs of slot %s would have one volume", i.Slot)
			}
		}
		mark := ""
		for _, s := range c.want {
			if s.Name == i.Slot {
				mark = s.Mark
			}
		}
		if !slices.ContainsFunc(c.runs, func(r engine.Status) bool { return r.ID == i.Workload }) {
			c.runs = append(c.runs, engine.Status{ID: i.Workload, Zone: i.Zone, Phase: engine.Running, StartedAt: c.now, Labels: map[string]string{"slot": i.Slot, plan.MarkLabel: mark}})
		}
		if c.broken[i.Slot] {
			c.exit(i.Workload)
		}
	}
	return p
}

func (c *cabinet) exit(id string) {
	for i := range c.runs {
		if c.runs[i].ID == id && c.runs[i].Phase != engine.Exited {
			c.runs[i].Phase, c.runs[i].ExitedAt = engine.Exited, c.now
		}
	}
}

// settle lets time pass until nothing is to be done but to watch.
func (c *cabinet) settle(t interface{ Fatalf(string, ...any) }) (p plan.DataPlan) {
	for range 200 {
		p = c.step(t)
		if len(p.Put)+len(p.Start)+len(p.Stop)+len(p.Drop) == 0 {
			return p
		}
		c.now = c.now.Add(p.Again)
	}
	t.Fatalf("it does not come to rest: %+v", p)
	return p
}

func TestAnAddonRunsInZonesApart(t *testing.T) {
	c := newCabinet()
	if p := c.step(t); p.Ready || len(p.Start) != 3 {
		t.Errorf("at first: %+v", p)
	}
	if p := c.settle(t); !p.Ready {
		t.Errorf("at rest: %+v", p)
	}
	var zones []string
	for _, i := range c.rows {
		zones = append(zones, i.Zone)
	}
	if slices.Sort(zones); !slices.Equal(zones, []string{"a", "b", "c"}) {
		t.Errorf("its instances are in %v", zones)
	}
}

func TestWhatEndsRunsAgainInItsZone(t *testing.T) {
	c := newCabinet()
	c.settle(t)
	was := c.rows[0]
	c.exit(was.Workload)
	p := c.step(t)
	if i := c.rows[0]; i.Zone != was.Zone || i.Workload == was.Workload || i.Ready || i.Failures != 0 || len(p.Start) != 1 {
		t.Errorf("what was ready begins again at once: %+v", i)
	}
	c.settle(t)
	c.runs = nil // the machine was switched off
	if p := c.settle(t); !p.Ready || len(c.runs) != 3 {
		t.Errorf("after a power cut: %+v", p)
	}
}

func TestWhatIsNeverReadyIsStartedLaterAndLater(t *testing.T) {
	c := newCabinet()
	c.broken["1"] = true
	var starts []time.Time
	for end := c.now.Add(time.Hour); c.now.Before(end); {
		p := c.step(t)
		for _, i := range p.Start {
			if i.Slot == "1" {
				starts = append(starts, c.now)
			}
		}
		c.now = c.now.Add(p.Again)
	}
	if n := len(starts); n < 60 || n > 80 {
		t.Fatalf("started %d times in an hour", n)
	}
	if last := starts[len(starts)-1].Sub(starts[len(starts)-2]); last < time.Minute || last > time.Minute+4*time.Second {
		t.Errorf("in the end every %s", last)
	}
	c.broken = map[string]bool{}
	c.now = c.now.Add(time.Minute)
	c.settle(t)
	if c.rows[1].Failures == 0 || !c.rows[1].Ready {
		t.Errorf("mended it is %+v", c.rows[1])
	}
}

func TestALostZoneIsWaitedFor(t *testing.T) {
	c := newCabinet()
	c.settle(t)
	lost := c.rows[1]
	for i := range c.zones {
		c.zones[i].Healthy = c.zones[i].Name != lost.Zone
	}
	p := c.settle(t)
	if i := c.rows[1]; i.Ready || i.Workload != lost.Workload || !p.Ready {
		t.Errorf("its volume is there, and nowhere else: %+v", i)
	}
	c.exit(lost.Workload) // with its zone
	for i := range c.zones {
		c.zones[i].Healthy = true
	}
	c.settle(t)
	if i := c.rows[1]; !i.Ready || i.Zone != lost.Zone {
		t.Errorf("back: %+v", i)
	}
}

func TestAnotherSizeTakesOneRestartAfterTheOther(t *testing.T) {
	c := newCabinet()
	c.settle(t)
	for i := range c.want {
		c.want[i].Mark = "n"
	}
	var order []string
	for range 100 {
		p := c.step(t)
		if len(p.Stop) > 1 {
			t.Fatalf("several at once: %+v", p.Stop)
		}
		for _, s := range p.Stop {
			for _, i := range c.rows {
				if i.Workload == s.ID {
					order = append(order, i.Slot)
				}
			}
		}
		c.now = c.now.Add(p.Again)
	}
	for _, r := range c.runs {
		if r.Labels[plan.MarkLabel] != "n" {
			t.Errorf("%s runs as it was", r.Labels["slot"])
		}
	}
	if len(order) != 3 || order[0] == "0" {
		t.Errorf("restarted in the order %v; the primary comes last", order)
	}
}

func TestAnAddonThatEndsLeavesNothing(t *testing.T) {
	c := newCabinet()
	c.settle(t)
	c.state, c.want = cloister.Deprovisioning, nil
	if p := c.step(t); p.Gone || len(p.Stop) != 3 || len(p.Start) != 0 {
		t.Errorf("first all is stopped: %+v", p)
	}
	if p := c.step(t); !p.Gone || len(c.runs) != 0 || len(p.Instances) != 3 {
		t.Errorf("then it is gone: %+v", p)
	}
}

// Whatever happens, and in whichever order: no slot has two runs, none moves to another zone, and when it stops happening all
// of them run.
func TestAnAddonComesBackFromEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCabinet()
		home := map[string]string{}
		t.Repeat(map[string]func(*rapid.T){
			"step": func(t *rapid.T) { c.now = c.now.Add(c.step(t).Again) },
			"exit": func(t *rapid.T) {
				if len(c.runs) > 0 {
					c.exit(c.runs[rapid.IntRange(0, len(c.runs)-1).Draw(t, "run")].ID)
				}
			},
			"vanish": func(t *rapid.T) { c.runs = nil },
			"zone": func(t *rapid.T) {
				i := rapid.IntRange(0, 2).Draw(t, "zone")
				c.zones[i].Healthy = !c.zones[i].Healthy
			},
			"size":   func(t *rapid.T) { c.want[rapid.IntRange(0, 2).Draw(t, "slot")].Mark += "x" },
			"broken": func(t *rapid.T) { c.broken[fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "slot"))] = true },
			"": func(t *rapid.T) {
				for _, i := range c.rows {
					if home[i.Slot] == "" {
						home[i.Slot] = i.Zone
					}
					if home[i.Slot] != i.Zone {
						t.Fatalf("slot %s moved from %s to %s, away from its volume", i.Slot, home[i.Slot], i.Zone)
					}
				}
			},
		})
		for i := range c.zones {
			c.zones[i].Healthy = true
		}
		c.broken = map[string]bool{}
		c.now = c.now.Add(time.Hour)
		if p := c.settle(t); !p.Ready || len(c.runs) != 3 {
			t.Fatalf("in the end: %+v", p)
		}
		for _, i := range c.rows {
			if !i.Ready {
				t.Fatalf("in the end %+v", i)
			}
		}
	})
}

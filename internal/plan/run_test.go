package plan_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/plan"
)

var noon = time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)

func aRun(change func(*cloister.Run)) cloister.Run {
	r := cloister.Run{Dyno: cloister.Dyno{ID: "r", Type: "run", Number: 1234, Command: "bash", State: cloister.DynoStarting, CreatedAt: noon},
		ExpiresAt: noon.Add(24 * time.Hour)}
	if change != nil {
		change(&r)
	}
	return r
}

func attached(r *cloister.Run) { r.Attached = true }
func started(r *cloister.Run)  { r.Zone, r.Address = "a", netip.MustParseAddr("10.0.0.9") }
func isUp(r *cloister.Run)     { started(r); r.State, r.UpAt = cloister.DynoUp, noon }

func all(changes ...func(*cloister.Run)) cloister.Run {
	return aRun(func(r *cloister.Run) {
		for _, c := range changes {
			c(r)
		}
	})
}

func TestAOneOffDynoIsTakenFromStartToEnd(t *testing.T) {
	t.Parallel()
	running := &engine.Status{ID: "r", Phase: engine.Running, Zone: "a", Address: netip.MustParseAddr("10.0.0.9"), StartedAt: noon}
	exited := &engine.Status{ID: "r", Phase: engine.Exited, Zone: "a", Address: running.Address, ExitedAt: noon.Add(time.Minute), ExitStatus: 3}
	killed := &engine.Status{ID: "r", Phase: engine.Exited, Zone: "a", Address: running.Address, ExitedAt: noon.Add(time.Minute), ExitStatus: 137, OOM: true}
	healthy := []plan.Zone{{Name: "a", Healthy: true}, {Name: "b", Healthy: true}}
	for name, x := range map[string]struct {
		run     cloister.Run
		seen    *engine.Status
		session plan.Session
		zones   []plan.Zone
		after   time.Duration // since it was made
		start   bool
		stop    time.Duration // grace; -1: no stop
		drop    bool
		delete  bool
		state   cloister.DynoState
		says    []string
	}{
		"new": {run: aRun(nil), start: true, stop: -1, state: "starting",
			says: []string{"Starting process with command `bash`"}},
		"its start was cut short": {run: all(func(r *cloister.Run) { r.Zone = "a" }), start: true, stop: -1, state: "starting"},
		"nowhere to start":        {run: aRun(nil), zones: []plan.Zone{{Name: "a"}}, stop: -1, state: "starting"},
		"detached and running":    {run: all(started), seen: running, stop: -1, state: "up", says: []string{"State changed from starting to up"}},
		"attached, and its client has not come": {run: all(attached, started), seen: running, session: plan.Session{Known: true}, stop: -1,
			state: "starting"},
		"attached to": {run: all(attached, started), seen: running, session: plan.Session{Known: true, Here: true, Up: true}, stop: -1, state: "up",
			says: []string{"State changed from starting to up"}},
		"up for a while": {run: all(isUp), seen: running, after: time.Hour, stop: -1, state: "up"},
		"over": {run: all(isUp), seen: exited, after: time.Minute, stop: -1, state: "down",
			says: []string{"Process exited with status 3", "State changed from up to complete"}},
		"over, and its logs were read": {run: all(isUp, func(r *cloister.Run) { r.EndedAt = noon }), seen: exited, after: time.Minute, stop: -1,
			drop: true, delete: true, state: "up"},
		"over and dropped": {run: all(isUp, func(r *cloister.Run) { r.EndedAt = noon }), after: time.Minute, stop: -1, delete: true, state: "up"},
		"its session is over": {run: all(attached, isUp), seen: running, session: plan.Session{Known: true, Here: true, Up: true, Over: true, Exit: 7},
			after: time.Minute, stop: 0, state: "up"},
		"its session is over, and all it left": {run: all(attached, isUp), seen: killed, session: plan.Session{Known: true, Here: true, Up: true, Over: true, Exit: 7},
			after: time.Minute, stop: -1, drop: true, delete: true, state: "down",
			says: []string{"Error R15 (Memory quota vastly exceeded)", "Process exited with status 7", "State changed from up to complete"}},
		"its session will tell how it ended": {run: all(attached, isUp), seen: exited, session: plan.Session{Known: true, Here: true, Up: true},
			after: time.Minute, stop: -1, state: "up"},
		"over before it was seen": {run: all(started), seen: &engine.Status{ID: "r", Phase: engine.Exited, Address: running.Address, StartedAt: noon,
			ExitedAt: noon.Add(time.Second)}, stop: -1, state: "down",
			says: []string{"State changed from starting to up", "Process exited with status 0", "State changed from up to complete"}},
		"out of memory": {run: all(isUp), seen: killed, after: time.Minute, stop: -1, state: "down",
			says: []string{"Error R15 (Memory quota vastly exceeded)", "Process exited with status 137", "State changed from up to complete"}},
		"stopped": {run: all(isUp, func(r *cloister.Run) { r.Stopped = true }), seen: running, after: time.Minute, stop: 30 * time.Second,
			state: "up", says: []string{"Stopping all processes with SIGTERM"}},
		"stopped a while ago": {run: all(isUp, func(r *cloister.Run) { r.Stopped, r.StopAt = true, noon }), seen: running,
			after: 10 * time.Second, stop: 20 * time.Second, state: "up"},
		"stopped before it began": {run: all(func(r *cloister.Run) { r.Stopped = true }), stop: -1, delete: true, state: "down",
			says: []string{"Process exited with status 143", "State changed from starting to complete"}},
		"deaf to SIGTERM": {run: all(isUp, func(r *cloister.Run) { r.Stopped, r.StopAt = true, noon.Add(30*time.Second) }), seen: killed, after: time.Minute,
			stop: -1, state: "down", says: []string{"Error R15 (Memory quota vastly exceeded)",
				"Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM",
				"Stopping remaining processes with SIGKILL", "Process exited with status 137", "State changed from up to complete"}},
		"too old": {run: all(isUp), seen: running, after: 24 * time.Hour, stop: 30 * time.Second, state: "up",
			says: []string{"Time to live of 86400 seconds is over", "Stopping all processes with SIGTERM"}},
		"nobody came": {run: all(attached, started), seen: running, session: plan.Session{Known: true}, after: time.Minute, stop: 0,
			state: "starting", says: []string{"Error R13 (Attach error) -> Failed to attach to process", "Stopping all processes with SIGKILL"}},
		"its client waits for a slow start": {run: all(attached, func(r *cloister.Run) { r.Zone = "a" }), session: plan.Session{Known: true, Here: true},
			after: 90 * time.Second, start: true, stop: -1, state: "starting"},
		"who came could not be attached": {run: all(attached, started), seen: running, session: plan.Session{Known: true, Over: true},
			after: time.Second, stop: 0, state: "starting", says: []string{"Error R13 (Attach error) -> Failed to attach to process",
				"Stopping all processes with SIGKILL"}},
		"its offer is not made yet": {run: all(attached, started), seen: running, after: time.Second, stop: -1, state: "starting"},
		"its session is of an earlier life": {run: all(attached, isUp), seen: running, after: time.Hour, stop: 0, state: "up",
			says: []string{"Client connection lost in a restart of the platform", "Stopping all processes with SIGKILL"}},
		"its workload is lost": {run: all(isUp), after: time.Hour, stop: -1, delete: true, state: "down",
			says: []string{"The server of this dyno is gone", "Process exited with status 137", "State changed from up to complete"}},
		"its zone is lost": {run: all(isUp), seen: running, zones: []plan.Zone{{Name: "a"}, {Name: "b", Healthy: true}}, stop: -1, state: "down",
			says: []string{"The server of this dyno is gone", "Process exited with status 137", "State changed from up to complete"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if x.zones == nil {
				x.zones = healthy
			}
			p := plan.Run(plan.RunState{Run: x.run, Seen: x.seen, Session: x.session, Zones: x.zones}, noon.Add(x.after))
			var said []string
			for _, l := range p.Log {
				if l.Proc != "run.1234" {
					t.Errorf("it speaks as %s", l.Proc)
				}
				said = append(said, l.Text)
			}
			if !slices.Equal(said, x.says) {
				t.Errorf("said %q\nwant %q", said, x.says)
			}
			stop := time.Duration(-1)
			if p.Stop != nil {
				stop = p.Stop.Grace
			}
			if p.Start != x.start || stop != x.stop || p.Drop != x.drop || p.Delete != x.delete || p.Run.State != x.state {
				t.Errorf("start %v, stop %v, drop %v, delete %v, state %s", p.Start, stop, p.Drop, p.Delete, p.Run.State)
			}
			if p.Start && (p.Run.Zone == "" || p.Put != (x.run.Zone == "")) {
				t.Errorf("it starts in zone %q, recorded: %v", p.Run.Zone, p.Put)
			}
			if !p.Delete && p.Again <= 0 {
				t.Error("nobody will look again")
			}
		})
	}
}

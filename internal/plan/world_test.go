package plan_test

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/plan"
)

// A world is the smallest thing that plans can be carried out in: rows, workloads with delays, and a clock of its own.
type world struct {
	plan.State
	now       time.Time
	due       time.Time // of the next look; zero: only when something happens
	workloads map[string]*workload
	log       []string
	plans     int
	backs     []string // releases that were gone back to

	boot     func(d cloister.Dyno) time.Duration // from start to listening
	life     func(d cloister.Dyno) time.Duration // from start to its own end; 0: for ever
	stubborn bool                                // workloads ignore SIGTERM

	before func(plan.Plan) // called with each plan before it is carried out
}

type workload struct {
	engine.Status
	listenAt, endAt, killAt time.Time
	status                  int
}

func newWorld() *world {
	w := &world{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), workloads: map[string]*workload{}}
	w.App = cloister.App{ID: "app", SpaceID: "space"}
	w.Zones = []plan.Zone{{Name: "a", Healthy: true}, {Name: "b", Healthy: true}, {Name: "c", Healthy: true}}
	w.Preboot = true
	w.Rollback = true
	n := 0
	w.NewID = func() string { n++; return fmt.Sprintf("dyno-%05d", n) }
	w.boot = func(cloister.Dyno) time.Duration { return 3 * time.Second }
	w.life = func(cloister.Dyno) time.Duration { return 0 }
	w.due = w.now
	return w
}

// release makes a new release current.
func (w *world) release() {
	v := w.Release.Version + 1
	w.Release = cloister.Release{ID: fmt.Sprintf("v%d", v), Version: v, SlugID: "slug"}
	w.due = w.now
}

// scale sets how many dynos of a type are wanted; a negative number removes the type.
func (w *world) scale(typ string, n int) {
	w.Types = slices.DeleteFunc(w.Types, func(t cloister.ProcessType) bool { return t.Type == typ })
	if n >= 0 {
		w.Types = append(w.Types, cloister.ProcessType{Type: typ, Command: "run " + typ, Quantity: n, Size: "Private-S"})
	}
	w.due = w.now
}

// crash ends the workload of a live dyno; i chooses among them.
func (w *world) crash(i int) {
	var running []*workload
	for _, d := range w.Dynos {
		if s := w.workloads[d.ID]; s != nil && s.Phase == engine.Running {
			running = append(running, s)
		}
	}
	if len(running) > 0 {
		running[i%len(running)].end(w.now, 1)
		w.due = w.now
	}
}

// fail loses a zone with all that runs there, or brings it back.
func (w *world) fail(zone string, healthy bool) {
	for i := range w.Zones {
		if w.Zones[i].Name == zone {
			w.Zones[i].Healthy = healthy
		}
	}
	for id, s := range w.workloads {
		if !healthy && s.Zone == zone {
			delete(w.workloads, id)
		}
	}
	w.due = w.now
}

// declare gives a zone up, or takes it back, by the word of an operator: what runs there runs on.
func (w *world) declare(zone string, healthy bool) {
	for i := range w.Zones {
		if w.Zones[i].Name == zone {
			w.Zones[i].Healthy = healthy
		}
	}
	w.due = w.now
}

func (s *workload) end(at time.Time, status int) {
	if s.Phase != engine.Exited {
		s.Phase, s.Listening, s.ExitedAt, s.ExitStatus = engine.Exited, false, at, status
	}
}

// step plans once and carries it out.
func (w *world) step() plan.Plan {
	w.Seen = nil
	for _, s := range w.workloads {
		w.Seen = append(w.Seen, s.Status)
	}
	p := plan.Formation(w.State, w.now)
	w.plans++
	if p.Back != "" { // as control does, which does nothing else then
		w.release()
		w.Release.Automatic, w.backs = true, append(w.backs, p.Back)
		return p
	}
	if w.before != nil {
		w.before(p)
	}
	for _, d := range p.Put {
		if i := slices.IndexFunc(w.Dynos, func(o cloister.Dyno) bool { return o.ID == d.ID }); i >= 0 {
			w.Dynos[i] = d
		} else {
			w.Dynos = append(w.Dynos, d)
		}
	}
	for _, d := range p.Start {
		w.start(d)
	}
	for _, s := range p.Stop {
		w.stop(s)
	}
	for _, id := range p.Drop {
		delete(w.workloads, id)
	}
	w.Dynos = slices.DeleteFunc(w.Dynos, func(d cloister.Dyno) bool { return slices.Contains(p.Delete, d.ID) })
	for _, l := range p.Log {
		w.log = append(w.log, l.Proc+": "+l.Text)
	}
	w.due = time.Time{}
	if p.Again > 0 {
		w.due = w.now.Add(p.Again)
	}
	return p
}

func (w *world) start(d cloister.Dyno) {
	if w.workloads[d.ID] != nil {
		return
	}
	n := len(w.workloads) + 1
	s := &workload{Status: engine.Status{ID: d.ID, Zone: d.Zone, Phase: engine.Running, StartedAt: w.now,
		Address: netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})}, listenAt: w.now.Add(w.boot(d))}
	if d.Type == "web" {
		s.Endpoint = netip.AddrPortFrom(s.Address, 5000)
	}
	if life := w.life(d); life > 0 {
		s.endAt, s.status = w.now.Add(life), 1
	}
	w.workloads[d.ID] = s
}

func (w *world) stop(s plan.Stop) {
	l := w.workloads[s.ID]
	switch at := w.now.Add(s.Grace); {
	case l == nil || l.Phase == engine.Exited:
	case s.Grace == 0:
		l.end(w.now, 137)
	case !w.stubborn:
		if at := w.now.Add(time.Second); l.endAt.IsZero() || at.Before(l.endAt) {
			l.endAt, l.status = at, 143
		}
	case l.killAt.IsZero() || at.Before(l.killAt):
		l.killAt = at
	}
}

// pass lets time go by until the next thing happens, but at most until end. It reports whether anything did.
func (w *world) pass(end time.Time) bool {
	next := end
	soonest := func(t time.Time) {
		if !t.IsZero() && t.After(w.now) && t.Before(next) {
			next = t
		}
	}
	soonest(w.due)
	for _, s := range w.workloads {
		if s.Phase != engine.Exited {
			soonest(s.listenAt)
			soonest(s.endAt)
			soonest(s.killAt)
		}
	}
	if next.Equal(end) && (w.due.IsZero() || w.due.After(w.now)) {
		w.now = end
		return false
	}
	if w.due.IsZero() || w.due.After(w.now) {
		w.now = next
	}
	for _, s := range w.workloads {
		switch {
		case s.Phase == engine.Exited:
		case !s.killAt.IsZero() && !s.killAt.After(w.now):
			s.end(w.now, 137)
		case !s.endAt.IsZero() && !s.endAt.After(w.now):
			s.end(w.now, s.status)
		case !s.listenAt.After(w.now):
			s.Listening = true
		}
	}
	w.due = w.now // an engine's event
	return true
}

// run carries out plans for d, calling check after each.
func (w *world) run(d time.Duration, check func() error) error {
	end := w.now.Add(d)
	for n := 0; w.pass(end); n++ {
		w.step()
		if check != nil {
			if err := check(); err != nil {
				return err
			}
		}
		if n > 100_000 {
			return fmt.Errorf("the plans never come to rest")
		}
	}
	return nil
}

// up counts the slots of a type that have a dyno that is up.
func (w *world) up(typ string) int {
	slots := map[int]bool{}
	for _, d := range w.Dynos {
		if d.Type == typ && d.State == cloister.DynoUp && !d.Retired() {
			slots[d.Number] = true
		}
	}
	return len(slots)
}

// quantity is how many dynos of a type are wanted.
func (w *world) quantity(typ string) int {
	for _, t := range w.Types {
		if t.Type == typ {
			return t.Quantity
		}
	}
	return 0
}

package fake

import (
	"maps"
	"slices"

	"github.com/cloister-dev/cloister/internal/engine"
)

// Crash ends a workload with a status, as if it had exited by itself. It reports whether there was one to end.
func (e *Engine) Crash(id string, status int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	w, ok := e.workloads[id]
	if !ok || w.status.Phase == engine.Exited {
		return false
	}
	e.exit(w, status)
	return true
}

// Lose makes a workload disappear without a trace, as if somebody had removed it behind the engine's back.
func (e *Engine) Lose(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if w, ok := e.workloads[id]; ok {
		e.exit(w, 137)
		e.forget(w)
	}
}

// FailZone makes the nodes of a zone unhealthy; what ran there is gone without a trace.
func (e *Engine) FailZone(zone string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.setHealth(zone, false)
	for _, id := range slices.Sorted(maps.Keys(e.workloads)) {
		if w := e.workloads[id]; w.status.Zone == zone {
			e.exit(w, 137)
			e.forget(w)
		}
	}
}

// HealZone makes the nodes of a zone healthy again, and empty.
func (e *Engine) HealZone(zone string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.setHealth(zone, true)
}

func (e *Engine) setHealth(zone string, healthy bool) {
	for _, n := range e.nodes {
		if n.Zone == zone {
			n.Healthy = healthy
			e.emit(engine.Event{Node: n.ID})
		}
	}
}

// LoseEvents drops all hints from now on, or no longer.
func (e *Engine) LoseEvents(lose bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deaf = lose
}

// Break makes every call fail with err, as if the engine were down, until Break(nil). What runs goes on.
func (e *Engine) Break(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.broken = err
}

// Everything lists all workloads, also while the engine is broken: for tests, which see more than their subject.
func (e *Engine) Everything() []engine.Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]engine.Status, 0, len(e.workloads))
	for _, id := range slices.Sorted(maps.Keys(e.workloads)) {
		out = append(out, e.workloads[id].status)
	}
	return out
}

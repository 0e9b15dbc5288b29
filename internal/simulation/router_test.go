package simulation

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// requestTime is how long the requests take that a dyno still has when it leaves the table.
const requestTime = 3 * time.Second

// A router takes tables and remembers when an endpoint left them.
type router struct {
	mu    sync.Mutex
	table cloister.Routes
	left  map[netip.AddrPort]time.Time
	wrong error // the first thing that must not happen
}

func newRouter() *router { return &router{left: map[netip.AddrPort]time.Time{}} }

func (r *router) Publish(t cloister.Routes) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.Version <= r.table.Version {
		r.blame(fmt.Errorf("table %d was published after table %d", t.Version, r.table.Version))
	}
	now := endpoints(t)
	for e := range endpoints(r.table) {
		if _, stays := now[e]; !stays {
			r.left[e] = time.Now()
		}
	}
	for e := range now {
		delete(r.left, e)
	}
	r.table = t
}

func (r *router) Drained(e netip.AddrPort, version int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.table.Version < version {
		return false
	}
	if !e.IsValid() {
		return true
	}
	if _, routed := endpoints(r.table)[e]; routed {
		return false
	}
	left, was := r.left[e]
	return !was || time.Since(left) >= requestTime
}

// state is the table as it is now, and what went wrong so far.
func (r *router) state() (cloister.Routes, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.table, r.wrong
}

// blame keeps the first error. The lock is held.
func (r *router) blame(err error) {
	if r.wrong == nil {
		r.wrong = err
	}
}

// endpoints maps each endpoint of a table to its dyno.
func endpoints(t cloister.Routes) map[netip.AddrPort]string {
	out := map[netip.AddrPort]string{}
	for _, a := range t.Apps {
		for _, d := range a.Dynos {
			out[d.Endpoint] = d.ID
		}
	}
	return out
}

// A watchedEngine sees to it that no dyno is ended on purpose while requests go to it.
type watchedEngine struct {
	engine.Engine
	router *router
}

func (w *watchedEngine) Stop(ctx context.Context, id string, grace time.Duration) error {
	w.check("stopped", id)
	return w.Engine.Stop(ctx, id, grace)
}

func (w *watchedEngine) Drop(ctx context.Context, id string) error {
	w.check("dropped", id)
	return w.Engine.Drop(ctx, id)
}

func (w *watchedEngine) check(how, id string) {
	w.router.mu.Lock()
	defer w.router.mu.Unlock()
	for e, dyno := range endpoints(w.router.table) {
		if dyno == id {
			w.router.blame(fmt.Errorf("dyno %s was %s while requests go to it at %s", id, how, e))
		}
		if left, ok := w.router.left[e]; ok && dyno == id && time.Since(left) < requestTime {
			w.router.blame(fmt.Errorf("dyno %s was %s before its requests were answered", id, how))
		}
	}
}

package simulation

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// requestTime is how long the requests take that a dyno still has when it leaves the table.
const requestTime = 3 * time.Second

// A router takes tables and remembers when an endpoint left them.
type router struct {
	mu      sync.Mutex
	table   cloister.Routes
	version int64 // of the table, 0 before the first of this life of control
	left    map[netip.AddrPort]departure
	wrong   error // the first thing that must not happen

	deaf  bool // sabotage: takes no table but the first few
	hasty bool // sabotage: says of every dyno that it has no requests
}

// A departure is when which dyno left the table.
type departure struct {
	dyno string
	at   time.Time
}

func newRouter() *router { return &router{left: map[netip.AddrPort]departure{}} }

func (r *router) Publish(t cloister.Routes) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.Version <= r.version {
		r.blame(fmt.Errorf("table %d was published after table %d", t.Version, r.version))
	}
	if r.deaf && t.Version > 5 {
		return
	}
	now := endpoints(t)
	for e, dyno := range endpoints(r.table) {
		if _, stays := now[e]; !stays {
			r.left[e] = departure{dyno, time.Now()}
		}
	}
	for e := range now {
		delete(r.left, e)
	}
	r.table, r.version = t, t.Version
}

// reset is the beginning of another life of control, which counts its tables anew. Until the first of them, requests
// go where the last one said.
func (r *router) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.version = 0
}

func (r *router) Drained(e netip.AddrPort, version int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hasty {
		return true
	}
	if r.version == 0 || r.version < version {
		return false
	}
	if !e.IsValid() {
		return true
	}
	if _, routed := endpoints(r.table)[e]; routed {
		return false
	}
	left, was := r.left[e]
	return !was || time.Since(left.at) >= requestTime
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

// A watchedEngine sees to it that no dyno is ended on purpose while requests go to it, or others in its space may have
// its address from its name.
type watchedEngine struct {
	engine.Engine
	router *router
	store  *store.Store

	mu      sync.Mutex
	unnamed map[string]time.Time // by space and address that had a name: since when it has none; zero: it has one

	failed map[string]period // when zones were declared failed
}

// A period is when something was so; its end is zero while it is.
type period struct{ from, to time.Time }

// declare notes that a zone was declared failed or healed just now.
func (w *watchedEngine) declare(zone string, failed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch p := w.failed[zone]; {
	case failed && (p.from.IsZero() || !p.to.IsZero()):
		w.failed[zone] = period{from: time.Now()}
	case !failed && p.to.IsZero():
		w.failed[zone] = period{p.from, time.Now()}
	}
}

// given reports whether a zone was given up, by the word of an operator, or was until a moment ago.
func (w *watchedEngine) given(zone string, moment time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.failed[zone]
	return !p.from.IsZero() && (p.to.IsZero() || time.Since(p.to) <= moment)
}

// Start blames whoever starts a dyno in a zone that was given up more than a moment ago.
func (w *watchedEngine) Start(ctx context.Context, wl engine.Workload) error {
	w.mu.Lock()
	p := w.failed[wl.Zone]
	w.mu.Unlock()
	if !p.from.IsZero() && p.to.IsZero() && time.Since(p.from) > time.Second {
		w.router.mu.Lock()
		w.router.blame(fmt.Errorf("dyno %s is started in zone %s, which has failed", wl.ID, wl.Zone))
		w.router.mu.Unlock()
	}
	return w.Engine.Start(ctx, wl)
}

func (w *watchedEngine) EnsureSpace(ctx context.Context, s engine.Space) error {
	if err := w.Engine.EnsureSpace(ctx, s); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	named := map[string]bool{}
	for _, n := range s.Names {
		for _, a := range n.Addresses {
			named[s.ID+" "+a.String()] = true
		}
	}
	for key, since := range w.unnamed {
		if strings.HasPrefix(key, s.ID) && since.IsZero() && !named[key] {
			w.unnamed[key] = time.Now()
		}
	}
	for key := range named {
		w.unnamed[key] = time.Time{}
	}
	return nil
}

func (w *watchedEngine) Stop(ctx context.Context, id string, grace time.Duration) error {
	w.check(ctx, "stopped", id)
	return w.Engine.Stop(ctx, id, grace)
}

func (w *watchedEngine) Drop(ctx context.Context, id string) error {
	w.check(ctx, "dropped", id)
	return w.Engine.Drop(ctx, id)
}

// check blames whoever ends a dyno that still runs, and has requests or may get some. An app that was destroyed has
// nothing more to answer.
func (w *watchedEngine) check(ctx context.Context, how, id string) {
	s, ok := w.running(ctx, id)
	if !ok {
		return
	}
	w.router.mu.Lock()
	defer w.router.mu.Unlock()
	if !slices.ContainsFunc(w.router.table.Apps, func(r cloister.Route) bool { return r.AppID == s.Owner }) {
		return
	}
	given := w.given(s.Zone, time.Second) // what is in a lost zone is lost, whoever has its address and whatever it does
	w.mu.Lock()
	since, named := w.unnamed[s.Space+" "+s.Address.String()]
	w.mu.Unlock()
	if !given && named && (since.IsZero() || time.Since(since) < cloister.NameTTL) && !w.overdue(ctx, s) {
		w.router.blame(fmt.Errorf("dyno %s was %s at %s, which others may have from its name", id, how, s.Address))
	}
	for e, dyno := range endpoints(w.router.table) {
		if dyno == id {
			w.router.blame(fmt.Errorf("dyno %s was %s while requests go to it at %s", id, how, e))
		}
	}
	for e, left := range w.router.left {
		if !given && left.dyno == id && time.Since(left.at) < requestTime {
			w.router.blame(fmt.Errorf("dyno %s was %s at %s before its requests were answered", id, how, e))
		}
	}
}

// overdue reports whether a dyno was given all the time there is since it was retired.
func (w *watchedEngine) overdue(ctx context.Context, s engine.Status) bool {
	var dynos []cloister.Dyno
	err := w.store.View(ctx, func(tx *store.Tx) (err error) {
		dynos, err = tx.Dynos(s.Owner)
		return err
	})
	i := slices.IndexFunc(dynos, func(d cloister.Dyno) bool { return d.ID == s.ID })
	return err != nil || i < 0 || time.Since(dynos[i].RetireAt) >= plan.DrainLimit
}

// running finds a dyno that runs: what is gone has nothing to lose.
func (w *watchedEngine) running(ctx context.Context, id string) (s engine.Status, ok bool) {
	all, err := w.List(ctx, "")
	i := slices.IndexFunc(all, func(s engine.Status) bool { return s.ID == id && s.Phase == engine.Running })
	if err != nil || i < 0 {
		return engine.Status{}, false
	}
	return all[i], true
}

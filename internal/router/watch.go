package router

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A watch is all guards, and the clock they go by.
type watch struct {
	clock atomic.Int64 // nanoseconds since start, as of the last tick
	start time.Time
	tick  time.Duration

	mu     sync.Mutex
	guards map[*guard]struct{}
}

func newWatch(tick time.Duration) *watch {
	w := &watch{start: time.Now(), tick: tick, guards: map[*guard]struct{}{}}
	w.clock.Store(1)
	return w
}

func (w *watch) now() int64 { return w.clock.Load() }

func (w *watch) add(g *guard) {
	w.mu.Lock()
	w.guards[g] = struct{}{}
	w.mu.Unlock()
}

func (w *watch) remove(g *guard) {
	w.mu.Lock()
	delete(w.guards, g)
	w.mu.Unlock()
}

// each calls f for every guard there is, without holding the lock.
func (w *watch) each(f func(*guard)) {
	w.mu.Lock()
	all := make([]*guard, 0, len(w.guards))
	for g := range w.guards {
		all = append(all, g)
	}
	w.mu.Unlock()
	for _, g := range all {
		f(g)
	}
}

// run keeps the clock until ctx is done: at each tick it ends what is late, and every so often looks for clients that
// left while nobody was reading from them. also is called once a second or so.
func (w *watch) run(ctx context.Context, also func(now int64)) {
	t := time.NewTicker(w.tick)
	defer t.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := int64(time.Since(w.start))
		w.clock.Store(now)
		w.mu.Lock()
		var late, quiet []*guard
		for g := range w.guards {
			if due := g.due.Load(); due != 0 && due <= now {
				late = append(late, g)
			} else if p := g.phase.Load(); n%5 == 0 && (p == asking || p == replying) {
				quiet = append(quiet, g)
			}
		}
		w.mu.Unlock()
		for _, g := range late {
			g.stop(expired, true)
		}
		for _, g := range quiet {
			if g.left() {
				g.stop(departed, false)
			}
		}
		if n%10 == 0 {
			also(now)
		}
	}
}

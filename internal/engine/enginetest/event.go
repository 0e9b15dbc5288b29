package enginetest

import (
	"context"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
)

var events = []contract{
	{"events hint at the beginning and the end of a workload", func(b *bench) {
		ctx, cancel := context.WithCancel(b.ctx)
		defer cancel()
		hints := b.Engine.Events(ctx)
		w := b.run(b.Commands.Wait)
		b.hinted(hints, w, engine.Running)
		b.must(b.Engine.Stop(b.ctx, w.ID, 0))
		b.hinted(hints, w, engine.Exited)
	}},
	{"events hint that a port is bound", func(b *bench) {
		ctx, cancel := context.WithCancel(b.ctx)
		defer cancel()
		hints := b.Engine.Events(ctx)
		w := b.start(b.web(b.Commands.Listen, 5000))
		for b.next(hints, w) {
			if s, _ := b.status(w); s.Listening {
				return
			}
		}
	}},
	{"events end when their context does", func(b *bench) {
		ctx, cancel := context.WithCancel(b.ctx)
		hints := b.Engine.Events(ctx)
		cancel()
		deadline := time.After(b.Patience)
		for {
			select {
			case _, open := <-hints:
				if !open {
					return
				}
			case <-deadline:
				b.Fatal("they go on")
			}
		}
	}},
}

// hinted waits for a hint after which the workload is in the phase.
func (b *bench) hinted(hints <-chan engine.Event, w engine.Workload, p engine.Phase) {
	b.Helper()
	for b.next(hints, w) {
		if s, _ := b.status(w); s.Phase == p {
			return
		}
	}
}

// next waits for a hint about w.
func (b *bench) next(hints <-chan engine.Event, w engine.Workload) bool {
	b.Helper()
	deadline := time.After(b.Patience)
	for {
		select {
		case e, open := <-hints:
			if !open {
				b.Fatal("events ended before their context")
			}
			if e.ID == w.ID {
				if e.Owner != w.Owner {
					b.Errorf("the hint says owner %s, want %s", e.Owner, w.Owner)
				}
				return true
			}
		case <-deadline:
			b.Fatal("no hint came")
		}
	}
}

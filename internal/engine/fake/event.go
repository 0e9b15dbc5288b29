package fake

import (
	"context"

	"github.com/cloister-dev/cloister/internal/engine"
)

// Events yields hints. A listener that is slow loses some, as it may.
func (e *Engine) Events(ctx context.Context) <-chan engine.Event {
	c := make(chan engine.Event, 1024)
	e.mu.Lock()
	e.listeners[c] = true
	e.mu.Unlock()
	context.AfterFunc(ctx, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.listeners, c)
		close(c)
	})
	return c
}

func (e *Engine) hint(w *workload) { e.emit(engine.Event{ID: w.ID, Owner: w.Owner}) }

func (e *Engine) emit(event engine.Event) {
	if e.deaf {
		return
	}
	for c := range e.listeners {
		select {
		case c <- event:
		default:
		}
	}
}

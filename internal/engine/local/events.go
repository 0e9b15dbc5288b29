package local

import (
	"context"
	"sync"

	"github.com/cloister-dev/cloister/internal/engine"
)

// A hub hands every event to every listener. A listener that does not keep up misses some.
type hub struct {
	mu        sync.Mutex
	listeners map[chan engine.Event]bool
}

func (h *hub) emit(e engine.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.listeners {
		select {
		case c <- e:
		default:
		}
	}
}

// Events yields hints that List or Nodes has changed.
func (e *Engine) Events(ctx context.Context) <-chan engine.Event {
	c := make(chan engine.Event, 256)
	h := &e.events
	h.mu.Lock()
	if h.listeners == nil {
		h.listeners = map[chan engine.Event]bool{}
	}
	h.listeners[c] = true
	h.mu.Unlock()
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.listeners, c)
		close(c)
	})
	return c
}

package server

import (
	"context"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A health tells what keeps the engine from doing what is wanted. It looks at most once a second, since every answer
// of the API may ask.
type health struct {
	engine engine.Engine

	mu      sync.Mutex
	at      time.Time
	trouble string
}

// Trouble is a sentence about what is wrong, "" when all is well.
func (h *health) Trouble() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.at) < time.Second {
		return h.trouble
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	h.trouble = ""
	nodes, err := h.engine.Nodes(ctx)
	switch {
	case cloister.KindOf(err) == cloister.Unavailable:
		h.trouble = cloister.MessageOf(err)
	case err != nil:
		h.trouble = "The engine does not answer: dynos run on, but nothing can be started or stopped. `cloister doctor` on the server says more."
	case len(nodes) == 0:
		h.trouble = "The engine has no machine to run dynos on."
	}
	h.at = time.Now()
	return h.trouble
}

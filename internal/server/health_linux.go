package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A health tells what keeps the server from doing what is wanted. It looks at most once a second, since every answer
// of the API may ask.
type health struct {
	engine engine.Engine
	dir    string // where everything is kept

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
	if h.trouble = engineTrouble(h.engine); h.trouble == "" && full(h.dir) {
		h.trouble = "The disk of the server is full: what was asked for waits until there is room again."
	}
	h.at = time.Now()
	return h.trouble
}

func engineTrouble(e engine.Engine) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	nodes, err := e.Nodes(ctx)
	switch {
	case cloister.KindOf(err) == cloister.Unavailable:
		return cloister.MessageOf(err)
	case err != nil:
		return "The engine does not answer: dynos run on, but nothing can be started or stopped. `cloister doctor` on the server says more."
	case len(nodes) == 0:
		return "The engine has no machine to run dynos on."
	case !slices.ContainsFunc(nodes, func(n engine.Node) bool { return n.Healthy }):
		return "No zone is healthy: dynos run on, but nothing can be started or stopped until the container runtime answers. It is started again by itself."
	}
	return ""
}

// roomFor tells pushes why there is no room for them, nil if there is.
func roomFor(dir string) func() error {
	return func() error {
		if full(dir) {
			return cloister.Errorf(cloister.Unavailable, "The disk of the server is full, so nothing can be pushed. Free some space there and push again.")
		}
		return nil
	}
}

// full reports whether so little room is left that writing is about to fail, or does.
func full(dir string) bool {
	const little = 16 << 20
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return false
	}
	return int64(s.Bavail)*s.Bsize < little || s.Files > 0 && s.Ffree < 100
}

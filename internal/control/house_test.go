package control

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A house is a store in memory, and a loop or a whole control over it, in virtual time.
type house struct {
	t     *testing.T
	store *store.Store
}

// inHouse runs a test in virtual time.
func inHouse(t *testing.T, test func(h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.Context(), store.Config{DSN: ":memory:", Key: make([]byte, 32)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		test(&house{t: t, store: s})
	})
}

func (h *house) update(fn func(*store.Tx) error) {
	h.t.Helper()
	if err := h.store.Update(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) touch(kind, id string) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error { return tx.Touch(kind, id) })
}

// work is the work of an object, nil when there is none.
func (h *house) work(kind, id string) (out *store.Work) {
	h.t.Helper()
	if err := h.store.View(h.t.Context(), func(tx *store.Tx) error {
		w, ok, err := tx.WorkFor(kind, id)
		if ok {
			out = &w
		}
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return out
}

// loop runs a loop with four slots until stop, which waits for its end.
func (h *house) loop(owner string, steps map[string]Step) (stop func()) {
	h.t.Helper()
	return h.run(NewLoop(h.store, steps, owner, 4, rand.New(rand.NewPCG(1, 1)), slog.New(slog.DiscardHandler)).Run)
}

func (h *house) run(fn func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- fn(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			h.t.Error(err)
		}
	})
}

// after lets time pass, and everybody do what is due by then.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// A paperRouter keeps the last table and has adopted it, unless it is away.
type paperRouter struct {
	mu    sync.Mutex
	table cloister.Routes
	away  bool
}

func (r *paperRouter) Publish(t cloister.Routes) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.table = t
}

func (r *paperRouter) Drained(_ netip.AddrPort, version int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.away && r.table.Version >= version
}

func (r *paperRouter) leave(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
}

func (r *paperRouter) routes() cloister.Routes {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.table
}

// silence is a log that nobody but tests read, and whose drains are only noted.
type silence struct {
	mu     sync.Mutex
	said   []string                    // by the platform, as "web.1: text"
	drains map[string][]cloister.Drain // by app
	broken error
}

func (s *silence) Drains(app string, drains []cloister.Drain) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.drains[app] = drains
	}
	return s.broken
}

func (s *silence) breaks(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

func (s *silence) of(app string) []cloister.Drain {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drains[app]
}

func (s *silence) Platform(_, proc string, _ time.Time, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, proc+": "+text)
}

// lines are those that begin with a text.
func (s *silence) lines(begin string) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.said {
		if strings.HasPrefix(l, begin) {
			out = append(out, l)
		}
	}
	return out
}

func (*silence) Ensure(string, string, string)   {}
func (*silence) Drained(context.Context, string) {}
func (*silence) Delete(string)                   {}

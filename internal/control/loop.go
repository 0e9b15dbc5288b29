package control

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A Step brings one object closer to what its owner asked for. It is told only which object; it looks at the rest
// itself. again is when it wants another look even if nothing changes; zero means never. An error of kind Invalid
// parks the object until somebody touches it; any other is tried again, less and less often.
type Step func(ctx context.Context, id string) (again time.Duration, err error)

const (
	stepTimeout  = time.Minute
	lease        = 2 * stepTimeout // a lease outlives its step
	touchEvery   = 10 * time.Minute
	pollEvery    = time.Second // how soon work that another process touched is seen
	firstBackoff = 250 * time.Millisecond
	lastBackoff  = time.Minute
)

// A Loop claims work that is due and runs the Step of its kind: so many at once, and never two for one object.
type Loop struct {
	store  *store.Store
	steps  map[string]Step
	owner  string
	slots  int
	random *rand.Rand
	log    *slog.Logger

	mu   sync.Mutex // guards random
	busy sync.WaitGroup
	done chan struct{} // a step has finished, and its slot is free
}

// NewLoop returns a loop that runs at most slots steps at once. owner names this server among those that share the
// database; random spreads retries.
func NewLoop(s *store.Store, steps map[string]Step, owner string, slots int, random *rand.Rand, log *slog.Logger) *Loop {
	return &Loop{store: s, steps: steps, owner: owner, slots: slots, random: random, log: log, done: make(chan struct{}, slots)}
}

// Run works until ctx is done, and returns when the steps under way have ended. It begins by looking at everything,
// as it does again every ten minutes: whatever was missed is found then.
func (l *Loop) Run(ctx context.Context) error {
	defer l.busy.Wait()
	if err := l.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.ReleaseLeases(l.owner); err != nil {
			return err
		}
		return tx.TouchAll()
	}); err != nil {
		return fmt.Errorf("start the work loop: %w", err)
	}
	sweep := time.NewTicker(touchEvery)
	defer sweep.Stop()
	running := 0
	for {
		claimed, wait := l.claim(ctx, l.slots-running)
		for _, w := range claimed {
			running++
			l.busy.Go(func() { l.work(ctx, w) })
		}
		if len(claimed) > 0 && running < l.slots {
			continue // there may be more
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-l.done:
			running--
		case <-l.store.Woken():
		case <-timer.C:
		case <-sweep.C:
			if err := l.store.Update(ctx, func(tx *store.Tx) error { return tx.TouchAll() }); err != nil {
				l.log.Error("could not look at everything", "err", err)
			}
		}
		timer.Stop()
		for len(l.done) > 0 {
			<-l.done
			running--
		}
	}
}

// claim leases due work for n free slots, and says how long to wait when there is no more.
func (l *Loop) claim(ctx context.Context, n int) (claimed []store.Work, wait time.Duration) {
	if n == 0 {
		return nil, touchEvery // until a slot is free
	}
	wait = pollEvery
	err := l.store.Update(ctx, func(tx *store.Tx) (err error) {
		if claimed, err = tx.ClaimWork(l.owner, n, lease); err != nil || len(claimed) > 0 {
			return err
		}
		if due, ok, err := tx.NextWork(); err != nil {
			return err
		} else if ok {
			wait = min(wait, max(due.Sub(tx.Now), time.Millisecond))
		}
		return nil
	})
	if err != nil {
		if ctx.Err() == nil {
			l.log.Error("could not claim work", "err", err)
		}
		return nil, pollEvery
	}
	return claimed, wait
}

// work runs one step and records how it went.
func (l *Loop) work(ctx context.Context, w store.Work) {
	defer func() { l.done <- struct{}{} }()
	again, err := l.step(ctx, w)
	if ctx.Err() != nil {
		ctx = context.WithoutCancel(ctx) // give the lease back: the next life need not wait for its end
	}
	record := func(tx *store.Tx) error { return tx.FinishWork(w, again) }
	if err != nil {
		wait := l.backoff(w.Attempts)
		if cloister.KindOf(err) == cloister.Invalid {
			wait = -1
		}
		l.log.Warn("work failed", "kind", w.Kind, "id", w.ID, "attempt", w.Attempts+1, "err", err)
		record = func(tx *store.Tx) error { return tx.FailWork(w, err.Error(), wait) }
	}
	if err := l.store.Update(ctx, record); err != nil {
		l.log.Error("could not finish work; it is done again when its lease ends", "kind", w.Kind, "id", w.ID, "err", err)
	}
}

func (l *Loop) step(ctx context.Context, w store.Work) (again time.Duration, err error) {
	step, ok := l.steps[w.Kind]
	if !ok {
		return 0, cloister.Errorf(cloister.Invalid, "nothing here knows work of kind %q", w.Kind)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, stepTimeout, fmt.Errorf("a step of %s took longer than %s", w.Kind, stepTimeout))
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return step(ctx, w.ID)
}

// backoff doubles with each attempt, with up to a quarter of jitter.
func (l *Loop) backoff(attempts int) time.Duration {
	d := min(firstBackoff<<min(attempts, 10), lastBackoff)
	l.mu.Lock()
	defer l.mu.Unlock()
	return d + time.Duration(l.random.Int64N(int64(d)/4+1))
}

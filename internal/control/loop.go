package control

import (
	"context"
	"errors"
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
	pollEvery    = time.Second      // how soon work that another process touched is seen, and what was refused is tried again
	pollAlone    = 10 * time.Second // and how soon a lease of somebody who is gone, where there is no other process
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

	busy    sync.WaitGroup
	running map[object]bool // until it is recorded how it went
	results []result        // of steps that have ended and are not recorded yet
	done    chan result     // has room for all slots: no step waits for the loop
	refused bool            // by the store, in the last turn
}

type object struct{ kind, id string }

// A result is how a step went.
type result struct {
	work  store.Work
	again time.Duration
	err   error
}

// NewLoop returns a loop that runs at most slots steps at once. owner names this server among those that share the
// database; random spreads retries.
func NewLoop(s *store.Store, steps map[string]Step, owner string, slots int, random *rand.Rand, log *slog.Logger) *Loop {
	return &Loop{store: s, steps: steps, owner: owner, slots: slots, random: random, log: log,
		running: map[object]bool{}, done: make(chan result, slots)}
}

// Run works until ctx is done, and returns when the steps under way have ended. It begins by looking at everything,
// as it does again every ten minutes: whatever was missed is found then.
func (l *Loop) Run(ctx context.Context) error {
	if err := l.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.ReleaseLeases(l.owner); err != nil { // of an earlier life
			return err
		}
		return tx.TouchAll()
	}); err != nil {
		return fmt.Errorf("start the work loop: %w", err)
	}
	defer l.end(context.WithoutCancel(ctx))
	sweep := time.NewTicker(touchEvery)
	defer sweep.Stop()
	for {
		timer := time.NewTimer(l.turn(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case r := <-l.done:
			l.results = append(l.results, r)
			l.collect()
		case <-l.store.Woken():
		case <-timer.C:
		case <-sweep.C:
			if err := l.store.Update(ctx, func(tx *store.Tx) error { return tx.TouchAll() }); err != nil {
				l.log.Error("could not look at everything", "err", err)
			}
		}
		timer.Stop()
	}
}

// collect takes in the steps that have ended by now.
func (l *Loop) collect() {
	for {
		select {
		case r := <-l.done:
			l.results = append(l.results, r)
		default:
			return
		}
	}
}

// turn records how steps went, and starts others in their place. It returns how long to wait when nothing happens.
// All that came together is one transaction: while it runs, more steps end, so the busier the loop, the larger its turns.
// What the store refuses, as on a full disk, is recorded by a later turn: nobody else could before the lease is over.
func (l *Loop) turn(ctx context.Context) time.Duration {
	free := l.slots - len(l.running) + len(l.results)
	if free == 0 {
		return touchEvery // until a step ends
	}
	waits := l.waits(l.results)
	wait := pollAlone
	if l.store.Shared() {
		wait = pollEvery
	}
	var claimed []store.Work
	err := l.store.Update(ctx, func(tx *store.Tx) (err error) {
		if err := finish(tx, l.results, waits); err != nil {
			return err
		}
		if claimed, err = l.claim(tx, free); err != nil || len(claimed) == free {
			return err
		}
		due, ok, err := tx.NextWork()
		if ok {
			wait = min(wait, max(due.Sub(tx.Now), time.Millisecond))
		}
		return err
	})
	if err != nil {
		if ctx.Err() == nil && !l.refused {
			l.log.Error("could not record and claim work, trying every second", "steps", len(l.results), "err", err)
		}
		l.refused = true
		return pollEvery
	}
	for _, r := range l.results {
		delete(l.running, object{r.work.Kind, r.work.ID})
	}
	l.results, l.refused = nil, false
	for _, w := range claimed {
		if key := (object{w.Kind, w.ID}); !l.running[key] { // it does if it outlived even its lease
			l.running[key] = true
			l.busy.Go(func() { l.done <- l.work(ctx, w) })
		}
	}
	return wait
}

// claim takes up to so many pieces of work that are due, the oldest first; but before those of the kind that has the most slots
// come all others. So a release of a thousand apps does not keep a space waiting, or a certificate that ends.
func (l *Loop) claim(tx *store.Tx, free int) (out []store.Work, err error) {
	slots := map[string]int{}
	for o := range l.running {
		slots[o.kind]++
	}
	for _, r := range l.results {
		slots[r.work.Kind]--
	}
	most := ""
	for kind, n := range slots {
		if n > slots[most] || n == slots[most] && kind < most {
			most = kind
		}
	}
	if most != "" {
		if out, err = tx.ClaimWork(l.owner, free, lease, most); err != nil {
			return nil, err
		}
	}
	if len(out) == free {
		return out, nil
	}
	rest, err := tx.ClaimWork(l.owner, free-len(out), lease, "")
	return append(out, rest...), err
}

// waits is how long each piece of work waits for its next try: zero for what went well, less for what never will.
func (l *Loop) waits(ended []result) (out []time.Duration) {
	for _, r := range ended {
		switch {
		case r.err == nil:
			out = append(out, 0)
		case cloister.KindOf(r.err) == cloister.Invalid:
			out = append(out, -1)
		default:
			out = append(out, l.backoff(r.work.Attempts))
		}
	}
	return out
}

// finish records how steps went.
func finish(tx *store.Tx, ended []result, waits []time.Duration) error {
	for i, r := range ended {
		var err error
		if r.err == nil {
			err = tx.FinishWork(r.work, r.again)
		} else {
			err = tx.FailWork(r.work, r.err.Error(), waits[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// end waits for the steps under way, and gives all leases back, so that the next life need not wait for their end. A
// step that failed only because it was told to stop has not failed.
func (l *Loop) end(ctx context.Context) {
	l.busy.Wait()
	l.collect()
	var well []result
	for _, r := range l.results {
		if r.err == nil {
			well = append(well, r)
		}
	}
	if err := l.store.Update(ctx, func(tx *store.Tx) error {
		return errors.Join(finish(tx, well, nil), tx.ReleaseLeases(l.owner))
	}); err != nil {
		l.log.Error("could not give leases back", "err", err)
	}
}

// work runs one step.
func (l *Loop) work(ctx context.Context, w store.Work) result {
	again, err := l.step(ctx, w)
	if err != nil && ctx.Err() == nil {
		l.log.Warn("work failed", "kind", w.Kind, "id", w.ID, "attempt", w.Attempts+1, "err", err)
	}
	return result{w, again, err}
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
	if again, err = step(ctx, w.ID); errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return again, err
}

// backoff doubles with each attempt, with up to a quarter of jitter.
func (l *Loop) backoff(attempts int) time.Duration {
	d := min(firstBackoff<<min(attempts, 10), lastBackoff)
	return d + time.Duration(l.random.Int64N(int64(d)/4+1))
}

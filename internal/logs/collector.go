package logs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A Collector follows every workload it is told of, each once. What to follow is decided by whoever runs dynos.
type Collector struct {
	logs   *Logs
	engine engine.Engine
	log    *slog.Logger
	wg     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	follows map[string]*follow
}

type follow struct {
	app    string
	cancel context.CancelFunc
	ended  chan struct{} // closed when the workload's log was read to its end, or given up
}

// NewCollector returns a collector that follows nothing yet.
func NewCollector(l *Logs, e engine.Engine, log *slog.Logger) *Collector {
	return &Collector{logs: l, engine: e, log: log, follows: map[string]*follow{}}
}

// Ensure has a workload followed, as proc of an app, until its log ends. It may be repeated, also after the end, and
// before the engine knows the workload.
func (c *Collector) Ensure(workloadID, appID, proc string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.follows[workloadID] != nil || c.closed {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &follow{app: appID, cancel: cancel, ended: make(chan struct{})}
	c.follows[workloadID] = f
	c.wg.Go(func() {
		defer close(f.ended)
		c.follow(ctx, workloadID, appID, proc)
	})
}

// Drain waits until everything that an exited workload wrote is in the stream. Call it before the engine is told to
// drop the workload, with a deadline: the log of a workload that still runs does not end.
func (c *Collector) Drain(ctx context.Context, workloadID string) error {
	c.mu.Lock()
	f := c.follows[workloadID]
	c.mu.Unlock()
	if f == nil {
		return nil
	}
	select {
	case <-f.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Drop forgets a workload that is gone, or will be. What it wrote and was not read yet is lost; see Drain.
func (c *Collector) Drop(workloadID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.follows[workloadID]
	if f == nil || c.closed {
		return
	}
	delete(c.follows, workloadID)
	f.cancel()
	c.wg.Go(func() {
		<-f.ended // a line on its way would bring the mark back
		c.logs.forget(f.app, workloadID)
	})
}

// Close ends all following; another collector may go on. Logs must be closed after it.
func (c *Collector) Close() {
	c.mu.Lock()
	c.closed = true
	for _, f := range c.follows {
		f.cancel()
	}
	c.mu.Unlock()
	c.wg.Wait()
}

// follow follows a workload to its end, again and again while the engine is in trouble or does not know it yet.
func (c *Collector) follow(ctx context.Context, workloadID, appID, proc string) {
	const shortest, longest = 100 * time.Millisecond, 5 * time.Second
	wait := shortest
	for {
		began := time.Now()
		err := c.logs.Follow(ctx, c.engine, workloadID, appID, proc)
		if err == nil || ctx.Err() != nil {
			return
		}
		if time.Since(began) > longest {
			wait = shortest
		}
		if cloister.KindOf(err) != cloister.NotFound {
			c.log.Warn("log of a workload broke off", "workload", workloadID, "app", appID, "error", err, "again", wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, longest)
	}
}

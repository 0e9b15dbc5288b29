package control

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// outputs copy what release dynos print to the output of their release, beside the app's log. A copy begins at the
// beginning: a life of ours before this one may have written a part of it.
type outputs struct {
	engine engine.Engine
	open   func(releaseID string) io.WriteCloser // empties it; nil: nobody reads it
	log    *slog.Logger

	busy sync.WaitGroup

	mu    sync.Mutex
	quit  chan struct{}            // closed at the end of this life
	whole map[string]chan struct{} // by dyno: closed when its copy is whole
}

func newOutputs(e engine.Engine, open func(string) io.WriteCloser, log *slog.Logger) *outputs {
	return &outputs{engine: e, open: open, log: log}
}

// begin begins a life of control. At its end copies are left off: the next life makes them anew.
func (o *outputs) begin() (end func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	quit := make(chan struct{})
	o.quit, o.whole = quit, map[string]chan struct{}{}
	return func() {
		close(quit)
		o.busy.Wait()
	}
}

// follow copies the output of a release dyno from its start to its end; a second call does nothing.
func (o *outputs) follow(ctx context.Context, r cloister.Run) {
	if o.open == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, follows := o.whole[r.ID]; follows {
		return
	}
	whole := make(chan struct{})
	o.whole[r.ID] = whole
	out, quit := o.open(r.ReleaseID), o.quit
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o.busy.Go(func() {
		defer cancel()
		defer close(whole)
		defer out.Close()
		for line, err := range o.engine.Logs(ctx, r.ID, time.Time{}) {
			if err == nil {
				_, err = fmt.Fprintln(out, line.Text)
			}
			if err != nil {
				if ctx.Err() == nil {
					o.log.Warn("the output of a release was cut short", "release", r.ReleaseID, "err", err)
				}
				return
			}
		}
	})
	go func() {
		select {
		case <-quit:
			cancel()
		case <-ctx.Done():
		}
	}()
}

// end returns when the output of a release dyno is whole, or after a moment. A dyno that never ran has an empty one.
func (o *outputs) end(ctx context.Context, r cloister.Run) {
	if o.open == nil {
		return
	}
	o.mu.Lock()
	whole, follows := o.whole[r.ID]
	delete(o.whole, r.ID)
	o.mu.Unlock()
	if !follows {
		o.open(r.ReleaseID).Close()
		return
	}
	select {
	case <-whole:
	case <-time.After(5 * time.Second):
	case <-ctx.Done():
	}
}

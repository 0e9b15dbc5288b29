package fake

import (
	"context"
	"iter"
	"sort"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
)

const (
	maxLine  = 10_000 // bytes of one piece
	maxLines = 10_000 // kept of one workload
)

// print appends lines to what the workload wrote, in pieces, each a microsecond after the one before at least.
func (w *workload) print(all ...engine.Line) {
	if len(all) == 0 {
		return
	}
	at := time.Now().Truncate(time.Microsecond)
	if n := len(w.lines); n > 0 && !at.After(w.lines[n-1].At) {
		at = w.lines[n-1].At.Add(time.Microsecond)
	}
	for _, l := range all {
		for rest := l.Text; ; {
			l.Text = rest[:min(len(rest), maxLine)]
			l.At, at = at, at.Add(time.Microsecond)
			w.lines = append(w.lines, l)
			if rest = rest[len(l.Text):]; rest == "" {
				break
			}
		}
	}
	if over := len(w.lines) - maxLines; over > 0 {
		w.lines = append([]engine.Line(nil), w.lines[over:]...)
	}
	w.notify()
}

// notify wakes those who follow the workload's logs.
func (w *workload) notify() {
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// Logs yields what the workload wrote, and will write.
func (e *Engine) Logs(ctx context.Context, id string, since time.Time) iter.Seq2[engine.Line, error] {
	return func(yield func(engine.Line, error) bool) {
		e.mu.Lock()
		w, ok := e.workloads[id]
		err := e.down(ctx)
		e.mu.Unlock()
		if err == nil && !ok {
			err = missing(id)
		}
		if err != nil {
			yield(engine.Line{}, err)
			return
		}
		for {
			fresh, ended, changed := e.read(w, since)
			for _, l := range fresh {
				if ctx.Err() != nil || !yield(l, nil) {
					return
				}
				since = l.At
			}
			if ended {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
	}
}

// read returns the lines after since, and otherwise what to wait for.
func (e *Engine) read(w *workload, since time.Time) (fresh []engine.Line, ended bool, changed <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := sort.Search(len(w.lines), func(i int) bool { return w.lines[i].At.After(since) })
	fresh = append(fresh, w.lines[i:]...)
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return fresh, w.status.Phase == engine.Exited, w.changed
}

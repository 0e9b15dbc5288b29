package local

import (
	"cmp"
	"context"
	"iter"
	"path/filepath"
	"slices"
	"sync"
	"time"

	containerd "github.com/containerd/containerd/v2/client"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A workload is one that was started and not yet dropped.
type workload struct {
	spec engine.Workload // as it was started, without its environment
	dir  string          // what is kept of it
	io   string          // its FIFOs
	zone string

	ready chan struct{} // closed when Start is over
	err   error         // of Start; read after ready
	spool *spool        // set before ready
	ended chan struct{} // closed when it has exited and all of it is cleaned up, but for its files

	hurry chan struct{} // has something when the end of the grace has moved

	mu   sync.Mutex
	rec  workloadRecord
	task containerd.Task // once it runs

	dropping sync.Mutex
}

func (e *Engine) newWorkload(r workloadRecord) *workload {
	r.Workload.Env = nil
	return &workload{
		spec:  r.Workload,
		dir:   filepath.Join(e.State, "workloads", r.Workload.ID),
		io:    filepath.Join(e.Run, "io", r.Workload.ID),
		zone:  r.Status.Zone,
		ready: make(chan struct{}),
		ended: make(chan struct{}),
		hurry: make(chan struct{}, 1),
		rec:   r,
	}
}

// disk is where the workload's own writes go.
func (w *workload) disk() disk {
	return disk{filepath.Join(w.dir, "disk.img"), filepath.Join(w.dir, "disk")}
}

func (e *Engine) netnsOf(w *workload) namespace {
	return namespace(e.WorkloadNamespace(w.spec.ID))
}

func (w *workload) status() engine.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rec.Status
}

func (w *workload) record() workloadRecord {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rec
}

// update changes the record, keeps it and tells whoever listens.
func (e *Engine) update(w *workload, change func(*workloadRecord)) error {
	w.mu.Lock()
	change(&w.rec)
	err := write(filepath.Join(w.dir, "record.json"), w.rec)
	w.mu.Unlock()
	e.events.emit(engine.Event{ID: w.spec.ID, Owner: w.spec.Owner})
	return err
}

// find gives the workload once its start is over.
func (e *Engine) find(ctx context.Context, id string) (*workload, error) {
	e.mu.Lock()
	w := e.workloads[id]
	e.mu.Unlock()
	if w == nil {
		return nil, cloister.Missing("dyno")
	}
	select {
	case <-w.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if w.err != nil {
		return nil, cloister.Missing("dyno")
	}
	return w, nil
}

// List tells what is known of workloads.
func (e *Engine) List(_ context.Context, owner string) ([]engine.Status, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []engine.Status
	for _, w := range e.workloads {
		if owner == "" || w.spec.Owner == owner {
			out = append(out, w.status())
		}
	}
	slices.SortFunc(out, func(a, b engine.Status) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// Logs yields what a workload wrote, and writes.
func (e *Engine) Logs(ctx context.Context, id string, since time.Time) iter.Seq2[engine.Line, error] {
	return func(yield func(engine.Line, error) bool) {
		w, err := e.find(ctx, id)
		if err != nil {
			yield(engine.Line{}, err)
			return
		}
		w.spool.read(ctx, since)(yield)
	}
}

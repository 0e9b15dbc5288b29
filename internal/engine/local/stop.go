package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"

	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local/inside"
)

// Stop asks a workload to end, and sees to it that it does when grace is over, also over a restart of this process.
func (e *Engine) Stop(ctx context.Context, id string, grace time.Duration) error {
	w, err := e.find(ctx, id)
	if err != nil {
		return err
	}
	if w.status().Phase == engine.Exited {
		return nil
	}
	first := false
	at := e.now().Add(max(grace, 0))
	err = e.update(w, func(r *workloadRecord) {
		first = r.KillAt.IsZero()
		if first || at.Before(r.KillAt) {
			r.KillAt = at
		}
	})
	if err != nil {
		return e.explain(fmt.Errorf("stop %s: %w", id, err))
	}
	if first {
		e.background.Go(func() { e.execute(w) })
	} else {
		select {
		case w.hurry <- struct{}{}:
		default:
		}
	}
	if grace <= 0 {
		return e.explain(e.signal(ctx, w, syscall.SIGKILL))
	}
	if !first {
		return nil
	}
	e.untilReady(ctx, w)
	return e.explain(e.signal(ctx, w, syscall.SIGTERM))
}

// execute kills a workload when its grace is over.
func (e *Engine) execute(w *workload) {
	for {
		wait := time.Until(w.record().KillAt)
		select {
		case <-e.life.Done():
			return
		case <-w.ended:
			return
		case <-w.hurry:
			continue
		case <-time.After(wait):
		}
		if err := e.signal(e.life, w, syscall.SIGKILL); err == nil {
			return
		} else if e.life.Err() == nil {
			e.log.Warn("a workload was not killed, trying again", "workload", w.spec.ID, "error", err)
		}
		e.pause(patientPoll)
	}
}

// signal sends a signal to a workload's init, which passes it on. One that has ended does not mind.
func (e *Engine) signal(ctx context.Context, w *workload, s syscall.Signal) error {
	w.mu.Lock()
	task := w.task
	w.mu.Unlock()
	if task == nil {
		return nil
	}
	err := task.Kill(e.daemon.with(ctx), s)
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	select { // in the moment that it ends, containerd has other words for it
	case <-w.ended:
		return nil
	case <-time.After(time.Second):
		return fmt.Errorf("send %v to %s: %w", s, w.spec.ID, err)
	}
}

// untilReady waits, briefly, until a workload's init can take signals: one that was just started cannot yet.
func (e *Engine) untilReady(ctx context.Context, w *workload) {
	comm := fmt.Sprintf("/proc/%d/comm", w.record().Pid)
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; {
		name, err := os.ReadFile(comm)
		if err != nil || strings.TrimSpace(string(name)) == inside.Ready {
			return
		}
		e.pause(time.Millisecond)
	}
}

// Drop forgets a workload.
func (e *Engine) Drop(ctx context.Context, id string) error {
	w, err := e.find(ctx, id)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return nil // never was, or never started
	}
	if w.status().Phase != engine.Exited {
		if err := e.Stop(ctx, id, 0); err != nil {
			return err
		}
	}
	working, cancel := e.whileWorks(ctx, w.zone)
	defer cancel()
	select {
	case <-w.ended:
	case <-working.Done():
		select {
		case <-w.ended: // before that, and the choice was by chance
		default:
			return context.Cause(working)
		}
	}
	w.dropping.Lock()
	defer w.dropping.Unlock()
	if err := e.forget(ctx, w, true); err != nil {
		return e.explain(fmt.Errorf("drop %s: %w", id, err))
	}
	return nil
}

// discard undoes a start that failed.
func (e *Engine) discard(ctx context.Context, w *workload) {
	err := e.removeContainer(ctx, w.spec.ID)
	err = errors.Join(err, e.forget(ctx, w, false))
	e.keeper.say("release", w.io)
	os.RemoveAll(w.io)
	if err != nil {
		e.log.Warn("a start that failed was not undone", "workload", w.spec.ID, "error", err)
	}
}

// forget removes what is left of a workload that does not run, and its name last: if something cannot be removed,
// it is still there to be dropped again.
func (e *Engine) forget(ctx context.Context, w *workload, ran bool) error {
	if err := e.clear(ctx, w); err != nil {
		return err
	}
	if w.spool != nil {
		w.spool.close()
	}
	if err := os.RemoveAll(w.dir); err != nil {
		return fmt.Errorf("remove files: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.workloads[w.spec.ID] != w {
		return nil
	}
	delete(e.workloads, w.spec.ID)
	e.events.emit(engine.Event{ID: w.spec.ID, Owner: w.spec.Owner})
	rec := w.record()
	sp := e.spaces[w.spec.Space]
	if !ran { // nobody has seen these addresses
		delete(e.transit.Taken, rec.Transit)
		if sp != nil {
			delete(sp.book.Taken, rec.Status.Address)
		}
		return nil
	}
	var err error
	if rec.Transit.IsValid() {
		e.transit.release(rec.Transit, e.now())
		err = e.saveTransit()
	}
	if sp != nil {
		sp.book.release(rec.Status.Address, e.now())
		err = errors.Join(err, e.saveSpace(sp))
	}
	return err
}

package local

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"

	"github.com/cloister-dev/cloister/internal/engine"
)

const (
	killed = 128 + 9

	listenPoll  = 20 * time.Millisecond
	patientPoll = 200 * time.Millisecond
	patientFrom = 2 * time.Minute // a process that did not bind its port by now gets fewer looks
	memoryPoll  = time.Second
)

// follow looks after a running workload until it has exited, or this engine is closed.
func (e *Engine) follow(w *workload, task containerd.Task, pumps []*pump) {
	w.mu.Lock()
	w.task = task
	stopped := !w.rec.KillAt.IsZero()
	w.mu.Unlock()
	var pumping sync.WaitGroup
	for _, p := range pumps {
		pumping.Go(p.run)
	}
	halt := context.AfterFunc(e.life, func() {
		for _, p := range pumps {
			p.stop()
		}
	})
	e.background.Go(func() {
		if x, ok := e.await(w, task); ok {
			e.finish(w, x, pumps, &pumping)
		}
		pumping.Wait()
		halt()
	})
	e.background.Go(func() { e.tend(w) })
	if stopped {
		e.background.Go(func() { e.execute(w) })
	}
}

// await waits for a task to exit. While containerd is away nothing is known, and it asks again.
func (e *Engine) await(w *workload, task containerd.Task) (end, bool) {
	ctx := e.daemon.with(e.life)
	for e.life.Err() == nil {
		ended, err := task.Wait(ctx)
		if err == nil {
			s := <-ended
			if err = s.Error(); err == nil {
				return end{Status: int(s.ExitCode()), At: s.ExitTime().UTC()}, true
			}
		}
		if errdefs.IsNotFound(err) {
			return end{Status: killed, At: e.now()}, true
		}
		e.pause(patientPoll)
	}
	return end{}, false
}

// finish cleans up after a workload that has exited, and then says so. When this engine is closed in the middle, the
// next one goes on: how it ended is written down before the task goes, which is the only one to know.
func (e *Engine) finish(w *workload, x end, pumps []*pump, pumping *sync.WaitGroup) {
	// The counters, too, go with the task.
	if x.OOM = x.OOM || cgroups.oomKills(e.cgroup(w)) > 0; x.OOM {
		x.Peak = max(x.Peak, cgroups.peak(e.cgroup(w)))
	}
	if err := e.update(w, func(r *workloadRecord) { r.End = &x }); err != nil {
		e.log.Error("an exit was not recorded", "workload", w.spec.ID, "error", err)
	}
	if !e.deleteTask(w) {
		return
	}
	e.keeper.say("release", w.io) // and with it comes the end; a keeper that is gone holds nothing
	drained := time.AfterFunc(10*time.Second, func() {
		for _, p := range pumps {
			p.stop()
		}
	})
	pumping.Wait()
	drained.Stop()
	if e.life.Err() != nil {
		return
	}
	if err := e.clear(e.life, w); err != nil {
		e.log.Warn("a workload that exited was not cleaned up", "workload", w.spec.ID, "error", err)
	}
	err := e.update(w, func(r *workloadRecord) {
		r.Status.Phase, r.Status.Listening = engine.Exited, false
		r.Status.ExitStatus, r.Status.ExitedAt = x.Status, x.At
		if x.At.Before(r.Status.StartedAt) {
			r.Status.ExitedAt = r.Status.StartedAt
		}
		r.Status.OOM = r.Status.OOM || x.OOM
		r.Status.Peak = max(r.Status.Peak, x.Peak)
		r.Pid, r.End = 0, nil
	})
	if err != nil {
		e.log.Error("an exit was not recorded", "workload", w.spec.ID, "error", err)
	}
	w.spool.close()
	os.RemoveAll(w.io)
	close(w.ended)
	e.log.Info("workload exited", "workload", w.spec.ID, "owner", w.spec.Owner, "status", x.Status, "oom", x.OOM)
}

// deleteTask removes a workload's task and container from containerd, waiting for containerd if it is away.
func (e *Engine) deleteTask(w *workload) bool {
	ctx := e.daemon.with(e.life)
	for e.life.Err() == nil {
		err := e.removeContainer(ctx, w.spec.ID)
		if err == nil {
			return true
		}
		e.log.Warn("a container was not removed, trying again", "workload", w.spec.ID, "error", err)
		e.pause(time.Second)
	}
	return false
}

// removeContainer removes a container and its task, which it kills if it must. It may be repeated.
func (e *Engine) removeContainer(ctx context.Context, id string) error {
	ctx = e.daemon.with(ctx)
	c, err := e.daemon.client.LoadContainer(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	task, err := c.Task(ctx, nil)
	if err == nil {
		_, err = task.Delete(ctx, containerd.WithProcessKill)
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	if err := c.Delete(ctx); err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	return nil
}

// clear takes a workload's surroundings down: network, disk, volumes. It may be repeated.
func (e *Engine) clear(ctx context.Context, w *workload) error {
	return errors.Join(e.unplug(ctx, w), w.disk().unmount(), e.volumes.release(w.spec.ID, w.spec.Volumes))
}

// tend watches for what a running process does not tell: that its port is bound, and that it ran out of memory.
func (e *Engine) tend(w *workload) {
	port, began := w.spec.Port, time.Now()
	for {
		s := w.record()
		wait := memoryPoll
		if port > 0 && !s.Status.Listening {
			if wait = listenPoll; time.Since(began) > patientFrom {
				wait = patientPoll
			}
		}
		select {
		case <-e.life.Done():
			return
		case <-w.ended:
			return
		case <-time.After(wait):
		}
		bound := port > 0 && !s.Status.Listening && listening(s.Pid, port, s.Status.Address)
		oom := wait == memoryPoll && !s.Status.OOM && cgroups.oomKills(e.cgroup(w)) > 0
		if !bound && !oom {
			continue
		}
		err := e.update(w, func(r *workloadRecord) {
			if r.Status.Phase == engine.Running {
				r.Status.Listening = r.Status.Listening || bound
				if oom {
					r.Status.OOM, r.Status.Peak = true, cgroups.peak(e.cgroup(w))
				}
			}
		})
		if err != nil {
			e.log.Warn("a workload's state was not recorded", "workload", w.spec.ID, "error", err)
		}
	}
}

func (e *Engine) pause(d time.Duration) {
	select {
	case <-e.life.Done():
	case <-time.After(d):
	}
}

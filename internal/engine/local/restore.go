package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"

	"github.com/cloister-dev/cloister/internal/engine"
)

// A survivor is a workload that was not known to have exited, and what containerd says of it.
type survivor struct {
	*workload
	task  containerd.Task // nil: gone with the machine's last boot
	state containerd.ProcessStatus
}

// restore rebuilds what the process before knew, from its records and from what is really there.
func (e *Engine) restore(ctx context.Context) error {
	if err := read(filepath.Join(e.State, "transit.json"), e.transit); err != nil {
		return err
	}
	if err := e.readSpaces(); err != nil {
		return err
	}
	alive, err := e.readWorkloads(e.daemon.with(ctx))
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(e.spaces)) {
		if err := e.raiseSpace(ctx, e.spaces[id]); err != nil {
			// Nothing starts in it until somebody asks for it again, with success.
			e.log.Error("the network of a space was not restored", "space", id, "error", err)
		}
	}
	for _, s := range alive {
		if err := e.resume(ctx, s); err != nil {
			return fmt.Errorf("restore workload %s: %w", s.spec.ID, err)
		}
	}
	return e.removeStrangers(ctx)
}

func (e *Engine) readSpaces() error {
	files, _ := filepath.Glob(filepath.Join(e.State, "spaces", "*.json"))
	for _, f := range files {
		var r spaceRecord
		if err := read(f, &r); err != nil {
			return err
		}
		e.spaces[r.Space.ID] = e.newSpace(r)
		e.transit.keep(r.Link)
	}
	return nil
}

// readWorkloads enters all workloads. Those that run are already members of their space when its firewall is loaded.
func (e *Engine) readWorkloads(ctx context.Context) (alive []survivor, err error) {
	files, _ := filepath.Glob(filepath.Join(e.State, "workloads", "*", "record.json"))
	for _, f := range files {
		var r workloadRecord
		if err := read(f, &r); err != nil {
			return nil, err
		}
		w := e.newWorkload(r)
		e.workloads[w.spec.ID] = w
		sp := e.spaces[w.spec.Space]
		e.transit.keep(r.Transit)
		if sp != nil {
			sp.book.keep(r.Status.Address)
		}
		if w.spool, err = openSpool(filepath.Join(w.dir, "log")); err != nil {
			return nil, err
		}
		if r.Status.Phase == engine.Exited {
			w.spool.close()
			close(w.ready)
			close(w.ended)
			continue
		}
		if err := e.volumes.claim(w.spec.ID, w.spec.Volumes); err != nil {
			return nil, err
		}
		s := survivor{workload: w}
		if s.task, s.state, err = e.lookUp(ctx, w.spec.ID); err != nil {
			return nil, err
		}
		if s.task != nil && sp != nil {
			sp.members[w.spec.ID] = workloadRule{Link: linkOf(w), Address: r.Status.Address, Transit: r.Transit, Port: w.spec.Port}
		}
		alive = append(alive, s)
	}
	return alive, nil
}

// lookUp finds the task of a workload; there may be none.
func (e *Engine) lookUp(ctx context.Context, id string) (containerd.Task, containerd.ProcessStatus, error) {
	c, err := e.daemon.client.LoadContainer(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("look up container: %w", err)
	}
	task, err := c.Task(ctx, nil)
	if errdefs.IsNotFound(err) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("look up task: %w", err)
	}
	s, err := task.Status(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("look at task: %w", err)
	}
	return task, s.Status, nil
}

// resume goes on with a workload where the process before left it.
func (e *Engine) resume(ctx context.Context, s survivor) error {
	defer close(s.ready)
	began := s.record().Status.Phase == engine.Running
	switch {
	case !began && (s.task == nil || s.state == containerd.Created):
		// Nobody was told that it has started, so whoever asked will ask again.
		s.err = errors.New("its start was cut short")
		e.discard(ctx, s.workload)
		return nil
	case s.task == nil:
		return e.bury(s.workload)
	}
	if !began {
		err := e.update(s.workload, func(r *workloadRecord) {
			r.Status.Phase, r.Status.StartedAt, r.Pid = engine.Running, e.now(), s.task.Pid()
		})
		if err != nil {
			return err
		}
	}
	e.endExecs(ctx, s.workload, s.task)
	pumps, err := e.openPumps(s.workload)
	if err != nil {
		return err
	}
	e.follow(s.workload, s.task, pumps)
	return nil
}

// bury finishes a workload whose task is gone: it ended as was written down, or else with the machine.
func (e *Engine) bury(w *workload) error {
	x := end{Status: killed, At: e.now()}
	if known := w.record().End; known != nil {
		x = *known
	}
	pumps, err := e.openPumps(w) // what it wrote last may still be kept
	if err != nil {
		return err
	}
	var pumping sync.WaitGroup
	for _, p := range pumps {
		pumping.Go(p.run)
	}
	e.finish(w, x, pumps, &pumping)
	return cgroups.remove(e.cgroup(w))
}

// removeStrangers removes what is named as ours and belongs to nothing known: the leavings of a crash.
func (e *Engine) removeStrangers(ctx context.Context) error {
	list, err := e.daemon.client.Containers(e.daemon.with(ctx))
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	for _, c := range list {
		if e.workloads[c.ID()] == nil {
			e.log.Warn("an unknown container was removed", "container", c.ID())
			if err := e.removeContainer(ctx, c.ID()); err != nil {
				return fmt.Errorf("remove unknown container: %w", err)
			}
		}
	}
	entries, _ := os.ReadDir(filepath.Join(e.Run, "netns"))
	for _, f := range entries {
		if s, ok := strings.CutPrefix(f.Name(), "space-"); ok && e.spaces[s] != nil {
			continue
		}
		if w, ok := strings.CutPrefix(f.Name(), "workload-"); ok && e.workloads[w] != nil {
			continue
		}
		if err := namespace(filepath.Join(e.Run, "netns", f.Name())).remove(); err != nil {
			return err
		}
	}
	dirs, _ := os.ReadDir(filepath.Join(e.State, "workloads"))
	for _, f := range dirs {
		if e.workloads[f.Name()] == nil {
			dir := filepath.Join(e.State, "workloads", f.Name())
			if err := errors.Join(disk{at: filepath.Join(dir, "disk")}.unmount(), os.RemoveAll(dir)); err != nil {
				return fmt.Errorf("remove unknown files: %w", err)
			}
		}
	}
	return nil
}

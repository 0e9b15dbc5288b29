package local

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local/inside"
)

const execPrefix = "exec-"

// Exec runs another process inside a running workload.
func (e *Engine) Exec(ctx context.Context, id string, p engine.Process, t engine.Terminal) (int, error) {
	w, err := e.find(ctx, id)
	if err != nil {
		return 0, err
	}
	if w.status().Phase != engine.Running {
		return 0, notRunning()
	}
	if len(p.Command) == 0 && p.Dial == "" {
		return 0, cloister.Errorf(cloister.Invalid, "There is no command to run.")
	}
	w.mu.Lock()
	task := w.task
	w.mu.Unlock()
	status, err := e.exec(ctx, w, task, p, t)
	if err != nil && ctx.Err() == nil && w.status().Phase == engine.Exited {
		return 0, notRunning()
	}
	if err != nil {
		return 0, e.explain(fmt.Errorf("run in %s: %w", id, err))
	}
	return status, nil
}

func notRunning() error {
	return cloister.Errorf(cloister.Conflict, "The dyno is not running any more.")
}

func (e *Engine) exec(ctx context.Context, w *workload, task containerd.Task, p engine.Process, t engine.Terminal) (int, error) {
	s, err := task.Spec(e.daemon.with(ctx))
	if err != nil {
		return 0, fmt.Errorf("read spec: %w", err)
	}
	process, err := execProcess(s.Process, p, t)
	if err != nil {
		return 0, err
	}
	id := execPrefix + strings.ReplaceAll(cloister.NewID(), "-", "")
	streams, err := openStreams(filepath.Join(w.io, id), t)
	if err != nil {
		return 0, err
	}
	defer streams.close()

	// The process has a life of its own: when ctx ends it is killed, waited for and removed.
	own := e.daemon.with(context.WithoutCancel(ctx))
	run, err := task.Exec(own, id, process, func(string) (cio.IO, error) {
		return cio.Load(cio.NewFIFOSet(streams.config, nil))
	})
	if err != nil {
		return 0, fmt.Errorf("prepare process: %w", err)
	}
	defer remove(own, run)
	ended, err := run.Wait(own)
	if err != nil {
		return 0, fmt.Errorf("wait for process: %w", err)
	}
	if err := begin(ctx, own, run); err != nil {
		return 0, err
	}
	os.WriteFile(filepath.Join(streams.dir, "pid"), fmt.Append(nil, run.Pid()), 0o600) // for endExecs
	if t.Began != nil {
		t.Began()
	}
	streams.began(func() { run.CloseIO(own, containerd.WithStdinCloser) })
	done := make(chan struct{})
	defer close(done)
	if t.TTY {
		go resize(own, run, t, done)
	}
	go hangUp(run.Pid(), t.Hangup, done)
	select {
	case x := <-ended:
		if err := x.Error(); err != nil && !errdefs.IsNotFound(err) {
			return 0, fmt.Errorf("wait for process: %w", err)
		} else if err != nil {
			return killed, nil // it went with its workload
		}
		return int(x.ExitCode()), streams.drain(ctx)
	case <-ctx.Done():
		signalFamily(run.Pid(), syscall.SIGKILL)
		run.Kill(own, syscall.SIGKILL)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
		}
		return 0, ctx.Err()
	}
}

// begin starts a process. A workload at its limits may not let one begin at all; then ctx ends the wait, and the
// process is killed when it comes to life after all.
func begin(ctx, own context.Context, run containerd.Process) error {
	begun := make(chan error, 1)
	go func() { begun <- run.Start(own) }()
	select {
	case err := <-begun:
		if err != nil {
			return fmt.Errorf("start process: %w", err)
		}
		return nil
	case <-ctx.Done():
		go func() {
			if <-begun == nil {
				run.Kill(own, syscall.SIGKILL)
			}
		}()
		return ctx.Err()
	}
}

// remove kills a process if it is still there, and makes containerd forget it.
func remove(ctx context.Context, run containerd.Process) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	run.Delete(ctx, containerd.WithProcessKill)
}

// endExecs ends the processes whose callers went away with the engine before this one. Their FIFOs tell of them.
func (e *Engine) endExecs(ctx context.Context, w *workload, task containerd.Task) {
	ctx = e.daemon.with(ctx)
	dirs, _ := filepath.Glob(filepath.Join(w.io, execPrefix+"*"))
	for _, dir := range dirs {
		id := filepath.Base(dir)
		var pid uint32
		text, _ := os.ReadFile(filepath.Join(dir, "pid"))
		if _, err := fmt.Sscan(string(text), &pid); err == nil && inCgroup(pid, e.cgroup(w)) { // still the same process
			signalFamily(pid, syscall.SIGKILL)
		}
		if run, err := task.LoadProcess(ctx, id, nil); err == nil {
			run.Kill(ctx, syscall.SIGKILL)
			remove(ctx, run)
		}
		os.RemoveAll(dir)
	}
}

// execProcess is the workload's own process with another command.
func execProcess(base *specs.Process, p engine.Process, t engine.Terminal) (*specs.Process, error) {
	own := *base
	dir := p.Dir
	if dir == "" {
		dir = base.Cwd
	}
	if own.Args = inside.Other(dir, p.Command); p.Dial != "" {
		own.Args = inside.Dial(p.Dial)
	}
	own.Cwd = "/" // init goes to dir, and tells if it cannot
	env := map[string]string{}
	for _, kv := range base.Env {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	if t.TTY {
		own.Terminal = true
		if _, ok := env["TERM"]; !ok {
			env["TERM"] = "xterm"
		}
		if t.Window.Rows > 0 && t.Window.Columns > 0 {
			own.ConsoleSize = &specs.Box{Height: uint(t.Window.Rows), Width: uint(t.Window.Columns)}
		}
	}
	maps.Copy(env, p.Env)
	var err error
	own.Env, err = pairs(env)
	return &own, err
}

func resize(ctx context.Context, run containerd.Process, t engine.Terminal, done <-chan struct{}) {
	set := func(w engine.Window) {
		if w.Rows > 0 && w.Columns > 0 {
			run.Resize(ctx, uint32(w.Columns), uint32(w.Rows)) // a process that has just ended does not mind
		}
	}
	set(t.Window)
	for {
		select {
		case w, ok := <-t.Resize:
			if !ok {
				return
			}
			set(w)
		case <-done:
			return
		}
	}
}

// hangUp sends a SIGHUP for each time that somebody asks, while the process runs.
func hangUp(pid uint32, asked <-chan struct{}, done <-chan struct{}) {
	for {
		select {
		case _, ok := <-asked:
			if !ok {
				return
			}
			syscall.Kill(int(pid), syscall.SIGHUP) // it is not reaped before done
			signalFamily(pid, syscall.SIGHUP)
		case <-done:
			return
		}
	}
}

// signalFamily sends a signal to the descendants of a process. They are collected first: an orphan has no parent to be
// found by.
func signalFamily(pid uint32, s syscall.Signal) {
	var collect func(pid string) []int
	collect = func(pid string) (out []int) {
		files, _ := filepath.Glob("/proc/" + pid + "/task/*/children")
		for _, f := range files {
			text, _ := os.ReadFile(f)
			for _, child := range strings.Fields(string(text)) {
				var n int
				if _, err := fmt.Sscan(child, &n); err == nil {
					out = append(append(out, n), collect(child)...)
				}
			}
		}
		return out
	}
	for _, p := range collect(fmt.Sprint(pid)) {
		syscall.Kill(p, s)
	}
}

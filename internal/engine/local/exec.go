package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local/inside"
)

// Exec runs another process inside a running workload.
func (e *Engine) Exec(ctx context.Context, id string, p engine.Process, t engine.Terminal) (int, error) {
	w, err := e.find(ctx, id)
	if err != nil {
		return 0, err
	}
	if w.status().Phase != engine.Running {
		return 0, notRunning()
	}
	if len(p.Command) == 0 {
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
	id := "exec-" + strings.ReplaceAll(cloister.NewID(), "-", "")
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
	defer run.Delete(own, containerd.WithProcessKill)
	ended, err := run.Wait(own)
	if err != nil {
		return 0, fmt.Errorf("wait for process: %w", err)
	}
	if err := begin(ctx, own, run); err != nil {
		return 0, err
	}
	streams.began(func() { run.CloseIO(own, containerd.WithStdinCloser) })
	done := make(chan struct{})
	defer close(done)
	if t.TTY {
		go resize(own, run, t, done)
	}
	select {
	case x := <-ended:
		if err := x.Error(); err != nil && !errdefs.IsNotFound(err) {
			return 0, fmt.Errorf("wait for process: %w", err)
		} else if err != nil {
			return killed, nil // it went with its workload
		}
		return int(x.ExitCode()), streams.drain(ctx)
	case <-ctx.Done():
		killFamily(run.Pid())
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

// execProcess is the workload's own process with another command.
func execProcess(base *specs.Process, p engine.Process, t engine.Terminal) (*specs.Process, error) {
	own := *base
	dir := p.Dir
	if dir == "" {
		dir = base.Cwd
	}
	own.Args = inside.Other(dir, p.Command)
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

// killFamily kills the descendants of a process. They are collected first: an orphan has no parent to be found by.
func killFamily(pid uint32) {
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
		syscall.Kill(p, syscall.SIGKILL)
	}
}

// A streams joins a process's FIFOs with a caller's readers and writers.
type streams struct {
	dir    string
	config cio.Config
	in     io.Reader
	held   []*os.File // open until the shim has opened its own ends
	stdin  *os.File
	outs   []*outlet
	copies sync.WaitGroup
}

// An outlet copies one output.
type outlet struct {
	from  *os.File
	to    io.Writer
	moved atomic.Int64 // bytes
	busy  atomic.Bool  // in the writer's hands
	err   error
}

func openStreams(dir string, t engine.Terminal) (s *streams, err error) {
	s = &streams{dir: dir, in: t.In, config: cio.Config{Terminal: t.TTY}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make fifos: %w", err)
	}
	if t.In != nil {
		s.config.Stdin = filepath.Join(dir, "stdin")
		if s.stdin, err = s.open(s.config.Stdin, os.O_WRONLY); err != nil {
			return nil, err
		}
	}
	s.config.Stdout = filepath.Join(dir, "stdout")
	if err := s.outlet(s.config.Stdout, t.Out); err != nil {
		return nil, err
	}
	if !t.TTY {
		s.config.Stderr = filepath.Join(dir, "stderr")
		if err := s.outlet(s.config.Stderr, t.Err); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *streams) outlet(path string, to io.Writer) error {
	if to == nil {
		to = io.Discard
	}
	f, err := s.open(path, os.O_RDONLY)
	if err == nil {
		s.outs = append(s.outs, &outlet{from: f, to: to})
	}
	return err
}

func (s *streams) open(path string, mode int) (*os.File, error) {
	hold, err := makeFIFO(path)
	if err != nil {
		return nil, err
	}
	s.held = append(s.held, hold)
	f, err := os.OpenFile(path, mode|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open fifo: %w", err)
	}
	return f, nil
}

// began starts copying. noMore is called when the input is at its end.
func (s *streams) began(noMore func()) {
	for _, f := range s.held {
		f.Close()
	}
	s.held = nil
	for _, o := range s.outs {
		s.copies.Go(o.copy)
	}
	if s.stdin == nil {
		return
	}
	go func() { // nobody waits for this one: the input may stay open long after the process
		_, err := io.Copy(s.stdin, s.in)
		s.stdin.Close()
		if err == nil || !errors.Is(err, os.ErrClosed) {
			noMore()
		}
	}()
}

func (o *outlet) copy() {
	buf := make([]byte, 64<<10)
	for {
		n, err := o.from.Read(buf)
		if n > 0 {
			o.busy.Store(true)
			_, o.err = o.to.Write(buf[:n])
			o.moved.Add(int64(n))
			o.busy.Store(false)
		}
		if err != nil || o.err != nil {
			return
		}
	}
}

// drain waits until everything that the process wrote was passed on. A child that it left behind may hold its output
// open for ever; so when nothing has come for a while, that is the end.
func (s *streams) drain(ctx context.Context) error {
	all := make(chan struct{})
	go func() { s.copies.Wait(); close(all) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := int64(-1)
	for {
		select {
		case <-all:
			var errs error
			for _, o := range s.outs {
				errs = errors.Join(errs, o.err)
			}
			return errs
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			moved, busy := int64(0), false
			for _, o := range s.outs {
				moved, busy = moved+o.moved.Load(), busy || o.busy.Load()
			}
			if moved == last && !busy {
				for _, o := range s.outs {
					o.from.SetReadDeadline(time.Now())
				}
			}
			last = moved
		}
	}
}

func (s *streams) close() {
	for _, f := range s.held {
		f.Close()
	}
	for _, o := range s.outs {
		o.from.Close()
	}
	if s.stdin != nil {
		s.stdin.Close()
	}
	os.RemoveAll(s.dir)
}

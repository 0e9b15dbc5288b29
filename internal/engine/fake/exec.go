package fake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Exec runs one of the fake's words, or what Config.Exec does, inside a running workload.
func (e *Engine) Exec(ctx context.Context, id string, p engine.Process, t engine.Terminal) (int, error) {
	t.Out, t.Err = cmp.Or(t.Out, io.Discard), cmp.Or(t.Err, io.Discard)
	e.mu.Lock()
	w, ok := e.workloads[id]
	err := e.down(ctx)
	switch {
	case err != nil:
	case !ok:
		err = missing(id)
	case w.status.Phase != engine.Running:
		err = cloister.Errorf(cloister.Conflict, "The workload %s does not run.", id)
	case p.Dial != "":
		err = cloister.Errorf(cloister.Unsupported, "The fake engine has no network to connect to %s in.", p.Dial)
	case w.ended == nil:
		w.ended = make(chan struct{})
	}
	e.mu.Unlock()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		status int
		err    error
	}
	done := make(chan result, 1)
	if t.Began != nil {
		t.Began()
	}
	go func() { // not waited for: a process may hang on an input that nobody closes
		status, err := e.process(ctx, w, p, t)
		done <- result{status, err}
	}()
	select {
	case r := <-done:
		return r.status, r.err
	case <-w.ended:
		return 137, nil
	case <-ctx.Done():
		return 137, ctx.Err()
	}
}

// process does what a command says. A hang-up ends any that does not end by itself, but for the stubborn.
func (e *Engine) process(ctx context.Context, w *workload, p engine.Process, t engine.Terminal) (int, error) {
	if e.config.Exec != nil {
		return e.config.Exec(ctx, w.Workload, p, t)
	}
	verb := ""
	if len(p.Command) > 1 && p.Command[0] == "fake" {
		verb = p.Command[1]
	}
	switch verb {
	case "cat":
		if t.In == nil {
			return 0, nil
		}
		if _, err := io.Copy(t.Out, t.In); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return 1, nil
		}
		return 0, nil
	case "terminal":
		if t.TTY {
			return 0, nil
		}
		return 1, nil
	case "window":
		fmt.Fprintf(t.Out, "%d %d\n", t.Window.Rows, t.Window.Columns)
		return 0, nil
	}
	b, known := obey(p.Command)
	if !known {
		fmt.Fprintf(t.Err, "The fake engine runs nothing, and does not know %q.\n", p.Command)
		return 127, nil
	}
	env := maps.Clone(w.Env)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, p.Env)
	e.mu.Lock()
	more, status := e.surroundings(w.Workload, p.Command, env, cmp.Or(p.Dir, w.Dir))
	e.mu.Unlock()
	for _, l := range append(b.Print, more...) {
		out := t.Out
		if l.Stderr && !t.TTY {
			out = t.Err
		}
		fmt.Fprintln(out, l.Text)
	}
	if !b.Ends {
		hangup := t.Hangup
		if b.Stubborn {
			hangup = nil
		}
		select {
		case <-hangup:
			return 129, nil
		case <-ctx.Done():
			return 137, ctx.Err()
		}
	}
	return cmp.Or(status, b.Status), nil
}

package enginetest

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

var execs = []contract{
	{"a process reads its input and writes its output", func(b *bench) {
		var out bytes.Buffer
		status := b.exec(b.Commands.Cat, engine.Terminal{In: strings.NewReader("to and fro"), Out: &out})
		if status != 0 || out.String() != "to and fro" {
			b.Errorf("exit status %d, output %q", status, out.String())
		}
	}},
	{"a connection is made from inside", func(b *bench) {
		w := b.start(b.web(b.Commands.Listen, 5000))
		b.until(w, "listen", func(s engine.Status) bool { return s.Listening })
		dial := func(to, in string) (status int, out, errs bytes.Buffer) {
			status, err := b.Engine.Exec(b.ctx, w.ID, engine.Process{Dial: to}, engine.Terminal{In: strings.NewReader(in), Out: &out, Err: &errs})
			if cloister.KindOf(err) == cloister.Unsupported {
				b.Skip("this engine has no network")
			}
			b.must(err)
			return status, out, errs
		}
		for _, to := range []string{"0.0.0.0:5000", "localhost:5000"} { // what is sent has ended before the answer comes
			if status, out, errs := dial(to, "GET / HTTP/1.0\r\n\r\n"); status != 0 || !strings.HasPrefix(out.String(), "\x00HTTP/1.") || errs.Len() > 0 {
				b.Errorf("%s: exit status %d, output %q, %q", to, status, out.String(), errs.String())
			}
		}
		if status, out, errs := dial("127.0.0.1:1", "x"); status != 1 || out.Len() > 0 || !strings.Contains(errs.String(), "refused") {
			b.Errorf("exit status %d, output %q, %q", status, out.String(), errs.String())
		}
	}},
	{"the two outputs are separate", func(b *bench) {
		var out, errs bytes.Buffer
		b.exec(b.Commands.Both, engine.Terminal{Out: &out, Err: &errs})
		if out.String() != "out\n" || errs.String() != "err\n" {
			b.Errorf("output %q, error output %q", out.String(), errs.String())
		}
	}},
	{"the exit status of a process is told", func(b *bench) {
		for _, want := range []int{0, 3, 255} {
			if got := b.exec(b.Commands.Exit(want), engine.Terminal{}); got != want {
				b.Errorf("exit status %d, want %d", got, want)
			}
		}
	}},
	{"no input is an empty input, and no writer discards", func(b *bench) {
		if status := b.exec(b.Commands.Cat, engine.Terminal{}); status != 0 {
			b.Errorf("exit status %d", status)
		}
		if status := b.exec(b.Commands.Both, engine.Terminal{}); status != 0 {
			b.Errorf("exit status %d", status)
		}
	}},
	{"large binary data comes through unchanged", func(b *bench) {
		data := make([]byte, 8<<20)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		var out bytes.Buffer
		b.exec(b.Commands.Cat, engine.Terminal{In: bytes.NewReader(data), Out: &out})
		if !bytes.Equal(out.Bytes(), data) {
			b.Errorf("%d bytes came back of %d, or others", out.Len(), len(data))
		}
	}},
	{"a process ends although its input stays open", func(b *bench) {
		in, keep := io.Pipe()
		defer keep.Close()
		if status := b.exec(b.Commands.Exit(4), engine.Terminal{In: in}); status != 4 {
			b.Errorf("exit status %d, want 4", status)
		}
	}},
	{"a process has a terminal if it was asked for", func(b *bench) {
		var out bytes.Buffer
		if status := b.exec(b.Commands.Terminal, engine.Terminal{TTY: true, Out: &out}); status != 0 {
			b.Errorf("with TTY its input is no terminal (exit status %d)", status)
		}
		if status := b.exec(b.Commands.Terminal, engine.Terminal{In: strings.NewReader(""), Out: &out}); status != 1 {
			b.Errorf("without TTY its input is a terminal (exit status %d)", status)
		}
	}},
	{"a terminal has the size it was given", func(b *bench) {
		var out bytes.Buffer
		b.exec(b.Commands.Window, engine.Terminal{TTY: true, Out: &out, Window: engine.Window{Rows: 31, Columns: 97}})
		if got := strings.TrimSpace(out.String()); got != "31 97" {
			b.Errorf("the size is %q, want 31 97", got)
		}
	}},
	{"a process has the workload's environment and its own on top", func(b *bench) {
		w := b.workload(b.Commands.Wait)
		w.Env = map[string]string{"KEPT": "kept", "CHANGED": "before"}
		b.untilRunning(b.start(w))
		for name, want := range map[string]string{"KEPT": "kept", "CHANGED": "after", "NEW": "new"} {
			var out bytes.Buffer
			_, err := b.Engine.Exec(b.ctx, w.ID, engine.Process{Command: b.Commands.Var(name),
				Env: map[string]string{"CHANGED": "after", "NEW": "new"}}, engine.Terminal{Out: &out})
			b.must(err)
			if got := strings.TrimSpace(out.String()); got != want {
				b.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}},
	{"a process runs in the directory it was given", func(b *bench) {
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		var out bytes.Buffer
		_, err := b.Engine.Exec(b.ctx, w.ID, engine.Process{Command: b.Commands.Dir, Dir: "/tmp"}, engine.Terminal{Out: &out})
		b.must(err)
		if got := strings.TrimSpace(out.String()); got != "/tmp" {
			b.Errorf("it ran in %q, want /tmp", got)
		}
	}},
	{"a process is killed when its context is done", func(b *bench) {
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		ctx, cancel := context.WithTimeout(b.ctx, 300*time.Millisecond)
		defer cancel()
		asked := time.Now()
		status, err := b.Engine.Exec(ctx, w.ID, engine.Process{Command: b.Commands.Stubborn}, engine.Terminal{})
		if err == nil && status == 0 {
			b.Error("it ended well")
		}
		if time.Since(asked) > b.Patience {
			b.Errorf("it went on for %v", time.Since(asked))
		}
	}},
	{"a process is told to have begun before its output is", func(b *bench) {
		var told []string
		b.exec(b.Commands.Say("out"), engine.Terminal{Began: func() { told = append(told, "began") },
			Out: writerFunc(func(p []byte) (int, error) { told = append(told, strings.TrimSpace(string(p))); return len(p), nil })})
		if !slices.Equal(told, []string{"began", "out"}) {
			b.Errorf("it was told %q", told)
		}
	}},
	{"a hang-up ends a process", func(b *bench) {
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		hangup := make(chan struct{}, 1)
		status, err := b.Engine.Exec(b.ctx, w.ID, engine.Process{Command: b.Commands.Wait}, engine.Terminal{Hangup: hangup,
			Out: writerFunc(func(p []byte) (int, error) {
				select {
				case hangup <- struct{}{}:
				default:
				}
				return len(p), nil
			})})
		b.must(err)
		if status != 129 {
			b.Errorf("exit status %d, want 129", status)
		}
	}},
	{"a workload that holds runs others until it is stopped", func(b *bench) {
		w := b.workload(nil)
		w.Hold = true
		b.untilRunning(b.start(w))
		if status, err := b.Engine.Exec(b.ctx, w.ID, engine.Process{Command: b.Commands.Exit(5)}, engine.Terminal{}); status != 5 || err != nil {
			b.Errorf("exit status %d, %v, want 5", status, err)
		}
		if s, _ := b.status(w); s.Phase != engine.Running {
			b.Errorf("it is %s when a process of it has ended", s.Phase)
		}
		b.must(b.Engine.Stop(b.ctx, w.ID, time.Minute))
		b.untilExited(w)
	}},
	{"a process ends with its workload", func(b *bench) {
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			status, err := b.Engine.Exec(b.ctx, w.ID, engine.Process{Command: b.Commands.Stubborn}, engine.Terminal{})
			if err == nil && status == 0 {
				b.Error("it ended well")
			}
		}()
		b.eventually("the process had a moment to begin", func() bool {
			s, _ := b.status(w)
			return time.Since(s.StartedAt) > 500*time.Millisecond
		})
		b.must(b.Engine.Stop(b.ctx, w.ID, 0))
		select {
		case <-ended:
		case <-time.After(b.Patience):
			b.Error("it goes on after its workload has exited")
		}
	}},
	{"nothing runs in a workload that has exited", func(b *bench) {
		w := b.run(b.Commands.Exit(0))
		b.untilExited(w)
		_, err := b.Engine.Exec(b.ctx, w.ID, engine.Process{Command: b.Commands.Exit(0)}, engine.Terminal{})
		b.refused(err, cloister.Conflict)
	}},
	{"nothing runs in what never was", func(b *bench) {
		_, err := b.Engine.Exec(b.ctx, cloister.NewID(), engine.Process{Command: b.Commands.Exit(0)}, engine.Terminal{})
		b.refused(err, cloister.NotFound)
	}},
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// exec runs a process in a workload made for it.
func (b *bench) exec(command []string, t engine.Terminal) int {
	b.Helper()
	w := b.run(b.Commands.Wait)
	b.untilRunning(w)
	status, err := b.Engine.Exec(b.ctx, w.ID, engine.Process{Command: command}, t)
	b.must(err)
	return status
}

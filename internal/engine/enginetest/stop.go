package enginetest

import (
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

const (
	killed = 128 + 9
	long   = time.Hour // a grace that no test waits for
)

var stops = []contract{
	{"stop lets a workload end by itself", func(b *bench) {
		w := b.run(b.Commands.Wait)
		b.ready(w)
		b.must(b.Engine.Stop(b.ctx, w.ID, long))
		if s := b.untilExited(w); s.ExitStatus != 7 {
			b.Errorf("exit status %d, want the one of its own handler, 7", s.ExitStatus)
		}
	}},
	{"stop returns before the workload has ended", func(b *bench) {
		w := b.run(b.Commands.Stubborn)
		b.ready(w)
		b.must(b.Engine.Stop(b.ctx, w.ID, long))
		if s, ok := b.status(w); !ok || s.Phase != engine.Running {
			b.Errorf("it does not run: %+v", s)
		}
	}},
	{"a workload that ignores SIGTERM is killed when its grace is over", func(b *bench) {
		const grace = 400 * time.Millisecond
		w := b.run(b.Commands.Stubborn)
		b.ready(w)
		asked := time.Now()
		b.must(b.Engine.Stop(b.ctx, w.ID, grace))
		s := b.untilExited(w)
		if s.ExitStatus != killed || time.Since(asked) < grace {
			b.Errorf("after %v: exit status %d, want %d", time.Since(asked), s.ExitStatus, killed)
		}
	}},
	{"no grace kills at once", func(b *bench) {
		w := b.run(b.Commands.Stubborn)
		b.ready(w)
		b.must(b.Engine.Stop(b.ctx, w.ID, 0))
		if s := b.untilExited(w); s.ExitStatus != killed {
			b.Errorf("exit status %d, want %d", s.ExitStatus, killed)
		}
	}},
	{"a shorter grace shortens", func(b *bench) {
		w := b.run(b.Commands.Stubborn)
		b.ready(w)
		b.must(b.Engine.Stop(b.ctx, w.ID, long))
		b.must(b.Engine.Stop(b.ctx, w.ID, 100*time.Millisecond))
		if s := b.untilExited(w); s.ExitStatus != killed {
			b.Errorf("exit status %d, want %d", s.ExitStatus, killed)
		}
	}},
	{"a longer grace does not lengthen", func(b *bench) {
		w := b.run(b.Commands.Stubborn)
		b.ready(w)
		b.must(b.Engine.Stop(b.ctx, w.ID, 300*time.Millisecond))
		b.must(b.Engine.Stop(b.ctx, w.ID, long))
		if s := b.untilExited(w); s.ExitStatus != killed {
			b.Errorf("exit status %d, want %d", s.ExitStatus, killed)
		}
	}},
	{"stopping what has exited changes nothing", func(b *bench) {
		w := b.run(b.Commands.Exit(3))
		b.untilExited(w)
		b.must(b.Engine.Stop(b.ctx, w.ID, time.Second))
		b.must(b.Engine.Stop(b.ctx, w.ID, 0))
		if s, _ := b.status(w); s.ExitStatus != 3 {
			b.Errorf("exit status %d, want 3", s.ExitStatus)
		}
	}},
	{"stopping what never was is not found", func(b *bench) {
		b.refused(b.Engine.Stop(b.ctx, cloister.NewID(), time.Second), cloister.NotFound)
	}},
}

// ready waits until a workload that runs Wait or Stubborn has its signal handlers.
func (b *bench) ready(w engine.Workload) {
	b.Helper()
	for l, err := range b.Engine.Logs(b.ctx, w.ID, time.Time{}) {
		b.must(err)
		if l.Text == "ready" {
			b.untilRunning(w)
			return
		}
	}
	b.Fatal("it never was ready")
}

var drops = []contract{
	{"a running workload can be dropped", func(b *bench) {
		w := b.run(b.Commands.Stubborn)
		b.untilRunning(w)
		b.must(b.Engine.Drop(b.ctx, w.ID))
		if s, ok := b.status(w); ok {
			b.Errorf("it is still listed: %+v", s)
		}
	}},
	{"dropping twice, or what never was, succeeds", func(b *bench) {
		w := b.run(b.Commands.Exit(0))
		b.untilExited(w)
		b.must(b.Engine.Drop(b.ctx, w.ID))
		b.must(b.Engine.Drop(b.ctx, w.ID))
		b.must(b.Engine.Drop(b.ctx, cloister.NewID()))
	}},
	{"what was dropped is not found any more", func(b *bench) {
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		b.must(b.Engine.Drop(b.ctx, w.ID))
		b.refused(b.Engine.Stop(b.ctx, w.ID, 0), cloister.NotFound)
		_, err := b.Engine.Exec(b.ctx, w.ID, engine.Process{Command: b.Commands.Exit(0)}, engine.Terminal{})
		b.refused(err, cloister.NotFound)
	}},
}

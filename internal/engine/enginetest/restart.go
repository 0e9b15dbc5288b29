package enginetest

import (
	"strconv"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
)

var restarts = []contract{
	{"workloads survive a restart of the engine", func(b *bench) {
		running, web, ended := b.run(b.Commands.Tick), b.start(b.web(b.Commands.Listen, 5000)), b.run(b.Commands.Exit(3))
		was := b.untilRunning(running)
		wasWeb := b.until(web, "listening", func(s engine.Status) bool { return s.Listening })
		wasEnded := b.untilExited(ended)

		b.Engine = b.Restart(b.T)

		if is, ok := b.status(running); !ok || is.Phase != engine.Running || !is.StartedAt.Equal(was.StartedAt) || is.Address != was.Address {
			b.Errorf("a running workload changed:\n%+v\n%+v", was, is)
		}
		if is := b.until(web, "listening", func(s engine.Status) bool { return s.Listening }); is.Endpoint != wasWeb.Endpoint {
			b.Errorf("its endpoint was %s and is %s", wasWeb.Endpoint, is.Endpoint)
		}
		if is, ok := b.status(ended); !ok || is.Phase != engine.Exited || is.ExitStatus != 3 || !is.ExitedAt.Equal(wasEnded.ExitedAt) {
			b.Errorf("an exited workload changed:\n%+v\n%+v", wasEnded, is)
		}
		b.must(b.Engine.Start(b.ctx, ended))
		if is, _ := b.status(ended); is.Phase != engine.Exited {
			b.Errorf("an exited workload ran again: %+v", is)
		}
	}},
	{"names and the topology survive a restart of the engine, and change after it", func(b *bench) {
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		b.rename(`{"version":1}`, name("web.a.app.localspace.", "10.0.128.7"))

		b.Engine = b.Restart(b.T)

		b.resolves(w, "web.a.app.localspace", "10.0.128.7")
		b.reads(w, `{"version":1}`)
		b.rename(`{"version":2}`, name("web.a.app.localspace.", "10.0.128.9"))
		b.resolves(w, "web.a.app.localspace", "10.0.128.9")
		b.reads(w, `{"version":2}`)
	}},
	{"logs go on over a restart of the engine without a gap", func(b *bench) {
		w := b.run(b.Commands.Tick)
		b.untilRunning(w)
		b.Engine = b.Restart(b.T)
		n, restarted := 0, time.Now()
		for l, err := range b.Engine.Logs(b.ctx, w.ID, time.Time{}) {
			b.must(err)
			n++
			if l.Text != strconv.Itoa(n) {
				b.Fatalf("line %d is %q", n, l.Text)
			}
			if l.At.After(restarted) && n > 10 {
				break
			}
		}
	}},
	{"spaces survive a restart of the engine", func(b *bench) {
		b.Engine = b.Restart(b.T)
		b.must(b.Engine.EnsureSpace(b.ctx, b.space))
		b.untilRunning(b.run(b.Commands.Wait))
	}},
	{"a grace goes on over a restart of the engine", func(b *bench) {
		w := b.run(b.Commands.Stubborn)
		b.ready(w)
		b.must(b.Engine.Stop(b.ctx, w.ID, time.Second))
		b.Engine = b.Restart(b.T)
		if s := b.untilExited(w); s.ExitStatus != killed {
			b.Errorf("exit status %d, want %d", s.ExitStatus, killed)
		}
	}},
}

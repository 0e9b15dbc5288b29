package enginetest

import (
	"sync"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

var starts = []contract{
	{"a started workload runs and is seen as it was described", func(b *bench) {
		w := b.workload(b.Commands.Wait)
		w.Labels = map[string]string{"colour": "blue", "empty": ""}
		s := b.untilRunning(b.start(w))
		if s.Owner != w.Owner || s.Space != w.Space || s.Node == "" || s.Zone == "" || s.StartedAt.IsZero() || !s.ExitedAt.IsZero() {
			b.Errorf("it looks wrong: %+v", s)
		}
		if len(s.Labels) != 2 || s.Labels["colour"] != "blue" {
			b.Errorf("labels are %v, want %v", s.Labels, w.Labels)
		}
	}},
	{"starting twice starts once", func(b *bench) {
		w := b.run(b.Commands.Wait)
		before := b.untilRunning(w)
		b.must(b.Engine.Start(b.ctx, w))
		after, _ := b.status(w)
		if !after.StartedAt.Equal(before.StartedAt) || after.Address != before.Address {
			b.Errorf("it was started again:\n%+v\n%+v", before, after)
		}
	}},
	{"starting many times at once starts once", func(b *bench) {
		w := b.workload(b.Commands.Print("once"))
		b.dropLater(w.ID)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := b.Engine.Start(b.ctx, w); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		b.untilExited(w)
		if got := b.lines(w); len(got) != 1 {
			b.Errorf("it wrote %q, want one line", got)
		}
	}},
	{"an id runs once, also after it has exited", func(b *bench) {
		w := b.run(b.Commands.Print("once"))
		before := b.untilExited(w)
		b.must(b.Engine.Start(b.ctx, w))
		after, _ := b.status(w)
		if after.Phase != engine.Exited || !after.ExitedAt.Equal(before.ExitedAt) {
			b.Errorf("it ran again:\n%+v\n%+v", before, after)
		}
		if got := b.lines(w); len(got) != 1 {
			b.Errorf("it wrote %q, want one line", got)
		}
	}},
	{"many workloads start side by side and none shares an address", func(b *bench) {
		var all []engine.Workload
		for range 6 {
			w := b.workload(b.Commands.Wait)
			b.dropLater(w.ID)
			all = append(all, w)
		}
		var wg sync.WaitGroup
		for _, w := range all {
			wg.Go(func() {
				if err := b.Engine.Start(b.ctx, w); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		seen := map[string]bool{}
		for _, w := range all {
			s := b.untilRunning(w)
			if a := s.Address.String(); seen[a] {
				b.Errorf("two workloads have the address %s", a)
			} else {
				seen[a] = true
			}
		}
	}},
	{"a workload runs in the zone or on the node it was given", func(b *bench) {
		nodes, err := b.Engine.Nodes(b.ctx)
		b.must(err)
		for _, n := range nodes {
			byZone, byNode := b.workload(b.Commands.Wait), b.workload(b.Commands.Wait)
			byZone.Zone, byNode.Node = n.Zone, n.ID
			if s := b.untilRunning(b.start(byZone)); s.Zone != n.Zone {
				b.Errorf("asked for zone %s, got %s", n.Zone, s.Zone)
			}
			if s := b.untilRunning(b.start(byNode)); s.Node != n.ID || s.Zone != n.Zone {
				b.Errorf("asked for node %s, got %s in zone %s", n.ID, s.Node, s.Zone)
			}
		}
	}},
	{"a zone that does not exist is refused", func(b *bench) {
		w := b.workload(b.Commands.Wait)
		w.Zone = "nowhere"
		b.dropLater(w.ID)
		b.refused(b.Engine.Start(b.ctx, w), cloister.NotFound, cloister.Unavailable)
	}},
	{"addresses come from the subnet that was asked for", func(b *bench) {
		dyno, data := b.workload(b.Commands.Wait), b.workload(b.Commands.Wait)
		data.Subnet = engine.Data
		if s := b.untilRunning(b.start(dyno)); !b.space.Dynos.Contains(s.Address) {
			b.Errorf("a dyno has %s, outside %s", s.Address, b.space.Dynos)
		}
		if s := b.untilRunning(b.start(data)); !b.space.Data.Contains(s.Address) {
			b.Errorf("a data service has %s, outside %s", s.Address, b.space.Data)
		}
	}},
	{"a space that does not exist is not found", func(b *bench) {
		w := b.workload(b.Commands.Wait)
		w.Space = cloister.NewID()
		b.dropLater(w.ID)
		b.refused(b.Engine.Start(b.ctx, w), cloister.NotFound)
		if s, ok := b.status(w); ok {
			b.Errorf("yet it is listed: %+v", s)
		}
	}},
	{"an image that does not exist is not found", func(b *bench) {
		if b.Missing == "" {
			b.Skip("this engine has no images to miss")
		}
		w := b.workload(b.Commands.Wait)
		w.Image = b.Missing
		b.dropLater(w.ID)
		b.refused(b.Engine.Start(b.ctx, w), cloister.NotFound)
	}},
	{"the environment reaches the process", func(b *bench) {
		w := b.workload(b.Commands.Var("GREETING"))
		w.Env = map[string]string{"GREETING": "it's a \"test\" $HOME = ü", "OTHER": ""}
		b.untilExited(b.start(w))
		if got := b.lines(w); len(got) != 1 || got[0] != w.Env["GREETING"] {
			b.Errorf("the process saw %q, want %q", got, w.Env["GREETING"])
		}
	}},
	{"exit statuses are told as a shell tells them", func(b *bench) {
		for _, status := range []int{0, 1, 3, 127, 255} {
			s := b.untilExited(b.run(b.Commands.Exit(status)))
			if s.ExitStatus != status || s.ExitedAt.Before(s.StartedAt) || s.OOM || s.Listening {
				b.Errorf("want exit status %d: %+v", status, s)
			}
		}
	}},
}

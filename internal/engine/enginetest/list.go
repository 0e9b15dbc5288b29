package enginetest

import (
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

var lists = []contract{
	{"a list has the workloads of its owner, sorted by id", func(b *bench) {
		var mine []string
		for range 4 {
			mine = append(mine, b.run(b.Commands.Wait).ID)
		}
		other := b.workload(b.Commands.Wait)
		other.Owner = "app-" + cloister.NewID()
		b.start(other)
		slices.Sort(mine)
		list, err := b.Engine.List(b.ctx, b.owner)
		b.must(err)
		if got := ids(list); !slices.Equal(got, mine) {
			b.Errorf("got %v, want %v", got, mine)
		}
	}},
	{"the list without an owner has all, sorted by id", func(b *bench) {
		one, other := b.run(b.Commands.Wait), b.workload(b.Commands.Wait)
		other.Owner = "app-" + cloister.NewID()
		b.start(other)
		list, err := b.Engine.List(b.ctx, "")
		b.must(err)
		got := ids(list)
		if !slices.IsSorted(got) || !slices.Contains(got, one.ID) || !slices.Contains(got, other.ID) {
			b.Errorf("got %v, want it sorted, with %s and %s", got, one.ID, other.ID)
		}
	}},
	{"an owner without workloads has an empty list", func(b *bench) {
		list, err := b.Engine.List(b.ctx, "app-"+cloister.NewID())
		b.must(err)
		if len(list) != 0 {
			b.Errorf("got %v", ids(list))
		}
	}},
	{"what has exited is listed until it is dropped", func(b *bench) {
		w := b.run(b.Commands.Exit(3))
		first := b.untilExited(w)
		again, ok := b.status(w)
		if !ok || again.ExitStatus != 3 || !again.ExitedAt.Equal(first.ExitedAt) || again.ExitedAt.IsZero() {
			b.Errorf("it changed after its end:\n%+v\n%+v", first, again)
		}
		b.must(b.Engine.Drop(b.ctx, w.ID))
		if s, ok := b.status(w); ok {
			b.Errorf("it is still listed: %+v", s)
		}
	}},
}

var usages = []contract{
	{"usage tells of what runs, sorted by id", func(b *bench) {
		var mine []string
		for range 3 {
			w := b.run(b.Commands.Wait)
			b.untilRunning(w)
			mine = append(mine, w.ID)
		}
		other := b.workload(b.Commands.Wait)
		other.Owner = "app-" + cloister.NewID()
		b.untilRunning(b.start(other))
		slices.Sort(mine)
		used, err := b.Engine.Usage(b.ctx, b.owner)
		b.must(err)
		var got []string
		for _, u := range used {
			got = append(got, u.ID)
			if u.Owner != b.owner || u.PIDs < 1 || u.Limit != 64<<20 || time.Since(u.At).Abs() > time.Minute || u.Memory > u.Limit || u.RSS > u.Memory {
				b.Errorf("it is said to use %+v", u)
			}
		}
		if !slices.Equal(got, mine) {
			b.Errorf("got %v, want %v", got, mine)
		}
		all, err := b.Engine.Usage(b.ctx, "")
		b.must(err)
		if !slices.ContainsFunc(all, func(u engine.Usage) bool { return u.ID == other.ID }) {
			b.Errorf("%s is not among all: %+v", other.ID, all)
		}
	}},
	{"what has exited uses nothing", func(b *bench) {
		w := b.run(b.Commands.Exit(0))
		b.untilExited(w)
		used, err := b.Engine.Usage(b.ctx, b.owner)
		b.must(err)
		if len(used) > 0 {
			b.Errorf("got %+v", used)
		}
	}},
}

func ids(list []engine.Status) (out []string) {
	for _, s := range list {
		out = append(out, strings.Clone(s.ID))
	}
	return out
}

package enginetest

import (
	"net/netip"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

var spaces = []contract{
	{"nodes are in zones and have room", func(b *bench) {
		nodes, err := b.Engine.Nodes(b.ctx)
		b.must(err)
		if len(nodes) == 0 {
			b.Fatal("there is no node")
		}
		seen := map[string]bool{}
		for _, n := range nodes {
			if n.ID == "" || n.Zone == "" || n.Memory <= 0 || n.CPU <= 0 {
				b.Errorf("node without id, zone or room: %+v", n)
			}
			if seen[n.ID] {
				b.Errorf("two nodes are called %s", n.ID)
			}
			seen[n.ID] = true
		}
	}},
	{"ensuring a space twice is ensuring it once", func(b *bench) {
		b.must(b.Engine.EnsureSpace(b.ctx, b.space))
	}},
	{"a space changes without disturbing what runs in it", func(b *bench) {
		w := b.run(b.Commands.Wait)
		before := b.untilRunning(w)
		changed := b.space
		changed.Trusted = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
		b.must(b.Engine.EnsureSpace(b.ctx, changed))
		after, _ := b.status(w)
		if after.Phase != engine.Running || after.Address != before.Address || !after.StartedAt.Equal(before.StartedAt) {
			b.Errorf("the workload changed:\n%+v\n%+v", before, after)
		}
	}},
	{"a space is not dropped while a workload is in it", func(b *bench) {
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		b.refused(b.Engine.DropSpace(b.ctx, b.space.ID), cloister.Conflict)
		b.must(b.Engine.Drop(b.ctx, w.ID))
		b.must(b.Engine.DropSpace(b.ctx, b.space.ID))
	}},
	{"dropping a space that is gone succeeds", func(b *bench) {
		b.must(b.Engine.DropSpace(b.ctx, b.space.ID))
		b.must(b.Engine.DropSpace(b.ctx, b.space.ID))
		b.must(b.Engine.DropSpace(b.ctx, cloister.NewID()))
	}},
	{"a space that was dropped can be made again", func(b *bench) {
		b.must(b.Engine.DropSpace(b.ctx, b.space.ID))
		b.must(b.Engine.EnsureSpace(b.ctx, b.space))
		b.untilRunning(b.run(b.Commands.Wait))
	}},
}

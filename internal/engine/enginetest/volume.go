package enginetest

import (
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

var volumes = []contract{
	{"what is in a volume outlives the workload that wrote it", func(b *bench) {
		v := b.volume()
		writer := b.workload(b.Commands.Write("/data/file", "kept"))
		writer.Volumes = []engine.Volume{v}
		if s := b.untilExited(b.start(writer)); s.ExitStatus != 0 {
			b.Fatalf("the writer exited with %d and said %q", s.ExitStatus, b.lines(writer))
		}
		b.must(b.Engine.Drop(b.ctx, writer.ID))
		reader := b.workload(b.Commands.Read("/data/file"))
		reader.Volumes = []engine.Volume{v}
		b.untilExited(b.start(reader))
		if got := b.lines(reader); !slices.Equal(got, []string{"kept"}) {
			b.Errorf("the next workload read %q", got)
		}
	}},
	{"a volume in use is not dropped", func(b *bench) {
		v := b.volume()
		w := b.workload(b.Commands.Wait)
		w.Volumes = []engine.Volume{v}
		b.untilRunning(b.start(w))
		b.refused(b.Engine.DropVolume(b.ctx, v.ID), cloister.Conflict)
		b.must(b.Engine.Drop(b.ctx, w.ID))
		b.must(b.Engine.DropVolume(b.ctx, v.ID))
	}},
	{"what was in a dropped volume is gone", func(b *bench) {
		v := b.volume()
		writer := b.workload(b.Commands.Write("/data/file", "gone"))
		writer.Volumes = []engine.Volume{v}
		b.untilExited(b.start(writer))
		b.must(b.Engine.Drop(b.ctx, writer.ID))
		b.must(b.Engine.DropVolume(b.ctx, v.ID))
		reader := b.workload(b.Commands.Read("/data/file"))
		reader.Volumes = []engine.Volume{v}
		if s := b.untilExited(b.start(reader)); s.ExitStatus == 0 {
			b.Errorf("the next workload still read %q", b.lines(reader))
		}
	}},
	{"dropping a volume that is gone succeeds", func(b *bench) {
		b.must(b.Engine.DropVolume(b.ctx, cloister.NewID()))
	}},
}

// volume names a volume of this test, which is dropped after the workloads that are started after this call.
func (b *bench) volume() engine.Volume {
	v := engine.Volume{ID: cloister.NewID(), Path: "/data", Size: 16 << 20}
	b.Cleanup(func() {
		if err := b.Engine.DropVolume(b.ctx, v.ID); err != nil {
			b.Errorf("clean up: drop volume: %v", err)
		}
	})
	return v
}

package enginetest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// maxLine is the longest piece of a line that logs may have, in bytes.
const maxLine = 10_000

var logs = []contract{
	{"logs have every line in order and end with the workload", func(b *bench) {
		w := b.run(b.Commands.Print("one", "", "  two ", "drei ü"))
		if got, want := b.lines(w), []string{"one", "", "  two ", "drei ü"}; !slices.Equal(got, want) {
			b.Errorf("got %q, want %q", got, want)
		}
	}},
	{"logs can be read again after the end", func(b *bench) {
		w := b.run(b.Commands.Print("one", "two"))
		b.untilExited(w)
		if first, second := b.lines(w), b.lines(w); len(first) != 2 || !slices.Equal(first, second) {
			b.Errorf("got %q, then %q", first, second)
		}
	}},
	{"a last line without a newline is not lost", func(b *bench) {
		if got := b.lines(b.run(b.Commands.Say("unfinished"))); !slices.Equal(got, []string{"unfinished"}) {
			b.Errorf("got %q", got)
		}
	}},
	{"the error output is told apart", func(b *bench) {
		w := b.run(b.Commands.Both)
		for _, l := range b.log(w, time.Time{}) {
			if l.Stderr != (l.Text == "err") {
				b.Errorf("%q has Stderr %v", l.Text, l.Stderr)
			}
		}
	}},
	{"times strictly increase within a workload", func(b *bench) {
		const n = 2000
		all := b.log(b.run(b.Commands.Count(n)), time.Time{})
		if len(all) != n {
			b.Fatalf("got %d lines, want %d", len(all), n)
		}
		for i, l := range all {
			if l.Text != strconv.Itoa(i+1) {
				b.Fatalf("line %d is %q", i+1, l.Text)
			}
			if i > 0 && !l.At.After(all[i-1].At) {
				b.Fatalf("line %d is at %v, and the one before at %v", i+1, l.At, all[i-1].At)
			}
		}
	}},
	{"since leaves out what was read before", func(b *bench) {
		w := b.run(b.Commands.Count(50))
		all := b.log(w, time.Time{})
		if len(all) != 50 {
			b.Fatalf("got %d lines, want 50", len(all))
		}
		for _, i := range []int{0, 20, 49} {
			if rest := b.log(w, all[i].At); len(rest) != 49-i || len(rest) > 0 && rest[0].Text != all[i+1].Text {
				b.Errorf("after line %d there are %d lines, want %d", i+1, len(rest), 49-i)
			}
		}
	}},
	{"a long line comes in pieces", func(b *bench) {
		const n = 2*maxLine + 345
		got := b.lines(b.run(b.Commands.Long(n)))
		for _, piece := range got {
			if len(piece) > maxLine {
				b.Errorf("a piece has %d bytes", len(piece))
			}
		}
		if text := strings.Join(got, ""); text != strings.Repeat("x", n) {
			b.Errorf("%d bytes arrived in %d pieces, want %d", len(text), len(got), n)
		}
	}},
	{"logs follow a running workload until it has exited", func(b *bench) {
		w := b.run(b.Commands.Tick)
		n := 0
		for l, err := range b.Engine.Logs(b.ctx, w.ID, time.Time{}) {
			b.must(err)
			n++
			if l.Text != strconv.Itoa(n) {
				b.Fatalf("line %d is %q", n, l.Text)
			}
			if n == 5 {
				b.must(b.Engine.Stop(b.ctx, w.ID, 0))
			}
		}
		if s, _ := b.status(w); n < 5 || s.Phase != engine.Exited {
			b.Errorf("they ended after %d lines, with the workload %s", n, s.Phase)
		}
	}},
	{"two readers read the same", func(b *bench) {
		w := b.run(b.Commands.Count(200))
		other := make(chan []string, 1)
		go func() {
			var got []string
			for l, err := range b.Engine.Logs(b.ctx, w.ID, time.Time{}) {
				if err != nil {
					b.Error(err)
					break
				}
				got = append(got, l.Text)
			}
			other <- got
		}()
		if mine, theirs := b.lines(w), <-other; len(mine) != 200 || !slices.Equal(mine, theirs) {
			b.Errorf("one read %d lines, the other %d", len(mine), len(theirs))
		}
	}},
	{"logs end when their context does", func(b *bench) {
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		ctx, cancel := context.WithTimeout(b.ctx, 100*time.Millisecond)
		defer cancel()
		for l, err := range b.Engine.Logs(ctx, w.ID, time.Time{}) {
			if err == nil && l.Text != "ready" {
				b.Errorf("a silent workload wrote %q", l.Text)
			}
		}
		if ctx.Err() == nil {
			b.Error("they ended before their context, with the workload running")
		}
	}},
	{"a reader may stop reading", func(b *bench) {
		w := b.run(b.Commands.Tick)
		for _, err := range b.Engine.Logs(b.ctx, w.ID, time.Time{}) {
			b.must(err)
			break
		}
	}},
	{"logs of what never was are not found", func(b *bench) {
		for _, err := range b.Engine.Logs(b.ctx, cloister.NewID(), time.Time{}) {
			b.refused(err, cloister.NotFound)
			return
		}
		b.Error("they were empty, want an error")
	}},
}

// log reads everything a workload writes after since, until it exits.
func (b *bench) log(w engine.Workload, since time.Time) (out []engine.Line) {
	b.Helper()
	for l, err := range b.Engine.Logs(b.ctx, w.ID, since) {
		b.must(err)
		out = append(out, l)
	}
	return out
}

// lines are the texts of everything a workload writes until it exits.
func (b *bench) lines(w engine.Workload) (out []string) {
	b.Helper()
	for _, l := range b.log(w, time.Time{}) {
		out = append(out, l.Text)
	}
	return out
}

package logs

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A printer is an engine that knows nothing but the logs of workloads.
type printer struct {
	engine.Engine
	mu    sync.Mutex
	lines map[string][]engine.Line
	ended map[string]bool
	more  chan struct{}
	fail  error // what Logs yields once, instead of lines
	reads int   // how often Logs was called

	dropped int // before the next line
}

func newPrinter() *printer {
	return &printer{lines: map[string][]engine.Line{}, ended: map[string]bool{}, more: make(chan struct{})}
}

func (p *printer) print(id string, texts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range texts {
		at := time.Now()
		if n := len(p.lines[id]); n > 0 && !at.After(p.lines[id][n-1].At) {
			at = p.lines[id][n-1].At.Add(1)
		}
		p.lines[id] = append(p.lines[id], engine.Line{At: at, Text: s, Dropped: p.dropped})
		p.dropped = 0
	}
	p.wake()
}

// forget has the next line come after n that were dropped.
func (p *printer) forget(id string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped = n
}

func (p *printer) end(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended[id] = true
	p.wake()
}

func (p *printer) wake() {
	close(p.more)
	p.more = make(chan struct{})
}

func (p *printer) Logs(ctx context.Context, id string, since time.Time) iter.Seq2[engine.Line, error] {
	return func(yield func(engine.Line, error) bool) {
		p.mu.Lock()
		p.reads++
		err := p.fail
		p.fail = nil
		p.mu.Unlock()
		if err != nil {
			yield(engine.Line{}, err)
			return
		}
		for {
			p.mu.Lock()
			lines, ended, more, known := p.lines[id], p.ended[id], p.more, p.lines[id] != nil
			p.mu.Unlock()
			if !known {
				yield(engine.Line{}, cloister.Missing("workload"))
				return
			}
			for _, line := range lines {
				if line.At.After(since) {
					if !yield(line, nil) {
						return
					}
					since = line.At
				}
			}
			if ended {
				return
			}
			select {
			case <-more:
			case <-ctx.Done():
				return
			}
		}
	}
}

func TestFollowLosesAndDoublesNothingThroughRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, p := t.TempDir(), newPrinter()
		want := []string{"hello"}
		p.print("w1", "hello")
		for restart := range 6 {
			l := open(t, Config{Dir: dir, Lines: 7})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- l.Follow(ctx, p, "w1", "a", "web.1") }()
			for i := range 5 {
				text := fmt.Sprintf("%d.%d", restart, i)
				want = append(want, text)
				p.print("w1", text)
				synctest.Wait()
				say(l, "a", "web.2", "noise") // pushes the quiet workload's lines out of the files
			}
			got := texts(l, "a", Filter{Dyno: "web.1"}, 100, 0)
			equal(t, got, want[len(want)-len(got):])
			cancel()
			equal(t, <-done, context.Canceled)
			p.print("w1", "while control was down")
			want = append(want, "while control was down")
			closing(t, l)
		}
	})
}

func TestMarksOutliveRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, p := t.TempDir(), newPrinter()
		p.print("quiet", "only line")
		p.end("quiet")
		l := open(t, Config{Dir: dir, Lines: 4})
		equal(t, l.Follow(t.Context(), p, "quiet", "a", "web.1"), nil)
		for range 50 {
			say(l, "a", "web.2", "noise")
			l.flush()
		}
		closing(t, l)
		l = open(t, Config{Dir: dir, Lines: 4})
		equal(t, l.Follow(t.Context(), p, "quiet", "a", "web.1"), nil)
		equal(t, texts(l, "a", Filter{Dyno: "web.1"}, 100, 0), nil)
		closing(t, l)
	})
}

func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrinter()
		for i := range 30 {
			p.print("w1", fmt.Sprint(i))
		}
		p.end("w1")
		l := open(t, Config{Rate: 10})
		equal(t, l.Follow(t.Context(), p, "w1", "a", "web.1"), nil)
		got := texts(l, "a", Filter{}, 100, 0)
		equal(t, len(got), 11)
		equal(t, got[9], "9")
		equal(t, got[10], "Error L10 (output buffer overflow): 20 messages dropped since 2000-01-01T00:00:00.000000+00:00. web.1 writes more than 10 lines a second.")
		closing(t, l)
	})
}

// What the engine could not keep is told of as well.
func TestFollowTellsWhatTheEngineForgot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newPrinter(), open(t, Config{Rate: 10})
		p.print("w1", "one")
		p.forget("w1", 7)
		p.print("w1", "nine")
		p.end("w1")
		equal(t, l.Follow(t.Context(), p, "w1", "a", "web.1"), nil)
		got := texts(l, "a", Filter{}, 100, 0)
		equal(t, len(got), 3)
		equal(t, strings.HasPrefix(got[2], "Error L10 (output buffer overflow): 7 messages dropped since "), true)
		closing(t, l)
	})
}

// A flood that is followed by silence is told of all the same.
func TestFloodThenSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newPrinter(), open(t, Config{Rate: 10})
		c := NewCollector(l, p, silent)
		c.Ensure("w1", "a", "web.1")
		for i := range 30 {
			p.print("w1", fmt.Sprint(i))
		}
		synctest.Wait()
		equal(t, len(texts(l, "a", Filter{}, 100, 0)), 10)
		time.Sleep(time.Second)
		synctest.Wait()
		got := texts(l, "a", Filter{}, 100, 0)
		equal(t, len(got), 11)
		equal(t, strings.HasPrefix(got[10], "Error L10 (output buffer overflow): 20 messages dropped since "), true)
		time.Sleep(time.Minute)
		p.print("w1", "well")
		p.end("w1")
		synctest.Wait()
		got = texts(l, "a", Filter{}, 100, 0)
		equal(t, len(got), 12)
		equal(t, got[11], "well")
		c.Close()
		closing(t, l)
	})
}

func TestCollectorFollowsEachWorkloadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newPrinter(), open(t, Config{})
		c := NewCollector(l, p, silent)
		c.Ensure("w1", "a", "web.1") // the engine does not know it yet
		c.Ensure("w1", "a", "web.1")
		synctest.Wait()
		p.print("w1", "one")
		time.Sleep(10 * time.Second)
		p.print("w1", "two")
		synctest.Wait()
		equal(t, texts(l, "a", Filter{}, 9, 0), []string{"one", "two"})

		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		equal(t, c.Drain(short, "w1"), context.DeadlineExceeded)
		p.print("w1", "last words")
		p.end("w1")
		equal(t, c.Drain(t.Context(), "w1"), nil)
		reads := p.reads
		c.Ensure("w1", "a", "web.1") // ended: not again
		time.Sleep(time.Minute)
		equal(t, p.reads, reads)
		equal(t, texts(l, "a", Filter{}, 9, 0), []string{"one", "two", "last words"})

		c.Drop("w1")
		c.Drop("w1")
		synctest.Wait()
		equal(t, l.mark("a", "w1"), time.Time{})
		c.Close()
		closing(t, l)
	})
}

func TestCollectorGoesOnWhenTheEngineComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newPrinter(), open(t, Config{})
		p.print("w1", "one")
		p.fail = cloister.Errorf(cloister.Unavailable, "engine is being upgraded")
		c := NewCollector(l, p, silent)
		c.Ensure("w1", "a", "web.1")
		synctest.Wait()
		equal(t, texts(l, "a", Filter{}, 9, 0), nil)
		time.Sleep(time.Second)
		equal(t, texts(l, "a", Filter{}, 9, 0), []string{"one"})
		c.Close()
		closing(t, l)
	})
}

// Package enginetest is the contract of engine.Engine as a test suite. Every engine passes it: the one in memory,
// the one over a socket, the one with real containers. It is what keeps the fake honest.
//
// It refuses to know how an engine does it: tests look only through the interface, and what a workload should do is
// given as a table of commands, since an image with a shell and a fake have different words for it.
package enginetest

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A Setup is an engine to put to the test, and what the suite needs to know about it.
type Setup struct {
	Engine   engine.Engine
	Image    string   // digest of an image that has the Commands
	Commands Commands // see Shell for images with a POSIX shell

	// Missing is the digest of an image that the engine does not have. Optional: an engine without images has none.
	Missing string
	// Restart ends the engine's process and starts it again, as an upgrade does, while workloads run on. Optional.
	Restart func(t *testing.T) engine.Engine
	// Patience is how long the suite waits for something that must happen; 15 seconds if zero.
	Patience time.Duration
}

// Run runs the suite. It opens one engine for all tests, which then run side by side, each in spaces of its own, and
// removes everything it made.
func Run(t *testing.T, open func(t *testing.T) Setup) {
	setup := open(t)
	if setup.Patience == 0 {
		setup.Patience = 15 * time.Second
	}
	t.Run("contract", func(t *testing.T) {
		for _, group := range [][]contract{spaces, networks, names, starts, stops, drops, lists, usages, logs, execs, ports, volumes, events} {
			for _, c := range group {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.check(newBench(t, setup))
				})
			}
		}
	})
	for _, c := range restarts {
		t.Run(c.name, func(t *testing.T) {
			if setup.Restart == nil {
				t.Skip("this engine has no process of its own to restart")
			}
			b := newBench(t, setup)
			c.check(b)
			setup.Engine = b.Engine
		})
	}
}

// A contract is one sentence about engines, and the test of it.
type contract struct {
	name  string
	check func(*bench)
}

// A bench is where one test works: an owner and a space of its own, cleaned up at the end.
type bench struct {
	*testing.T
	Setup
	ctx   context.Context
	owner string
	space engine.Space
}

func newBench(t *testing.T, s Setup) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*s.Patience)
	t.Cleanup(cancel)
	b := &bench{T: t, Setup: s, ctx: ctx, owner: "app-" + cloister.NewID()}
	b.space = b.newSpace()
	return b
}

// newSpace makes a space. All spaces of the suite have the same networks: they must not meet.
func (b *bench) newSpace() engine.Space {
	b.Helper()
	s := engine.Space{ID: cloister.NewID(), Dynos: netip.MustParsePrefix("10.0.0.0/16"),
		Data: netip.MustParsePrefix("172.23.0.0/20"), Trusted: cloister.Everyone()}
	b.must(b.Engine.EnsureSpace(b.ctx, s))
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), b.Patience)
		defer cancel()
		if err := b.Engine.DropSpace(ctx, s.ID); err != nil {
			b.Errorf("clean up: drop space: %v", err)
		}
	})
	return s
}

// workload describes a workload of this test that runs command.
func (b *bench) workload(command []string) engine.Workload {
	return engine.Workload{ID: cloister.NewID(), Owner: b.owner, Space: b.space.ID, Subnet: engine.Dynos, Image: b.Image,
		Command: command, Hostname: "web-1", Size: engine.Size{Memory: 64 << 20, CPU: 1000, PIDs: 64}}
}

// start starts a workload and sees to it that it is dropped.
func (b *bench) start(w engine.Workload) engine.Workload {
	b.Helper()
	b.dropLater(w.ID)
	b.must(b.Engine.Start(b.ctx, w))
	return w
}

// run starts a workload of this test that runs command.
func (b *bench) run(command []string) engine.Workload {
	b.Helper()
	return b.start(b.workload(command))
}

func (b *bench) dropLater(id string) {
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), b.Patience)
		defer cancel()
		if err := b.Engine.Drop(ctx, id); err != nil {
			b.Errorf("clean up: drop workload: %v", err)
		}
	})
}

// status finds a workload in the list of its owner.
func (b *bench) status(w engine.Workload) (engine.Status, bool) {
	b.Helper()
	list, err := b.Engine.List(b.ctx, w.Owner)
	b.must(err)
	for _, s := range list {
		if s.ID == w.ID {
			return s, true
		}
	}
	return engine.Status{}, false
}

// until waits until a workload is as wanted, and returns it.
func (b *bench) until(w engine.Workload, what string, is func(engine.Status) bool) engine.Status {
	b.Helper()
	var last engine.Status
	b.eventually("the workload is "+what, func() bool {
		s, ok := b.status(w)
		last = s
		return ok && is(s)
	})
	return last
}

func (b *bench) untilRunning(w engine.Workload) engine.Status {
	b.Helper()
	return b.until(w, "running", func(s engine.Status) bool { return s.Phase == engine.Running })
}

func (b *bench) untilExited(w engine.Workload) engine.Status {
	b.Helper()
	return b.until(w, "exited", func(s engine.Status) bool { return s.Phase == engine.Exited })
}

// eventually looks again and again until done, or fails the test when patience is over.
func (b *bench) eventually(what string, done func() bool) {
	b.Helper()
	deadline := time.Now().Add(b.Patience)
	for !done() {
		if time.Now().After(deadline) {
			b.Fatalf("after %v still not true: %s", b.Patience, what)
		}
		select {
		case <-b.ctx.Done():
			b.Fatalf("the time of the whole test is over; still not true: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// refused checks that err is of one of the kinds.
func (b *bench) refused(err error, kinds ...cloister.Kind) {
	b.Helper()
	for _, k := range kinds {
		if cloister.KindOf(err) == k {
			return
		}
	}
	b.Fatalf("got error %v of kind %q, want one of %q", err, cloister.KindOf(err), kinds)
}

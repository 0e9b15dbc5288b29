package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local/inside"
)

// How the health of a zone is felt: something small runs where its workloads run, and is asked for an echo all the time.
const (
	beatEvery = 200 * time.Millisecond
	beatsLost = 5 // in a row, until a zone counts as failed: a second
	// On a busy machine a zone waits for its turn like all else, and is none the healthier elsewhere. Beats that are late for
	// that reason count as lost only after ten seconds.
	beatsLate = 50
)

// What has become of a beat.
type beat int

const (
	felt beat = iota // the echo has come
	late             // none yet, for want of a processor: for the pulse, or for us
	lost             // none, though the pulse had its turn or is not given one
)

// A pulse is a process in the control group of a zone. While it is kept from running (the group is frozen, starved, out
// of memory), so are the zone's workloads.
type pulse struct {
	zone   string
	binary string
	cgroup string
	tell   func(works bool) // called when it fails, and when it works again

	mu     sync.Mutex
	failed chan struct{} // closed while the zone has failed
	lost   int           // beats in a row
	late   int           // beats in a row, with the lost
	known  chan struct{} // closed once it has come to a verdict
	once   sync.Once
}

func (e *Engine) newPulse(zone string) *pulse {
	tell := func(works bool) {
		e.log.Warn("the health of a zone has changed", "zone", zone, "works", works)
		e.events.emit(engine.Event{Node: e.node(zone)})
	}
	return &pulse{zone: zone, binary: e.initFile, cgroup: filepath.Join(e.zoneGroup(zone), "pulse"), tell: tell, failed: make(chan struct{}), known: make(chan struct{})}
}

// feelZones begins to watch the zones, and returns when it is known of each whether it works.
func (e *Engine) feelZones(ctx context.Context) error {
	for _, z := range e.Zones {
		p := e.newPulse(z)
		e.pulses[z] = p
		e.background.Go(func() { e.feel(p) })
	}
	for _, p := range e.pulses {
		select {
		case <-p.known:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// feel keeps a pulse going until the engine is closed.
func (e *Engine) feel(p *pulse) {
	for e.life.Err() == nil {
		if err := p.beat(e.life); err != nil && e.life.Err() == nil {
			e.log.Warn("the pulse of a zone has ended, starting it again", "zone", p.zone, "because", err)
			p.note(lost)
			e.pause(beatEvery)
		}
	}
}

// beat starts the process and asks it for an echo again and again, until life is over or the process is.
func (p *pulse) beat(life context.Context) error {
	cmd := exec.Command(p.binary)
	cmd.Args, cmd.Dir = inside.Pulse(), "/"
	theirs, in, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	defer in.Close()
	defer theirs.Close()
	out, echoes, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	defer out.Close()
	defer echoes.Close()
	cmd.Stdin, cmd.Stdout = theirs, echoes
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start pulse: %w", err)
	}
	theirs.Close()
	echoes.Close()
	ended := make(chan struct{})
	go func() { defer close(ended); cmd.Wait() }()
	defer func() {
		cmd.Process.Kill()
		select {
		case <-ended:
		case <-time.After(time.Second): // it is frozen; the kernel ends it later
		}
	}()
	if err := cgroups.enter(p.cgroup, cmd.Process.Pid); err != nil {
		return err
	}
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for asked := false; ; {
		if !asked {
			if _, err := in.Write([]byte{'.'}); err != nil {
				return fmt.Errorf("ask for an echo: %w", err)
			}
		}
		due := time.Now().Add(beatEvery)
		out.SetReadDeadline(due)
		_, err := out.Read(make([]byte, 1))
		asked = errors.Is(err, os.ErrDeadlineExceeded)
		switch {
		case err == nil:
			p.note(felt)
		case !asked:
			return fmt.Errorf("wait for an echo: %w", err)
		case time.Since(due) > beatEvery || waits(cmd.Process.Pid):
			p.note(late)
		default:
			p.note(lost)
		}
		select {
		case <-life.Done():
			return nil
		case <-tick.C:
		}
	}
}

// waits reports whether one of a process's threads waits for a processor, or has one. In a frozen process none does.
func waits(pid int) bool {
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return slices.ContainsFunc(threads, func(d os.DirEntry) bool { return running(d.Name()) })
}

// note takes down what has become of a beat.
func (p *pulse) note(b beat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.hasFailed()
	switch b {
	case felt:
		p.lost, p.late = 0, 0
	case late:
		p.late++
	case lost:
		p.lost++
		p.late++
	}
	is := p.hasFailed()
	if is && !was {
		close(p.failed)
		p.tell(false)
	} else if was && !is {
		p.failed = make(chan struct{})
		p.tell(true)
	}
	if b == felt || is {
		p.once.Do(func() { close(p.known) })
	}
}

// hasFailed is called with the lock held.
func (p *pulse) hasFailed() bool { return p.lost >= beatsLost || p.late >= beatsLate }

// works reports whether the zone runs what is in it.
func (p *pulse) works() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.hasFailed()
}

// whileWorks is a context that also ends, with an Unavailable cause, when the zone fails: nothing that runs in it comes to
// an end then.
func (e *Engine) whileWorks(ctx context.Context, zone string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if p := e.pulses[zone]; p != nil {
		p.mu.Lock()
		failed := p.failed
		p.mu.Unlock()
		go func() {
			select {
			case <-failed:
				cancel(cloister.Errorf(cloister.Unavailable, "The zone %s has failed: what is in it does not run.", zone))
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}

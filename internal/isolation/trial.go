package isolation

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A State is how an attack ended.
type State string

const (
	Held    State = "held"    // it was seen to fail
	Through State = "through" // it succeeded, at least in part
	NotRun  State = "not run" // this machine cannot; Seen says why
	Broken  State = "broken"  // its tool did not work, so it proves nothing
)

// A Result is one line of the table.
type Result struct {
	ID     string        `json:"id"`
	Name   string        `json:"name"`
	Expect string        `json:"expect"`
	Seen   string        `json:"seen"`
	State  State         `json:"state"`
	Took   time.Duration `json:"took_ns"`
}

// Run makes the lab, attacks, and takes the lab away. The error is for what kept it from being run at all.
func Run(ctx context.Context, e engine.Engine, o Options) (out []Result, err error) {
	for _, id := range o.Only {
		if !slices.ContainsFunc(Attacks(), func(a Attack) bool { return a.ID == id }) {
			return nil, cloister.Errorf(cloister.NotFound, "There is no attack %q: they are T1 to T21.", id)
		}
	}
	l, err := Open(ctx, e, o)
	if err != nil {
		return nil, fmt.Errorf("prepare the attacks: %w", err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, a := range Attacks() {
		if len(o.Only) > 0 && !slices.Contains(o.Only, a.ID) {
			continue
		}
		r := l.Attack(ctx, a)
		if ctx.Err() != nil {
			return out, ctx.Err() // it was interrupted, and says nothing
		}
		out = append(out, r)
		if o.Told != nil {
			o.Told(r)
		}
	}
	return out, nil
}

// Attack runs one attack.
func (l *Lab) Attack(ctx context.Context, a Attack) Result {
	began := time.Now()
	t := &Trial{Lab: l}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := a.Run(ctx, t)
	t.end()
	r := Result{ID: a.ID, Name: a.Name, Expect: a.Expect, Seen: a.Expect, State: Held, Took: time.Since(began)}
	var no notRun
	switch {
	case len(t.through) > 0:
		r.State, r.Seen = Through, strings.Join(t.through, "; ")
	case errors.As(err, &no):
		r.State, r.Seen = NotRun, string(no)
	case err != nil:
		r.State, r.Seen = Broken, err.Error()
	case len(t.notes) > 0:
		r.Seen += "; " + strings.Join(t.notes, "; ")
	}
	return r
}

// A Trial is one run of an attack.
type Trial struct {
	*Lab
	through []string
	notes   []string
	ends    []func()
}

// A notRun is why an attack cannot be run here.
type notRun string

func (n notRun) Error() string { return string(n) }

// Through says that the attack succeeded. Of many successes a few are told.
func (t *Trial) Through(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	switch {
	case slices.Contains(t.through, text):
	case len(t.through) < 4:
		t.through = append(t.through, text)
	case len(t.through) == 4:
		t.through = append(t.through, "and more")
	}
}

// note adds to what was seen, where all is well.
func (t *Trial) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// later is done at the end of the trial.
func (t *Trial) later(f func()) { t.ends = append(t.ends, f) }

func (t *Trial) end() {
	for _, f := range slices.Backward(t.ends) {
		f()
	}
	t.ends = nil
}

// broken is the error of a tool that does not work.
func broken(format string, args ...any) error {
	return fmt.Errorf("the attack proves nothing: "+format, args...)
}

// mark is what packets of one attack carry, so that no other is taken for one of them.
func mark() []byte { return []byte(rand.Text()[:16]) }

func marked(m []byte) func(packet) bool {
	return func(p packet) bool { return bytes.Contains(p.Frame, m) }
}

// wire takes hold of a probe's link, as root in its network.
func (t *Trial) wire(p *Probe) (*wire, error) {
	w, err := p.ns.wire("eth0")
	if err == nil {
		t.later(w.close)
	}
	return w, err
}

// tap looks at packets until the trial ends.
func (t *Trial) tap(n netns, where, link string, want func(packet) bool) (*tap, error) {
	p, err := n.tap(where, link, want)
	if err == nil {
		t.later(p.close)
	}
	return p, err
}

// nowhere looks for packets where none of A's may ever be: all of B, B's link, and the outside. What it returns tells
// of those that were seen.
func (t *Trial) nowhere(want func(packet) bool) (check func(), err error) {
	taps := []*tap{}
	add := func(n netns, where, link string) {
		if err == nil {
			var p *tap
			if p, err = t.tap(n, where, link, want); err == nil {
				taps = append(taps, p)
			}
		}
	}
	add(t.B.ns, "the other space", "")
	for _, p := range t.B.probes() {
		add(p.ns, "a dyno of the other space", "")
	}
	add("", "the other space's link", t.Places.SpaceLink(spaceB))
	add(t.Outside.ns, "the outside", "")
	return func() { t.none(taps...) }, err
}

// none tells of what was seen where nothing may be.
func (t *Trial) none(taps ...*tap) {
	for _, p := range taps {
		for _, seen := range p.packets() {
			t.Through("%s saw %s", p.where, describe(seen.Frame))
		}
	}
}

// exec runs a probe's command in a workload, as its own user.
func (t *Trial) exec(ctx context.Context, p *Probe, command ...string) (out string, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var b bytes.Buffer
	status, err = t.engine.Exec(ctx, p.ID, engine.Process{Command: append([]string{probePath}, command...)}, engine.Terminal{Out: &b, Err: &b})
	return b.String(), status, err
}

// same makes sure that who answers at an address is who should: the name comes before the address they saw.
func answers(from *Probe, network string, address fmt.Stringer, who *Probe) error {
	got, err := ask(from.ns, network, address.String(), time.Second)
	if err != nil {
		return err
	}
	if name, _, _ := strings.Cut(got, " "); name != who.ID {
		return fmt.Errorf("%s is %s, not %s", address, name, who.ID)
	}
	return nil
}

package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/platform"
)

var (
	spaces = map[string]string{"alpha": "one-space", "beta": "one-space", "gamma": "two-space"}
	zones  = []string{"a", "b", "c"}
)

// An action is one thing that somebody does, or that happens, and how long nothing else does.
type action struct {
	what  string
	app   string
	typ   string
	zone  string
	n     int
	pause time.Duration
}

func (a action) String() string {
	return fmt.Sprintf("%s app=%s type=%s zone=%s n=%d, then %v", a.what, a.app, a.typ, a.zone, a.n, a.pause)
}

// faults are the actions after which dynos may be down through no fault of ours.
var faults = []string{"crash", "lose", "fail zone", "declare failed", "break engine", "scale", "destroy app"}

// kinds are the other actions; some are more likely than others.
func kinds() []string {
	return []string{"deploy", "deploy", "broken deploy", "deploy with command", "config", "restart dynos", "restart server", "heal zone",
		"declare healed", "lose events", "hear events", "mend engine", "trust", "maintenance", "create app", "rollback", "run", "run", "stop runs"}
}

// A scale is how large histories are.
type scale struct {
	apps    []string
	dynos   int           // of a process type, at most
	actions [2]int        // at least and at most
	first   time.Duration // before the first action: to complete the apps
	pause   int           // seconds after an action, at most
}

// A history is what there is at first and what happens then.
type history struct {
	apps   []string
	sizes  map[string]int // how many dynos each process type has before the script begins, as "alpha web"
	first  time.Duration
	script []action

	sabotage string // what of the world does not do as it is told; "": nothing
}

func (s scale) draw(rt *rapid.T) history {
	h := history{apps: s.apps, first: s.first, sizes: map[string]int{}}
	for _, app := range s.apps {
		for _, typ := range []string{"web", "worker"} {
			h.sizes[app+" "+typ] = rapid.IntRange(0, s.dynos).Draw(rt, app+" "+typ)
		}
	}
	what := append(kinds(), faults...)
	h.script = rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) action {
		return action{
			what:  rapid.SampledFrom(what).Draw(rt, "what"),
			app:   rapid.SampledFrom(s.apps).Draw(rt, "app"),
			typ:   rapid.SampledFrom([]string{"web", "worker"}).Draw(rt, "type"),
			zone:  rapid.SampledFrom(zones).Draw(rt, "zone"),
			n:     rapid.IntRange(0, s.dynos).Draw(rt, "n"),
			pause: time.Duration(rapid.IntRange(0, s.pause).Draw(rt, "pause")) * time.Second,
		}
	}), s.actions[0], s.actions[1]).Draw(rt, "script")
	return h
}

// do carries out an action. What a rule forbids at this moment is no failure.
func (s *server) do(ctx context.Context, a action) error {
	err := s.act(ctx, a)
	switch cloister.KindOf(err) {
	case "", cloister.NotFound, cloister.Invalid:
		return nil
	}
	return fmt.Errorf("%s: %w", a, err)
}

func (s *server) act(ctx context.Context, a action) (err error) {
	p := s.platform
	switch a.what {
	case "deploy", "broken deploy":
		return s.deploy(ctx, a.app, a.what == "broken deploy", "")
	case "deploy with command":
		return s.deploy(ctx, a.app, false, fmt.Sprint("migrate ", a.n%3)) // and its exit status
	case "config":
		v := cloister.Secret(fmt.Sprint(time.Now()))
		_, err = p.SetConfig(ctx, s.actor, a.app, map[string]*cloister.Secret{"TIME": &v})
	case "rollback":
		_, _, err = p.Rollback(ctx, s.actor, a.app, "v2")
	case "scale":
		_, _, err = p.Scale(ctx, s.actor, a.app, []platform.Scaling{{Type: a.typ, Quantity: &a.n}})
	case "restart dynos":
		_, err = p.Restart(ctx, s.actor, a.app, []string{"", a.typ, fmt.Sprintf("%s.%d", a.typ, a.n)}[a.n%3])
	case "run":
		return s.run(ctx, a.app, a.n)
	case "stop runs":
		_, err = p.Restart(ctx, s.actor, a.app, "run")
	case "maintenance":
		on := a.n%2 == 0
		_, err = p.UpdateApp(ctx, s.actor, a.app, platform.AppChange{Maintenance: &on})
	case "trust":
		_, _, err = p.SetTrusted(ctx, s.actor, spaces[a.app], []string{fmt.Sprintf("198.51.100.%d/32", a.n)}, nil)
	case "create app":
		_, err = p.CreateApp(ctx, s.actor, platform.AppSpec{Name: a.app, Space: spaces[a.app]})
	case "destroy app":
		_, err = p.DestroyApp(ctx, s.actor, a.app)
	case "restart server":
		return s.restart()
	case "crash", "lose":
		var list []engine.Status
		if list, err = s.fake.List(ctx, ""); err != nil || len(list) == 0 {
			return nil
		}
		if victim := list[a.n%len(list)].ID; a.what == "crash" {
			s.fake.Crash(victim, a.n)
		} else {
			s.fake.Lose(victim)
		}
	case "fail zone":
		s.fake.FailZone(a.zone)
	case "heal zone":
		s.fake.HealZone(a.zone)
	case "declare failed":
		if _, err = p.FailZone(ctx, s.actor, a.zone); err == nil {
			s.engine.declare(a.zone, true)
		}
	case "declare healed":
		if _, err = p.HealZone(ctx, s.actor, a.zone); err == nil {
			s.engine.declare(a.zone, false)
		}
	case "lose events", "hear events":
		s.fake.LoseEvents(a.what == "lose events")
	case "break engine":
		s.fake.Break(cloister.Errorf(cloister.Unavailable, "The engine is away."))
	case "mend engine":
		s.fake.Break(nil)
	}
	return err
}

// mend undoes all that was broken, and asks for something that works.
func (s *server) mend(ctx context.Context, apps []string) error {
	s.fake.Break(nil)
	s.fake.LoseEvents(false)
	for _, z := range zones {
		s.fake.HealZone(z)
		if err := s.do(ctx, action{what: "declare healed", zone: z}); err != nil {
			return err
		}
	}
	for _, app := range apps {
		if err := s.do(ctx, action{what: "deploy", app: app}); err != nil {
			return err
		}
	}
	return nil
}

func isFault(a action) bool { return slices.Contains(faults, a.what) }

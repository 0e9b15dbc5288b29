package simulation

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// settleTime is more than a script can make anything take: a one-off dyno has up to eleven minutes to live, and slots that
// wait in their crash are filled by the next release.
const settleTime = time.Hour

// settleStep is how often it is looked whether all is at rest.
const settleStep = 10 * time.Second

var long = scale{apps: []string{"alpha", "beta", "gamma"}, dynos: cloister.LimitDynosPerType.Default(), actions: [2]int{1, 20}, first: 5 * time.Minute, pause: 45}

func TestTheServerKeepsItsPromisesWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := long.draw(rt)
		var err error
		synctest.Test(t, func(t *testing.T) { err = simulate(t, h) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// simulate plays a history on a new server whose apps are complete, and returns what broke.
func simulate(t *testing.T, h history) (err error) {
	cryptotest.SetGlobalRandom(t, 1)
	ctx := t.Context()
	s, err := newServer(t, h.sabotage)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for _, name := range []string{"one", "two"} {
		if _, err := s.platform.CreateSpace(ctx, s.actor, platform.SpaceSpec{Name: name + "-space", Team: "acme"}); err != nil {
			return err
		}
	}
	for _, app := range h.apps {
		for _, what := range []string{"create app", "deploy"} {
			if err := s.do(ctx, action{what: what, app: app}); err != nil {
				return err
			}
		}
	}
	for _, app := range h.apps {
		for _, typ := range []string{"web", "worker"} {
			if err := s.do(ctx, action{what: "scale", app: app, typ: typ, n: h.sizes[app+" "+typ]}); err != nil {
				return err
			}
		}
	}
	time.Sleep(h.first)
	quiet := calm{}
	if err := s.holds(ctx, quiet); err != nil {
		return err
	}
	for _, a := range h.script {
		if isFault(a) {
			clear(quiet)
		}
		if err := s.do(ctx, a); err != nil {
			return err
		}
		for left := a.pause; left >= 0; left -= time.Second {
			if err := s.holds(ctx, quiet); err != nil {
				return fmt.Errorf("after %s: %w", a, err)
			}
			time.Sleep(time.Second)
		}
	}
	return s.settles(ctx, h.apps)
}

// holds checks this moment.
func (s *server) holds(ctx context.Context, quiet calm) error {
	synctest.Wait()
	v, err := s.look(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(v.always(), s.lost.check(ctx, s, v.table)); err != nil {
		return err
	}
	return quiet.check(v)
}

// settles checks that the server comes to rest once everything is mended.
func (s *server) settles(ctx context.Context, apps []string) error {
	if err := s.mend(ctx, apps); err != nil {
		return err
	}
	var last error
	for waited := time.Duration(0); waited < settleTime; waited += settleStep {
		time.Sleep(settleStep)
		synctest.Wait()
		v, err := s.look(ctx)
		if err != nil {
			return err
		}
		if err := v.always(); err != nil {
			return err
		}
		if last = v.rest(); last == nil {
			return nil
		}
	}
	return fmt.Errorf("it did not come to rest: %w", last)
}

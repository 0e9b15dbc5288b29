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

	"github.com/cloister-dev/cloister/internal/platform"
)

// settleTime is more than any cool-off that a script can lead to.
const settleTime = 60 * time.Hour

func TestTheServerKeepsItsPromisesWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sizes, script := drawSizes(rt), drawScript(rt)
		var err error
		synctest.Test(t, func(t *testing.T) { err = simulate(t, sizes, script) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// simulate plays a script on a new server whose apps are complete, and returns what broke.
func simulate(t *testing.T, sizes map[string]int, script []action) (err error) {
	cryptotest.SetGlobalRandom(t, 1)
	ctx := t.Context()
	s, err := newServer(t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for _, name := range []string{"one", "two"} {
		if _, err := s.platform.CreateSpace(ctx, s.actor, platform.SpaceSpec{Name: name + "-space", Team: "acme"}); err != nil {
			return err
		}
	}
	for _, app := range apps {
		for _, what := range []string{"create app", "deploy"} {
			if err := s.do(ctx, action{what: what, app: app}); err != nil {
				return err
			}
		}
	}
	for _, app := range apps {
		for _, typ := range []string{"web", "worker"} {
			if err := s.do(ctx, action{what: "scale", app: app, typ: typ, n: sizes[app+" "+typ]}); err != nil {
				return err
			}
		}
	}
	time.Sleep(5 * time.Minute)
	quiet := calm{}
	if err := s.holds(ctx, quiet); err != nil {
		return err
	}
	for _, a := range script {
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
	return s.settles(ctx)
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
func (s *server) settles(ctx context.Context) error {
	if err := s.mend(ctx); err != nil {
		return err
	}
	var last error
	for waited := time.Duration(0); waited < settleTime; waited += time.Minute {
		time.Sleep(time.Minute)
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

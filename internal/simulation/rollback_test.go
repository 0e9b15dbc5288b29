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

// A release whose web dynos never come up is gone back from by itself, and requests are served all the time.
func TestABrokenReleaseIsRolledBackWhileTheOldOneServes(t *testing.T) {
	web, rollback, restarts := rapid.IntRange(1, 10), rapid.Bool(), rapid.SliceOfN(rapid.IntRange(0, 90), 0, 3)
	for i := range 30 {
		web, rollback, restarts := web.Example(i), rollback.Example(i), restarts.Example(i)
		var err error
		synctest.Test(t, func(t *testing.T) { err = breakOne(t, web, rollback, restarts) })
		if err != nil {
			t.Errorf("%d web dynos, rollback %v, restarts after %v s: %v", web, rollback, restarts, err)
		}
	}
}

// passes lets seconds go by, or fewer if it is over before, while everything holds.
func (s *server) passes(ctx context.Context, quiet calm, seconds int, over func() (bool, error)) error {
	for range seconds {
		time.Sleep(time.Second)
		if err := s.holds(ctx, quiet); err != nil {
			return err
		}
		if over == nil {
			continue
		}
		if done, err := over(); done || err != nil {
			return err
		}
	}
	return nil
}

// breakOne deploys code that works to an app, and then code that does not, and returns what broke.
func breakOne(t *testing.T, web int, rollback bool, restarts []int) (err error) {
	cryptotest.SetGlobalRandom(t, 1)
	ctx := t.Context()
	s, err := newServer(t, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if _, err := s.platform.CreateSpace(ctx, s.actor, platform.SpaceSpec{Name: "one-space", Team: "acme"}); err != nil {
		return err
	}
	for _, a := range []action{{what: "create app"}, {what: "deploy"}, {what: "scale", typ: "web", n: web}} {
		a.app = "alpha"
		if err := s.act(ctx, a); err != nil {
			return err
		}
	}
	if _, _, err := s.platform.SetFeature(ctx, s.actor, "alpha", "release-rollback", rollback); err != nil {
		return err
	}
	time.Sleep(5 * time.Minute)
	quiet := calm{}
	if err := s.holds(ctx, quiet); err != nil {
		return err
	}
	if err := s.deploy(ctx, "alpha", true, ""); err != nil {
		return err
	}
	for _, pause := range restarts {
		if err := s.passes(ctx, quiet, pause, nil); err != nil {
			return err
		}
		if err := s.restart(); err != nil {
			return err
		}
	}
	var v view
	if err := s.passes(ctx, quiet, 600, func() (bool, error) {
		v, err = s.look(ctx)
		return err == nil && v.all[v.apps[0].ID][0].Automatic && v.rest() == nil, err
	}); err != nil {
		return err
	}
	app := v.apps[0]
	newest := v.all[app.ID][0]
	switch {
	case rollback && (!newest.Automatic || newest.Version != 4 || newest.Description != "Rollback to v2" || newest.SlugID != v.all[app.ID][2].SlugID):
		return fmt.Errorf("it was not gone back to v2: %+v", newest)
	case rollback:
		return v.rest()
	case newest.Version != 3:
		return fmt.Errorf("it was gone back to v2 against the owner's word: %+v", newest)
	}
	return nil
}

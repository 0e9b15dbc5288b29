package control

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// runOwner comes before the id of a one-off dyno as the owner of its workload: an app's own workloads are those of its
// formation.
const runOwner = "run/"

// ownerWork is the work that an owner of workloads is looked at by.
func ownerWork(owner string) (kind, id string) {
	if id, ok := strings.CutPrefix(owner, runOwner); ok {
		return "run", id
	}
	if id, ok := strings.CutPrefix(owner, addonOwner); ok {
		return "addon", id
	}
	return "app", owner
}

// A runState is what the store knows of a one-off dyno.
type runState struct {
	run     cloister.Run
	app     cloister.App
	space   cloister.Space
	release cloister.Release
	slug    cloister.Slug
	waits   bool // of a release dyno: the release before has its turn
}

// stepRun starts a one-off dyno, watches it, and forgets it when its command has ended.
func (c *Control) stepRun(ctx context.Context, id string) (time.Duration, error) {
	s, err := c.runState(ctx, id)
	if gone(err, "run") {
		return 0, c.dropRun(ctx, id)
	} else if err != nil {
		return 0, err
	}
	if s.space.State != cloister.Allocated {
		return time.Second, nil // its network comes first
	}
	if s.waits {
		return time.Second, nil
	}
	seen, err := c.engine.List(ctx, runOwner+id)
	if err != nil {
		return 0, err
	}
	if len(seen) > 0 && s.run.Type == cloister.ReleaseType {
		c.outputs.follow(ctx, s.run)
	}
	zones, err := c.zones(ctx)
	if err != nil {
		return 0, err
	}
	state := plan.RunState{Run: s.run, Session: c.sessions.state(id), Zones: zones}
	if len(seen) > 0 {
		state.Seen = &seen[0]
		if !s.run.Attached { // in this life of ours nobody may follow it yet
			c.logs.Ensure(id, s.app.ID, s.run.Name())
		}
	}
	p := plan.Run(state, time.Now())
	return p.Again, c.carryOutRun(ctx, s, p)
}

func (c *Control) runState(ctx context.Context, id string) (s runState, err error) {
	err = c.store.View(ctx, func(tx *store.Tx) error {
		if s.run, err = tx.Run(id); err != nil {
			return err
		}
		if s.app, err = tx.App(s.run.AppID); err != nil {
			return err
		}
		if s.space, err = tx.Space(s.run.SpaceID); err != nil {
			return err
		}
		if s.release, err = tx.Release(s.run.AppID, s.run.ReleaseID); err != nil {
			return err
		}
		if s.slug, err = tx.Slug(s.run.AppID, s.release.SlugID); err != nil || s.run.Type != cloister.ReleaseType || s.run.Zone != "" || s.run.Stopped {
			return err
		}
		before, err := tx.PendingBefore(s.app.ID, s.release.Version)
		s.waits = before > 0
		return err
	})
	return s, err
}

// carryOutRun does what a plan says, in its order.
func (c *Control) carryOutRun(ctx context.Context, s runState, p plan.RunPlan) error {
	s.run = p.Run
	if p.Put {
		if err := c.store.Update(ctx, func(tx *store.Tx) error { return c.recordRun(tx, s, p.Run) }); err != nil {
			return err
		}
	}
	for _, l := range p.Log {
		c.logs.Platform(s.app.ID, l.Proc, l.At, l.Text)
	}
	if p.Start {
		if err := c.startRun(ctx, s); err != nil {
			return err
		}
	}
	if p.Stop != nil {
		if err := c.stop(ctx, []plan.Stop{*p.Stop}); err != nil {
			return err
		}
	}
	if p.Delete && s.run.Type == cloister.ReleaseType {
		c.outputs.end(ctx, p.Run)
	}
	if p.Drop {
		if err := c.drop(ctx, []string{p.Run.ID}); err != nil {
			return err
		}
	}
	if !p.Delete {
		return nil
	}
	c.sessions.end(p.Run.ID)
	c.unstarted.forget(p.Run.ID)
	return c.store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRun(p.Run.ID) })
}

// recordRun writes the status of a one-off dyno. The end of a release dyno decides about its release.
func (c *Control) recordRun(tx *store.Tx, s runState, r cloister.Run) error {
	if err := tx.PutRun(r); err != nil || !r.Over() || r.Type != cloister.ReleaseType {
		return err
	}
	app, err := tx.App(s.app.ID)
	if err != nil {
		return err
	}
	release, err := tx.Release(s.app.ID, r.ReleaseID)
	if err != nil {
		return err
	}
	_, err = tx.EndPhase(app, release, r.Exit == 0, cloister.DefaultSize(s.space.Shield))
	return err
}

func (c *Control) startRun(ctx context.Context, s runState) error {
	w, err := runWorkload(s.run, s.app, s.release, s.slug, c.config.AppDomain)
	if err != nil {
		return err
	}
	if err := c.engine.Start(ctx, w); err != nil {
		return c.notStarted(ctx, s.run.Dyno, err, func(tx *store.Tx, d cloister.Dyno) error {
			run := s.run
			run.Dyno = d
			return c.recordRun(tx, s, run)
		})
	}
	c.unstarted.forget(s.run.ID)
	if s.run.Attached {
		c.sessions.ready(s.run.ID)
	} else {
		c.logs.Ensure(s.run.ID, s.app.ID, s.run.Name())
	}
	if s.run.Type == cloister.ReleaseType {
		c.outputs.follow(ctx, s.run)
	}
	c.log.Info("one-off dyno started", "app", s.app.Name, "dyno", s.run.Name(), "size", s.run.Size, "zone", s.run.Zone, "attached", s.run.Attached)
	return nil
}

// runWorkload is what the engine has to run for a one-off dyno: like any dyno of its release, without a port. In one
// that a client attaches to, the command is run by the session.
func runWorkload(r cloister.Run, app cloister.App, rel cloister.Release, slug cloister.Slug, domain string) (engine.Workload, error) {
	w, err := workload(r.Dyno, app, rel, slug, domain)
	if err != nil {
		return w, err
	}
	w.Owner, w.Port, w.Hold = runOwner+r.ID, 0, r.Attached
	delete(w.Env, "PORT")
	for k, v := range r.Env {
		if k != "DYNO" && k != "PWD" {
			w.Env[k] = v.Reveal()
		}
	}
	return w, nil
}

// dropRun takes away what is left of a one-off dyno whose app was destroyed.
func (c *Control) dropRun(ctx context.Context, id string) error {
	c.sessions.end(id)
	left, err := c.engine.List(ctx, runOwner+id)
	if err != nil {
		return err
	}
	var errs []error
	for _, w := range left {
		errs = append(errs, c.engine.Drop(ctx, w.ID))
	}
	return errors.Join(errs...)
}

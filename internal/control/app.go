package control

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// An appState is what the store knows of an app.
type appState struct {
	app     cloister.App
	space   cloister.Space
	release cloister.Release
	slug    cloister.Slug
	types   []cloister.ProcessType
	dynos   []cloister.Dyno
	drains  []cloister.Drain

	domains   []cloister.Domain
	endpoints []cloister.Endpoint
}

// stepApp has an app's lines sent to its drains, and brings what runs of it closer to its current release and formation.
func (c *Control) stepApp(ctx context.Context, id string) (time.Duration, error) {
	s, err := c.appState(ctx, id)
	if gone(err, "app") {
		return 0, c.dropApp(ctx, id)
	} else if err != nil {
		return 0, err
	}
	drains := c.logs.Drains(id, s.drains)
	again, err := c.runApp(ctx, s)
	return again, errors.Join(err, drains) // the app runs, whatever comes of its log
}

// runApp brings its dynos closer to what they should be.
func (c *Control) runApp(ctx context.Context, s appState) (time.Duration, error) {
	if s.space.State != cloister.Allocated {
		return 0, nil // its network comes first, whose step asks for another look
	}
	seen, err := c.engine.List(ctx, s.app.ID)
	if err != nil {
		return 0, err
	}
	for _, d := range s.dynos {
		if slices.ContainsFunc(seen, func(st engine.Status) bool { return st.ID == d.ID }) { // in this life of ours nobody may follow it yet
			c.logs.Ensure(d.ID, s.app.ID, d.Name())
		}
	}
	zones, err := c.zones(ctx)
	if err != nil {
		return 0, err
	}
	has := func(feature string) bool { return s.app.Has(feature, c.config.DailyRestarts) }
	table := c.routes.setApp(c.route(s)) // dynos that are retired already are not in it
	p := plan.Formation(plan.State{App: s.app, Release: s.release, Types: s.types, Dynos: s.dynos, Seen: seen, Zones: zones,
		Preboot: has(cloister.Preboot), Rollback: has(cloister.ReleaseRollback), Daily: has(cloister.DailyRestarts), NewID: cloister.NewID,
		Drained: func(d cloister.Dyno) bool { return !d.Endpoint.IsValid() || c.router.Drained(d.Endpoint, table) },
		Unnamed: c.names.since,
	}, time.Now())
	if p.Back != "" {
		if done, err := c.rollBack(ctx, s, p.Back); done || err != nil {
			return 0, err // by which the app is looked at again
		}
	}
	unready, err := c.announce(ctx, s.domains, table)
	if unready > 0 && (p.Again == 0 || unready < p.Again) {
		p.Again = unready
	}
	return p.Again, errors.Join(err, c.carryOut(ctx, s, p))
}

// gone reports whether err says that just this is not there any more, and not something else that it needs.
func gone(err error, resource string) bool {
	var missing *cloister.Error
	return errors.As(err, &missing) && missing.Kind == cloister.NotFound && missing.Resource == resource
}

func (c *Control) appState(ctx context.Context, id string) (s appState, err error) {
	err = c.store.View(ctx, func(tx *store.Tx) error {
		if s.app, err = tx.App(id); err != nil {
			return err
		}
		if s.space, err = tx.Space(s.app.SpaceID); err != nil {
			return err
		}
		if s.release, err = tx.CurrentRelease(id); err != nil {
			return err
		}
		if s.release.SlugID != "" {
			if s.slug, err = tx.Slug(id, s.release.SlugID); err != nil {
				return err
			}
		}
		if s.types, err = tx.Formation(id); err != nil {
			return err
		}
		if s.drains, err = drains(tx, s.app); err != nil {
			return err
		}
		if s.domains, err = tx.Domains(id); err != nil {
			return err
		}
		if s.endpoints, err = tx.Endpoints(id); err != nil {
			return err
		}
		s.dynos, err = tx.Dynos(id)
		return err
	})
	return s, err
}

// drains are where the log of an app is sent: to its space's drain, or else to its own.
func drains(tx *store.Tx, app cloister.App) ([]cloister.Drain, error) {
	d, err := tx.SpaceDrain(app.SpaceID)
	if cloister.KindOf(err) == cloister.NotFound {
		return tx.Drains(app.ID)
	}
	d.AppID = app.ID
	return []cloister.Drain{d}, err
}

func (c *Control) route(s appState) cloister.Route {
	return plan.Route(plan.RouteInput{App: s.app, Host: s.app.Host(c.config.AppDomain), Domains: s.domains, Endpoints: s.endpoints,
		Deployed: s.release.SlugID != "", Dynos: s.dynos})
}

// carryOut does what a plan says, in its order: what is intended is recorded before it is done, so that a step which
// is cut in half finds its own work again.
func (c *Control) carryOut(ctx context.Context, s appState, p plan.Plan) error {
	s.dynos = changed(s.dynos, p.Put)
	if err := c.record(ctx, s, p.Put); err != nil {
		return err
	}
	if p.Routed {
		c.routes.setApp(c.route(s))
	}
	for _, l := range p.Log {
		c.logs.Platform(s.app.ID, l.Proc, l.At, l.Text)
	}
	err := errors.Join(c.start(ctx, s, p.Start), c.stop(ctx, p.Stop), c.drop(ctx, p.Drop))
	if err != nil || len(p.Delete) == 0 {
		return err
	}
	return c.store.Update(ctx, func(tx *store.Tx) error {
		for _, id := range p.Delete {
			c.unstarted.forget(id)
			if err := tx.DeleteDyno(id); err != nil {
				return err
			}
		}
		return nil
	})
}

// record writes the rows of put, and has the space looked at if its names change by that, or by anything else that has
// happened to the app.
func (c *Control) record(ctx context.Context, s appState, put []cloister.Dyno) error {
	sum, news := c.names.news(plan.SpaceApp{App: s.app, Types: s.types, Dynos: s.dynos})
	if len(put) == 0 && !news {
		return nil
	}
	if err := c.store.Update(ctx, func(tx *store.Tx) error {
		for _, d := range put {
			if err := tx.PutDyno(d); err != nil {
				return err
			}
		}
		if !news {
			return nil
		}
		return tx.Touch("space", s.space.ID)
	}); err != nil {
		return err
	}
	c.names.tell(s.app.ID, sum)
	return nil
}

// changed are the rows of dynos after those of put were written.
func changed(dynos, put []cloister.Dyno) []cloister.Dyno {
	out := slices.Clone(dynos)
	for _, d := range put {
		if i := slices.IndexFunc(out, func(o cloister.Dyno) bool { return o.ID == d.ID }); i >= 0 {
			out[i] = d
		} else {
			out = append(out, d)
		}
	}
	return out
}

// startsAtOnce keeps one app's release from taking the whole machine.
const startsAtOnce = 4

func (c *Control) start(ctx context.Context, s appState, dynos []cloister.Dyno) error {
	var group errgroup.Group
	group.SetLimit(startsAtOnce)
	for _, d := range dynos {
		if d.ReleaseID != s.release.ID {
			continue // overtaken by another release; the next plan replaces it
		}
		group.Go(func() error {
			w, err := workload(d, s.app, s.release, s.slug, c.config.AppDomain)
			if err != nil {
				return err
			}
			if err := c.engine.Start(ctx, w); err != nil {
				return c.notStarted(ctx, d, err, (*store.Tx).PutDyno)
			}
			c.unstarted.forget(d.ID)
			c.logs.Ensure(d.ID, s.app.ID, d.Name())
			c.log.Info("dyno started", "app", s.app.Name, "dyno", d.Name(), "release", d.Version, "zone", d.Zone)
			return nil
		})
	}
	return group.Wait()
}

func (c *Control) stop(ctx context.Context, stops []plan.Stop) error {
	var errs []error
	for _, s := range stops {
		if err := c.engine.Stop(ctx, s.ID, s.Grace); err != nil && cloister.KindOf(err) != cloister.NotFound {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (c *Control) drop(ctx context.Context, ids []string) error {
	var group errgroup.Group
	group.SetLimit(startsAtOnce)
	errs := make([]error, len(ids))
	for i, id := range ids {
		group.Go(func() error {
			c.logs.Drained(ctx, id)
			errs[i] = c.engine.Drop(ctx, id)
			return nil
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// dropApp takes away what is left of an app that was destroyed, the routes to it first.
func (c *Control) dropApp(ctx context.Context, id string) error {
	c.routes.dropApp(id)
	c.names.dropApp(id)
	c.unstarted.forgetApp(id)
	if c.builds != nil {
		c.builds.abandon(id)
	}
	left, err := c.engine.List(ctx, id)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(startsAtOnce)
	for _, w := range left {
		group.Go(func() error { return c.engine.Drop(ctx, w.ID) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	c.logs.Delete(id)
	if c.builds != nil {
		if err := c.builds.builder.DropCache(ctx, id); err != nil {
			return err
		}
	}
	if c.config.Forget != nil {
		return c.config.Forget(id)
	}
	return nil
}

package platform

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Couple gives an app, which the actor may deploy, a place in a pipeline. It takes over the config vars that the pipeline
// has for the stage, as far as it has none of these names.
func (p *Platform) Couple(ctx context.Context, a cloister.Actor, pipeline, ref, stage string) (c cloister.Coupling, err error) {
	at, err := cloister.ParseStage(stage)
	if err != nil {
		return c, err
	}
	var app AppInfo
	var r cloister.Release
	err = p.update(ctx, a, func(tx *store.Tx) error {
		x, err := p.pipeline(tx, a, pipeline, managePipeline)
		if err != nil {
			return err
		}
		if app, err = p.app(tx, a, ref, deployApp); err != nil {
			return err
		}
		c = cloister.Coupling{ID: cloister.NewID(), PipelineID: x.ID, AppID: app.ID, Stage: at, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := tx.InsertCoupling(c); cloister.KindOf(err) == cloister.Conflict {
			return cloister.Errorf(cloister.Invalid, "App %s is in a pipeline already. Remove it from that one first: `pipelines:remove -a %s`.", app.Name, app.Name)
		} else if err != nil {
			return err
		}
		if err := tx.Changed("pipeline", x.ID, "update", app.Name+" is in "+string(at)+" of "+x.Name, nil, c); err != nil {
			return err
		}
		r, err = p.inherit(tx, a, app, c)
		return err
	})
	if err == nil && r.ID != "" {
		p.announce(app, a, r)
	}
	return c, err
}

// inherit gives an app the config vars of its stage that it does not have.
func (p *Platform) inherit(tx *store.Tx, a cloister.Actor, app AppInfo, c cloister.Coupling) (r cloister.Release, err error) {
	of, err := tx.PipelineConfig(c.PipelineID, c.Stage)
	if err != nil {
		return r, err
	}
	change := map[string]*cloister.Secret{}
	for name, value := range of {
		if _, has := app.Config[name]; !has {
			change[name] = &value
		}
	}
	_, r, err = p.configure(tx, a, app, change)
	return r, err
}

// Couplings lists the couplings that the actor may see of a pipeline; of those of the apps that they do not see, they see
// nothing.
func (p *Platform) Couplings(ctx context.Context, a cloister.Actor, pipeline string) (x cloister.Pipeline, out []cloister.Coupling, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if x, err = p.pipeline(tx, a, pipeline, viewPipeline); err != nil {
			return err
		}
		out, err = tx.CouplingsSeen(a.User.ID, store.CouplingFilter{Pipeline: x.ID})
		return err
	})
	return x, out, err
}

// AllCouplings lists the couplings that the actor may see: of all pipelines, or of those of a team.
func (p *Platform) AllCouplings(ctx context.Context, a cloister.Actor, team string) (out []cloister.Coupling, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		var f store.CouplingFilter
		if team != "" {
			t, err := p.team(tx, a, team, viewTeam)
			if err != nil {
				return err
			}
			f.Team = t.ID
		}
		if out, err = tx.CouplingsSeen(a.User.ID, f); err != nil {
			return err
		}
		shut, err := shut(tx, a)
		if err != nil || len(shut) == 0 {
			return err
		}
		apps, err := tx.Apps(store.AppFilter{User: a.User.ID})
		out = slices.DeleteFunc(out, func(c cloister.Coupling) bool {
			return slices.ContainsFunc(apps, func(app cloister.App) bool { return app.ID == c.AppID && shut[app.TeamID] })
		})
		return err
	})
	return out, err
}

// Coupling finds a coupling by id.
func (p *Platform) Coupling(ctx context.Context, a cloister.Actor, id string) (x cloister.Pipeline, c cloister.Coupling, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		x, c, err = p.coupling(tx, a, id, viewPipeline)
		return err
	})
	return x, c, err
}

// CouplingOf finds the place of an app in its pipeline. An app that is in none has no such thing.
func (p *Platform) CouplingOf(ctx context.Context, a cloister.Actor, ref string) (x cloister.Pipeline, c cloister.Coupling, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err := p.app(tx, a, ref, viewApp)
		if err != nil {
			return err
		}
		x, c, err = p.coupling(tx, a, app.ID, viewPipeline)
		if cloister.KindOf(err) == cloister.NotFound {
			return &cloister.Error{Kind: cloister.NotFound, Message: "This app is in no pipeline.", Resource: "pipeline_coupling"}
		}
		return err
	})
	return x, c, err
}

// coupling finds a coupling, by its id or its app's, whose pipeline the actor may do v to, and whose app they see.
func (p *Platform) coupling(tx *store.Tx, a cloister.Actor, id string, v verb) (x cloister.Pipeline, c cloister.Coupling, err error) {
	if err := scope(a, v); err != nil {
		return x, c, err
	}
	if c, err = tx.Coupling(strings.ToLower(id)); err != nil {
		return x, cloister.Coupling{}, err
	}
	x, err = p.pipeline(tx, a, c.PipelineID, v)
	if err == nil {
		_, err = p.app(tx, a, c.AppID, viewApp)
	}
	err = hidden(err, "pipeline_coupling")
	return x, c, err
}

// SetStage moves an app to another stage of its pipeline. Its config vars stay.
func (p *Platform) SetStage(ctx context.Context, a cloister.Actor, id, stage string) (x cloister.Pipeline, c cloister.Coupling, err error) {
	at, err := cloister.ParseStage(stage)
	if err != nil {
		return x, c, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if x, c, err = p.coupling(tx, a, id, managePipeline); err != nil {
			return err
		}
		was := c
		if err := tx.SetStage(c.ID, at); err != nil {
			return err
		}
		c.Stage, c.UpdatedAt = at, tx.Now
		return tx.Changed("pipeline", x.ID, "update", "an app is in "+string(at)+" of "+x.Name, was, c)
	})
	return x, c, err
}

// Uncouple takes an app out of its pipeline. It goes on as it is.
func (p *Platform) Uncouple(ctx context.Context, a cloister.Actor, id string) (x cloister.Pipeline, c cloister.Coupling, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if x, c, err = p.coupling(tx, a, id, managePipeline); err != nil {
			return err
		}
		return p.uncouple(tx, x, c)
	})
	return x, c, err
}

func (p *Platform) uncouple(tx *store.Tx, x cloister.Pipeline, c cloister.Coupling) error {
	if err := tx.DeleteCoupling(c.ID); err != nil {
		return err
	}
	return tx.Changed("pipeline", x.ID, "update", "an app is in "+x.Name+" no more", c, nil)
}

// movePipelines follows a space whose apps go to another team: a pipeline that has no other apps goes along; one that has
// stays with those, and the space's apps leave it (as the contract of Private Spaces says).
func (p *Platform) movePipelines(tx *store.Tx, s cloister.Space, from, to cloister.Team) error {
	moved, err := tx.CouplingsIn(s.ID)
	if err != nil {
		return err
	}
	inside := map[string][]cloister.Coupling{}
	for _, c := range moved {
		inside[c.PipelineID] = append(inside[c.PipelineID], c)
	}
	for _, id := range slices.Sorted(maps.Keys(inside)) {
		some := inside[id]
		x, err := tx.Pipeline(id)
		if err != nil {
			return err
		}
		if x.TeamID != from.ID {
			continue // a user's own, or another team's: it had apps of other teams all along
		}
		all, err := tx.Couplings(id)
		if err != nil {
			return err
		}
		if len(all) == len(some) {
			was := x
			x.TeamID = to.ID
			if err := tx.UpdatePipeline(x); err != nil {
				return taken(err, "Pipeline name", x.Name)
			}
			if err := tx.Changed("pipeline", x.ID, "update", x.Name+" from "+from.Name+" to "+to.Name, was, x); err != nil {
				return err
			}
			continue
		}
		for _, c := range some {
			if err := p.uncouple(tx, x, c); err != nil {
				return err
			}
		}
	}
	return nil
}

package platform

import (
	"context"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// An Owner is who a pipeline belongs to: a team or a user, by id.
type Owner struct {
	Type string // "team" or "user"
	ID   string
}

// CreatePipeline makes a pipeline without apps. A zero owner is the actor.
func (p *Platform) CreatePipeline(ctx context.Context, a cloister.Actor, name string, owner Owner) (x cloister.Pipeline, err error) {
	if err := cloister.ValidPipelineName(name); err != nil {
		return x, err
	}
	if owner == (Owner{}) {
		owner = Owner{Type: "user", ID: a.User.ID}
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		x = cloister.Pipeline{ID: cloister.NewID(), Name: name, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := p.give(tx, a, &x, owner); err != nil {
			return err
		}
		if x.UserID != "" && x.UserID != a.User.ID {
			return cloister.Errorf(cloister.Forbidden, "Only they themselves make pipelines for a user. Make it your own, and transfer it.")
		}
		if err := tx.InsertPipeline(x); err != nil {
			return taken(err, "Name", name)
		}
		return tx.Changed("pipeline", x.ID, "create", x.Name, nil, x)
	})
	return x, err
}

// give makes somebody the owner of a pipeline: the actor, a team whose pipelines they manage, or a user whom they share a
// team with.
func (p *Platform) give(tx *store.Tx, a cloister.Actor, x *cloister.Pipeline, to Owner) error {
	if err := p.can(tx, a, managePipeline, object{resource: "account", user: a.User.ID}); err != nil {
		return err
	}
	switch to.Type {
	case "team":
		t, err := p.team(tx, a, to.ID, managePipeline)
		x.TeamID, x.UserID = t.ID, ""
		return err
	case "user":
		u, err := p.mate(tx, a, to.ID)
		x.TeamID, x.UserID = "", u.ID
		return err
	}
	return cloister.Errorf(cloister.Invalid, "Owner type %q is invalid. Use team or user.", to.Type)
}

// Pipelines lists the pipelines that the actor may see, of a name or all ("").
func (p *Platform) Pipelines(ctx context.Context, a cloister.Actor, name string) (out []cloister.Pipeline, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		all, err := tx.PipelinesOf(a.User.ID)
		if err != nil {
			return err
		}
		shut, err := shut(tx, a)
		for _, x := range all {
			if (name == "" || x.Name == name) && !shut[x.TeamID] {
				out = append(out, x)
			}
		}
		return err
	})
	return out, err
}

// Pipeline finds a pipeline by id, or by name if the actor sees only one of that name.
func (p *Platform) Pipeline(ctx context.Context, a cloister.Actor, ref string) (x cloister.Pipeline, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		x, err = p.pipeline(tx, a, ref, viewPipeline)
		return err
	})
	return x, err
}

// pipeline finds a pipeline and checks that the actor may do v to it.
func (p *Platform) pipeline(tx *store.Tx, a cloister.Actor, ref string, v verb) (x cloister.Pipeline, err error) {
	if err := scope(a, v); err != nil {
		return x, err
	}
	x, err = tx.Pipeline(strings.ToLower(ref))
	if cloister.KindOf(err) == cloister.NotFound {
		var all []cloister.Pipeline
		if all, err = tx.PipelinesOf(a.User.ID); err != nil {
			return x, err
		}
		var found []cloister.Pipeline
		for _, y := range all {
			if y.Name == ref {
				found = append(found, y)
			}
		}
		switch len(found) {
		case 0:
			err = cloister.Missing("pipeline")
		case 1:
			x = found[0]
		default:
			err = cloister.Errorf(cloister.Invalid, "You see %d pipelines called %s. Use the id of one.", len(found), ref)
		}
	}
	if err != nil {
		return cloister.Pipeline{}, err
	}
	return x, p.can(tx, a, v, object{resource: "pipeline", pipeline: x.ID, team: x.TeamID, user: x.UserID})
}

// RenamePipeline gives a pipeline another name.
func (p *Platform) RenamePipeline(ctx context.Context, a cloister.Actor, ref, name string) (x cloister.Pipeline, err error) {
	if err := cloister.ValidPipelineName(name); err != nil {
		return x, err
	}
	return p.changePipeline(ctx, a, ref, func(_ *store.Tx, x *cloister.Pipeline) error {
		x.Name = name
		return nil
	})
}

// TransferPipeline gives a pipeline to another owner, and tells who it was. Its apps stay in their spaces and teams.
func (p *Platform) TransferPipeline(ctx context.Context, a cloister.Actor, ref string, to Owner) (was, is cloister.Pipeline, err error) {
	is, err = p.changePipeline(ctx, a, ref, func(tx *store.Tx, x *cloister.Pipeline) error {
		was = *x
		return p.give(tx, a, x, to)
	})
	return was, is, err
}

func (p *Platform) changePipeline(ctx context.Context, a cloister.Actor, ref string, change func(*store.Tx, *cloister.Pipeline) error) (x cloister.Pipeline, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if x, err = p.pipeline(tx, a, ref, managePipeline); err != nil {
			return err
		}
		was := x
		if err := change(tx, &x); err != nil {
			return err
		}
		if err := tx.UpdatePipeline(x); err != nil {
			return taken(err, "Name", x.Name)
		}
		x.UpdatedAt = tx.Now
		return tx.Changed("pipeline", x.ID, "update", x.Name, was, x)
	})
	return x, err
}

// DestroyPipeline deletes a pipeline; its apps stay.
func (p *Platform) DestroyPipeline(ctx context.Context, a cloister.Actor, ref string) (x cloister.Pipeline, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if x, err = p.pipeline(tx, a, ref, managePipeline); err != nil {
			return err
		}
		if err := tx.DeletePipeline(x.ID); err != nil {
			return err
		}
		return tx.Changed("pipeline", x.ID, "destroy", x.Name, x, nil)
	})
	return x, err
}

// PipelineConfig is the config vars of a pipeline for a stage, which its apps there begin with.
func (p *Platform) PipelineConfig(ctx context.Context, a cloister.Actor, ref, stage string) (vars map[string]cloister.Secret, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		_, _, vars, err = p.pipelineConfig(tx, a, ref, stage, readPipeline)
		return err
	})
	return vars, err
}

// SetPipelineConfig sets and, where the value is nil, removes config vars of a pipeline for a stage. Apps that are there
// already keep what they have.
func (p *Platform) SetPipelineConfig(ctx context.Context, a cloister.Actor, ref, stage string, change map[string]*cloister.Secret) (vars map[string]cloister.Secret, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		x, at, was, err := p.pipelineConfig(tx, a, ref, stage, managePipeline)
		if err != nil {
			return err
		}
		if err := scope(a, deployApp); err != nil { // apps get them
			return err
		}
		var set, removed []string
		if vars, set, removed = cloister.ChangeConfig(was, change); len(set)+len(removed) == 0 {
			return nil
		}
		if err := cloister.ValidConfig(vars); err != nil {
			return err
		}
		if err := tx.PutPipelineConfig(x.ID, at, vars); err != nil {
			return err
		}
		type config struct{ Config map[string]cloister.Secret }
		return tx.Changed("pipeline", x.ID, "update", x.Name+" "+string(at)+": "+describeConfig(set, removed), config{was}, config{vars})
	})
	return vars, err
}

// pipelineConfig finds config vars of a pipeline that the actor may do v to.
func (p *Platform) pipelineConfig(tx *store.Tx, a cloister.Actor, ref, stage string, v verb) (x cloister.Pipeline, s cloister.Stage, vars map[string]cloister.Secret, err error) {
	if x, err = p.pipeline(tx, a, ref, v); err != nil {
		return x, s, nil, err
	}
	if s, err = cloister.ParseConfigStage(stage); err != nil {
		return x, s, nil, err
	}
	vars, err = tx.PipelineConfig(x.ID, s)
	return x, s, vars, err
}

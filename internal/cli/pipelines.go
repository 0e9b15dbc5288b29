package cli

import (
	"cmp"
	"context"
	"slices"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type pipelines struct {
	JSON bool `help:"Print JSON."`
}

// Run lists pipelines by name.
func (c *pipelines) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	all, err := h.Pipelines(ctx, "")
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b heroku.Pipeline) int { return cmp.Compare(a.Name, b.Name) })
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.Pipeline](all))
	}
	if len(all) == 0 {
		s.Term.Line("You have no pipelines\nUse `cloister pipelines:create` to make one.")
	}
	for _, p := range all {
		s.Term.Line("%s", p.Name)
	}
	return nil
}

// pipelineArg names the pipeline that a command is for.
type pipelineArg struct {
	Pipeline string `arg:"" help:"The pipeline's name or id."`
}

// target is a client and the pipeline that a command is for.
func (c pipelineArg) target(ctx context.Context, s *Session) (*heroku.Client, heroku.Pipeline, error) {
	h, err := s.Client()
	if err != nil {
		return nil, heroku.Pipeline{}, err
	}
	p, err := h.Pipeline(ctx, c.Pipeline)
	return h, p, err
}

type pipelineInfo struct {
	pipelineArg
	JSON bool `help:"Print JSON."`
}

// Run shows a pipeline and its apps, from stage to stage.
func (c *pipelineInfo) Run(ctx context.Context, s *Session) error {
	h, p, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	all, err := h.PipelineCouplings(ctx, p.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(map[string]any{"pipeline": p, "couplings": heroku.List[heroku.PipelineCoupling](all)})
	}
	stages := []string{"test", "review", "development", "staging", "production"}
	slices.SortStableFunc(all, func(a, b heroku.PipelineCoupling) int {
		return cmp.Compare(slices.Index(stages, a.Stage), slices.Index(stages, b.Stage))
	})
	var rows [][]string
	for _, x := range all {
		app, err := h.App(ctx, x.App.ID)
		if err != nil {
			return err
		}
		rows = append(rows, []string{app.Name, x.Stage})
	}
	s.Term.Header("%s", p.Name)
	if p.Owner != nil && p.Owner.Type == "team" {
		t, err := h.Team(ctx, p.Owner.ID)
		if err != nil && !heroku.IsNotFound(err) { // whoever sees an app alone does not see its team
			return err
		}
		s.Term.Object(term.F("Team", cmp.Or(t.Name, p.Owner.ID)))
	}
	s.Term.Table([]string{"App", "Stage"}, rows)
	return nil
}

type pipelineCreate struct {
	appFlag
	Name  string `arg:"" help:"The pipeline's name."`
	Stage string `short:"s" default:"development" help:"The stage of its first app: test, review, development, staging, production."`
	Team  string `short:"t" help:"The team that owns it; without it, you do."`
}

// Run makes a pipeline with its first app.
func (c *pipelineCreate) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	in := heroku.PipelineCreateOpts{Name: c.Name}
	if name := s.team(c.Team); name != "" {
		t, err := h.Team(ctx, name)
		if err != nil {
			return err
		}
		in.Owner = &heroku.PipelineOwner{ID: t.ID, Type: "team"}
	}
	var p heroku.Pipeline
	if err := s.during("Creating pipeline "+c.Name, func() (_ string, err error) {
		p, err = h.CreatePipeline(ctx, in)
		return "", err
	}); err != nil {
		return err
	}
	return s.couple(ctx, h, p, app, c.Stage)
}

type pipelineAdd struct {
	appFlag
	pipelineArg
	Stage string `short:"s" required:"" help:"The stage of the app: test, review, development, staging, production."`
}

// Run gives an app a place in a pipeline.
func (c *pipelineAdd) Run(ctx context.Context, s *Session) error {
	h, p, err := c.pipelineArg.target(ctx, s)
	if err != nil {
		return err
	}
	app, err := c.app(ctx, s)
	if err != nil {
		return err
	}
	return s.couple(ctx, h, p, app, c.Stage)
}

func (s *Session) couple(ctx context.Context, h *heroku.Client, p heroku.Pipeline, app, stage string) error {
	return s.during("Adding "+s.Term.Cyan(app)+" to pipeline "+p.Name+" as "+stage, func() (string, error) {
		_, err := h.Couple(ctx, heroku.PipelineCouplingOpts{App: heroku.Ref(app), Pipeline: heroku.Ref(p.ID), Stage: stage})
		return "", err
	})
}

type pipelineUpdate struct {
	appFlag
	Stage string `short:"s" required:"" help:"The stage of the app: test, review, development, staging, production."`
}

// Run moves an app to another stage of its pipeline.
func (c *pipelineUpdate) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Changing "+s.Term.Cyan(app)+" to "+c.Stage, func() (string, error) {
		x, err := h.CouplingOf(ctx, app)
		if err == nil {
			_, err = h.SetStage(ctx, x.ID, c.Stage)
		}
		return "", err
	})
}

type pipelineRemove struct{ appFlag }

// Run takes an app out of its pipeline.
func (c *pipelineRemove) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Removing "+s.Term.Cyan(app), func() (string, error) {
		x, err := h.CouplingOf(ctx, app)
		if err == nil {
			_, err = h.Uncouple(ctx, x.ID)
		}
		return "", err
	})
}

type pipelineRename struct {
	pipelineArg
	NewName string `arg:"" help:"The name it gets."`
}

// Run renames a pipeline.
func (c *pipelineRename) Run(ctx context.Context, s *Session) error {
	h, p, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Renaming pipeline "+p.Name+" to "+c.NewName, func() (string, error) {
		_, err := h.UpdatePipeline(ctx, p.ID, heroku.PipelineUpdateOpts{Name: &c.NewName})
		return "", err
	})
}

type pipelineTransfer struct {
	pipelineArg
	Owner string `arg:"" help:"A team, or the e-mail address of somebody of your teams."`
}

// Run gives a pipeline to a team or a user. Its apps stay where they are.
func (c *pipelineTransfer) Run(ctx context.Context, s *Session) error {
	h, p, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Transferring pipeline "+p.Name+" to "+c.Owner, func() (string, error) {
		to := heroku.PipelineOwner{Type: "team"}
		t, err := h.Team(ctx, c.Owner)
		if to.ID = t.ID; heroku.IsNotFound(err) {
			var u heroku.Account
			u, err = h.User(ctx, c.Owner)
			to = heroku.PipelineOwner{Type: "user", ID: u.ID}
		}
		if err != nil {
			return "", err
		}
		_, err = h.TransferPipeline(ctx, heroku.PipelineTransferOpts{Pipeline: heroku.Ref(p.ID), NewOwner: to})
		return "", err
	})
}

type pipelineDestroy struct{ pipelineArg }

// Run destroys a pipeline. Its apps stay.
func (c *pipelineDestroy) Run(ctx context.Context, s *Session) error {
	h, p, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Destroying pipeline "+p.Name, func() (string, error) {
		_, err := h.DeletePipeline(ctx, p.ID)
		return "", err
	})
}

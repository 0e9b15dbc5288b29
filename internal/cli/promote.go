package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type pipelinePromote struct {
	appFlag
	To []string `short:"t" help:"Apps of the pipeline; without it, all of the next stage."`
}

// Run releases the code of an app to others of its pipeline, and waits until they have it.
func (c *pipelinePromote) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	from, err := h.CouplingOf(ctx, app)
	if err != nil {
		return err
	}
	names, err := c.targets(ctx, h, from)
	if err != nil {
		return err
	}
	in := heroku.PipelinePromotionOpts{Pipeline: heroku.Ref(from.Pipeline.ID)}
	in.Source.App = heroku.Ref(from.App.ID)
	for _, id := range slices.Sorted(maps.Keys(names)) {
		in.Targets = append(in.Targets, heroku.PromotionTo{App: heroku.Ref(id)})
	}
	var all []heroku.PipelinePromotionTarget
	if err := s.during(fmt.Sprintf("Promoting %s to %s", app, strings.Join(slices.Sorted(maps.Values(names)), ", ")), func() (string, error) {
		p, err := h.Promote(ctx, in)
		for err == nil {
			all, err = h.PromotionTargets(ctx, p.ID)
			if err != nil || !slices.ContainsFunc(all, func(t heroku.PipelinePromotionTarget) bool { return t.Status == "pending" }) {
				break
			}
			err = pause(ctx, time.Second)
		}
		return "", err
	}); err != nil {
		return err
	}
	var rows [][]string
	failed := 0
	for _, t := range all {
		if t.Status == "failed" {
			failed++
		}
		rows = append(rows, []string{names[t.App.ID], t.Status, text(t.ErrorMessage)})
	}
	slices.SortFunc(rows, slices.Compare)
	s.Term.Table([]string{"App", "Status", "Error"}, rows)
	if failed > 0 {
		return complain("Promotion to %d of %d apps failed.", failed, len(all))
	}
	return nil
}

// targets are the names of the apps that code is promoted to, by id.
func (c *pipelinePromote) targets(ctx context.Context, h *heroku.Client, from heroku.PipelineCoupling) (map[string]string, error) {
	all, err := h.PipelineCouplings(ctx, from.Pipeline.ID)
	if err != nil {
		return nil, err
	}
	next := map[string]string{"development": "staging", "staging": "production"}[from.Stage]
	if len(c.To) == 0 && next == "" {
		return nil, complain("There is no stage after %s. Name the apps with --to.", from.Stage)
	}
	out := map[string]string{}
	for _, x := range all {
		if x.ID == from.ID {
			continue
		}
		app, err := h.App(ctx, x.App.ID)
		if err != nil {
			return nil, err
		}
		if slices.Contains(c.To, app.Name) || len(c.To) == 0 && x.Stage == next {
			out[app.ID] = app.Name
		}
	}
	for _, name := range c.To {
		if !slices.Contains(slices.Collect(maps.Values(out)), name) {
			return nil, complain("%s is no other app of pipeline %s.", name, from.Pipeline.Name)
		}
	}
	if len(out) == 0 {
		return nil, complain("Pipeline %s has no app in %s.", from.Pipeline.Name, next)
	}
	return out, nil
}

// stageFlag names the stage that config vars are for.
type stageFlag struct {
	pipelineArg
	Stage string `short:"s" default:"review" help:"The stage: review or test."`
}

type pipelineConfig struct{ stageFlag }

// Run lists the config vars that apps of a stage begin with.
func (c *pipelineConfig) Run(ctx context.Context, s *Session) error {
	h, p, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	vars, err := h.PipelineConfig(ctx, p.ID, c.Stage)
	if err != nil {
		return err
	}
	s.Term.Header("%s %s Config Vars", p.Name, c.Stage)
	s.showVars(vars)
	return nil
}

type pipelineConfigSet struct {
	stageFlag
	Vars []string `arg:"" name:"key=value" help:"Config vars to set."`
}

// Run sets config vars that apps of a stage begin with.
func (c *pipelineConfigSet) Run(ctx context.Context, s *Session) error {
	in, names, err := assignments(c.Vars)
	if err != nil {
		return err
	}
	return c.change(ctx, s, "Setting", names, in)
}

type pipelineConfigUnset struct {
	stageFlag
	Keys []string `arg:"" name:"key" help:"Names of config vars."`
}

// Run removes config vars that apps of a stage begin with.
func (c *pipelineConfigUnset) Run(ctx context.Context, s *Session) error {
	return c.change(ctx, s, "Unsetting", c.Keys, removals(c.Keys))
}

func (c stageFlag) change(ctx context.Context, s *Session, verb string, names []string, in heroku.ConfigVarUpdateOpts) error {
	h, p, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during(verb+" "+strings.Join(names, ", ")+" of pipeline "+p.Name, func() (string, error) {
		_, err := h.SetPipelineConfig(ctx, p.ID, c.Stage, in)
		return "", err
	})
}

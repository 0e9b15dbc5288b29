package platform_test

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// line is the id of the pipeline "shop" of acme, in which quiet-garth is staging and loud-garth, which has no collaborators,
// is production.
func (h *house) line(ctx context.Context) string {
	if all, _ := h.Pipelines(ctx, h.admin, "shop"); len(all) > 0 {
		return all[0].ID
	}
	acme, _ := h.Team(ctx, h.admin, "acme")
	x, _ := h.CreatePipeline(ctx, h.admin, "shop", platform.Owner{Type: "team", ID: acme.ID})
	h.CreateApp(ctx, h.admin, platform.AppSpec{Name: "loud-garth", Space: "cellar"})
	h.Couple(ctx, h.admin, x.ID, "quiet-garth", "staging")
	h.Couple(ctx, h.admin, x.ID, "loud-garth", "production")
	return x.ID
}

// coupling is the id of quiet-garth's coupling.
func (h *house) coupling(ctx context.Context) string {
	h.line(ctx)
	_, c, _ := h.CouplingOf(ctx, h.admin, "quiet-garth")
	return c.ID
}

// pipelineDeeds are about pipelines.
var pipelineDeeds = map[string]deed{
	"Pipelines": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Pipelines(ctx, a, "")
		return err
	}},
	"CreatePipeline": {member, func(ctx context.Context, h *house, a cloister.Actor) error {
		acme, _ := h.Team(ctx, h.admin, "acme")
		_, err := h.CreatePipeline(ctx, a, "shop", platform.Owner{Type: "team", ID: acme.ID})
		return err
	}},
	"Pipeline": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Pipeline(ctx, a, h.line(ctx))
		return err
	}},
	"RenamePipeline": {coupled, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RenamePipeline(ctx, a, h.line(ctx), "stall")
		return err
	}},
	"TransferPipeline": {coupled, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.TransferPipeline(ctx, a, h.line(ctx), platform.Owner{Type: "user", ID: a.User.ID})
		return err
	}},
	"DestroyPipeline": {coupled, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.DestroyPipeline(ctx, a, h.line(ctx))
		return err
	}},
	"PipelineConfig": {coupled, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.PipelineConfig(ctx, a, h.line(ctx), "review")
		return err
	}},
	"SetPipelineConfig": {coupled, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetPipelineConfig(ctx, a, h.line(ctx), "review", map[string]*cloister.Secret{"KEY": new(cloister.Secret("v"))})
		return err
	}},
	// It takes the right to deploy the app, too.
	"Couple": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		line := h.line(ctx)
		if c := h.coupling(ctx); c != "" {
			h.Uncouple(ctx, h.admin, c)
		}
		_, err := h.Couple(ctx, a, line, "quiet-garth", "review")
		return err
	}},
	"Couplings": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Couplings(ctx, a, h.line(ctx))
		return err
	}},
	"AllCouplings": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AllCouplings(ctx, a, "")
		return err
	}},
	"Coupling": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Coupling(ctx, a, h.coupling(ctx))
		return err
	}},
	"CouplingOf": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.line(ctx)
		_, _, err := h.CouplingOf(ctx, a, "quiet-garth")
		return err
	}},
	"SetStage": {coupled, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.SetStage(ctx, a, h.coupling(ctx), "development")
		return err
	}},
	"Uncouple": {coupled, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Uncouple(ctx, a, h.coupling(ctx))
		return err
	}},
	// Of the apps that it is about, one may see one alone.
	"Promote": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Promote(ctx, a, platform.PromotionSpec{Pipeline: h.line(ctx), Source: "quiet-garth", Targets: []string{"loud-garth"}})
		return err
	}},
	"Promotion": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		x, err := h.Promote(ctx, h.admin, platform.PromotionSpec{Pipeline: h.line(ctx), Source: "quiet-garth", Targets: []string{"loud-garth"}})
		if err != nil {
			return err
		}
		_, err = h.Promotion(ctx, a, x.ID)
		return err
	}},
}

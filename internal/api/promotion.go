package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) promotionRoutes(r chi.Router) {
	r.Post("/pipeline-promotions", a.do(a.promotionCreate))
	r.Get("/pipeline-promotions/{promotion}", a.do(a.promotionInfo))
	r.Get("/pipeline-promotions/{promotion}/promotion-targets", a.do(a.promotionTargetList))
}

func (a *API) promotionCreate(r *request) (reply, error) {
	in, err := decode[heroku.PipelinePromotionOpts](r)
	if err != nil {
		return reply{}, err
	}
	spec := platform.PromotionSpec{Pipeline: string(in.Pipeline), Source: string(in.Source.App), Release: string(in.Source.Release)}
	for _, t := range in.Targets {
		spec.Targets = append(spec.Targets, string(t.App))
	}
	p, err := a.platform.Promote(r.Context(), r.actor, spec)
	return created(promotion(p)), err
}

func (a *API) promotionInfo(r *request) (reply, error) {
	p, err := a.platform.Promotion(r.Context(), r.actor, r.param("promotion"))
	return ok(promotion(p)), err
}

func (a *API) promotionTargetList(r *request) (reply, error) {
	p, err := a.platform.Promotion(r.Context(), r.actor, r.param("promotion"))
	return list(each(p.Targets, promotionTarget), byID(func(t heroku.PipelinePromotionTarget) string { return t.ID })), err
}

func promotion(p platform.PromotionInfo) heroku.PipelinePromotion {
	status := "pending"
	if cloister.Done(p.Targets) {
		status = "completed"
	}
	return heroku.PipelinePromotion{ID: p.ID, Pipeline: heroku.ID{ID: p.PipelineID}, Status: status,
		Source:    heroku.PromotionSource{App: heroku.ID{ID: p.AppID}, Release: heroku.ID{ID: p.ReleaseID}},
		CreatedAt: heroku.At(p.CreatedAt), UpdatedAt: heroku.At(p.CreatedAt)}
}

func promotionTarget(t cloister.PromotionTarget) heroku.PipelinePromotionTarget {
	out := heroku.PipelinePromotionTarget{ID: t.ID, App: heroku.ID{ID: t.AppID}, PipelinePromotion: heroku.ID{ID: t.PromotionID},
		Status: string(t.Status), ErrorMessage: optional(t.Error)}
	if t.ReleaseID != "" {
		out.Release = &heroku.ID{ID: t.ReleaseID}
	}
	return out
}

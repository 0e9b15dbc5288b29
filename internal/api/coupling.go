package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) couplingRoutes(r chi.Router) {
	r.Get("/pipelines/{pipeline}/pipeline-couplings", a.do(a.couplingsOfPipeline))
	r.Get("/teams/{team}/pipeline-couplings", a.do(a.couplingList))
	r.Get("/users/~/pipeline-couplings", a.do(a.couplingList))
	r.Get("/pipeline-couplings", a.do(a.couplingList))
	r.Post("/pipeline-couplings", a.do(a.couplingCreate))
	r.Get("/pipeline-couplings/{coupling}", a.do(a.couplingInfo))
	r.Patch("/pipeline-couplings/{coupling}", a.do(a.couplingUpdate))
	r.Delete("/pipeline-couplings/{coupling}", a.do(a.couplingDelete))
	r.Get("/apps/{app}/pipeline-couplings", a.do(a.couplingOfApp))
	r.Post("/filters/apps", a.do(a.appFilter))
}

func (a *API) couplingsOfPipeline(r *request) (reply, error) {
	p, all, err := a.platform.Couplings(r.Context(), r.actor, r.param("pipeline"))
	return couplings([]cloister.Pipeline{p}, all), err
}

// couplingList lists the couplings of all pipelines that the caller sees, or of those of a team.
func (a *API) couplingList(r *request) (reply, error) {
	pipelines, err := a.platform.Pipelines(r.Context(), r.actor, "")
	if err != nil {
		return reply{}, err
	}
	all, err := a.platform.AllCouplings(r.Context(), r.actor, r.param("team"))
	return couplings(pipelines, all), err
}

func (a *API) couplingCreate(r *request) (reply, error) {
	in, err := decode[heroku.PipelineCouplingOpts](r)
	if err != nil {
		return reply{}, err
	}
	c, err := a.platform.Couple(r.Context(), r.actor, string(in.Pipeline), string(in.App), in.Stage)
	if err != nil {
		return reply{}, err
	}
	p, c, err := a.platform.Coupling(r.Context(), r.actor, c.ID)
	return created(coupling(p, c)), err
}

func (a *API) couplingInfo(r *request) (reply, error) {
	p, c, err := a.platform.Coupling(r.Context(), r.actor, r.param("coupling"))
	return ok(coupling(p, c)), err
}

// couplingOfApp is an object for an app that is in a pipeline, and not found for one that is in none: the CLI takes an
// empty list for a coupling.
func (a *API) couplingOfApp(r *request) (reply, error) {
	p, c, err := a.platform.CouplingOf(r.Context(), r.actor, r.param("app"))
	return ok(coupling(p, c)), err
}

func (a *API) couplingUpdate(r *request) (reply, error) {
	in, err := decode[heroku.PipelineCouplingOpts](r)
	if err != nil {
		return reply{}, err
	}
	p, c, err := a.platform.SetStage(r.Context(), r.actor, r.param("coupling"), in.Stage)
	return ok(coupling(p, c)), err
}

func (a *API) couplingDelete(r *request) (reply, error) {
	p, c, err := a.platform.Uncouple(r.Context(), r.actor, r.param("coupling"))
	return ok(coupling(p, c)), err
}

// appFilter lists those of some apps, by their ids, that the caller sees.
func (a *API) appFilter(r *request) (reply, error) {
	in, err := decode[heroku.AppFilterOpts](r)
	if err != nil {
		return reply{}, err
	}
	all, err := a.platform.AppsByID(r.Context(), r.actor, in.In.ID)
	return list(each(all, a.app), byID(func(x heroku.App) string { return x.ID })), err
}

// couplings shows couplings of some of these pipelines.
func couplings(pipelines []cloister.Pipeline, all []cloister.Coupling) reply {
	by := map[string]cloister.Pipeline{}
	for _, p := range pipelines {
		by[p.ID] = p
	}
	return list(each(all, func(c cloister.Coupling) heroku.PipelineCoupling { return coupling(by[c.PipelineID], c) }),
		byID(func(c heroku.PipelineCoupling) string { return c.ID }))
}

func coupling(p cloister.Pipeline, c cloister.Coupling) heroku.PipelineCoupling {
	return heroku.PipelineCoupling{ID: c.ID, App: heroku.ID{ID: c.AppID}, Pipeline: heroku.Named{ID: p.ID, Name: p.Name}, Stage: string(c.Stage),
		CreatedAt: heroku.At(c.CreatedAt), UpdatedAt: heroku.At(c.UpdatedAt)}
}

package api

import (
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) pipelineRoutes(r chi.Router) {
	r.Get("/pipelines", a.do(a.pipelineList))
	r.Post("/pipelines", a.do(a.pipelineCreate))
	r.Get("/pipelines/{pipeline}", a.do(a.pipelineInfo))
	r.Patch("/pipelines/{pipeline}", a.do(a.pipelineUpdate))
	r.Delete("/pipelines/{pipeline}", a.do(a.pipelineDelete))
	r.Post("/pipeline-transfers", a.do(a.pipelineTransfer))
	r.Get("/pipelines/{pipeline}/stage/{stage}/config-vars", a.do(a.pipelineConfig))
	r.Patch("/pipelines/{pipeline}/stage/{stage}/config-vars", a.do(a.pipelineConfigUpdate))
	r.Get("/pipelines/{pipeline}/pipeline-stack", a.do(a.pipelineStack))
	r.Get("/pipelines/{pipeline}/latest-builds", a.do(a.latestBuilds))
	r.Get("/pipelines/{pipeline}/latest-deployments", a.do(a.latestReleases(func(v cloister.Release) bool { return v.CanRollBack() })))
	r.Get("/pipelines/{pipeline}/latest-releases", a.do(a.latestReleases(func(cloister.Release) bool { return true })))
	a.couplingRoutes(r)
	a.promotionRoutes(r)
}

// pipelineList lists the pipelines that the caller sees, or those of one name: ?eq[name]=shop.
func (a *API) pipelineList(r *request) (reply, error) {
	all, err := a.platform.Pipelines(r.Context(), r.actor, r.URL.Query().Get("eq[name]"))
	return list(each(all, pipeline), byID(func(p heroku.Pipeline) string { return p.ID })), err
}

func (a *API) pipelineCreate(r *request) (reply, error) {
	in, err := decode[heroku.PipelineCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	var owner platform.Owner
	if in.Owner != nil {
		owner = platform.Owner{Type: in.Owner.Type, ID: in.Owner.ID}
	}
	p, err := a.platform.CreatePipeline(r.Context(), r.actor, in.Name, owner)
	return created(pipeline(p)), err
}

func (a *API) pipelineInfo(r *request) (reply, error) {
	p, err := a.platform.Pipeline(r.Context(), r.actor, r.param("pipeline"))
	return ok(pipeline(p)), err
}

func (a *API) pipelineUpdate(r *request) (reply, error) {
	in, err := decode[heroku.PipelineUpdateOpts](r)
	if err != nil {
		return reply{}, err
	}
	if in.Name == nil {
		return a.pipelineInfo(r)
	}
	p, err := a.platform.RenamePipeline(r.Context(), r.actor, r.param("pipeline"), *in.Name)
	return ok(pipeline(p)), err
}

func (a *API) pipelineDelete(r *request) (reply, error) {
	p, err := a.platform.DestroyPipeline(r.Context(), r.actor, r.param("pipeline"))
	return ok(pipeline(p)), err
}

func (a *API) pipelineTransfer(r *request) (reply, error) {
	in, err := decode[heroku.PipelineTransferOpts](r)
	if err != nil {
		return reply{}, err
	}
	was, is, err := a.platform.TransferPipeline(r.Context(), r.actor, string(in.Pipeline), platform.Owner{Type: in.NewOwner.Type, ID: in.NewOwner.ID})
	return created(heroku.PipelineTransfer{Pipeline: heroku.ID{ID: is.ID}, PreviousOwner: pipelineOwner(was), NewOwner: pipelineOwner(is)}), err
}

func (a *API) pipelineConfig(r *request) (reply, error) {
	vars, err := a.platform.PipelineConfig(r.Context(), r.actor, r.param("pipeline"), r.param("stage"))
	return ok(configVars(vars)), err
}

func (a *API) pipelineConfigUpdate(r *request) (reply, error) {
	change, err := configChange(r)
	if err != nil {
		return reply{}, err
	}
	vars, err := a.platform.SetPipelineConfig(r.Context(), r.actor, r.param("pipeline"), r.param("stage"), change)
	return ok(configVars(vars)), err
}

// pipelineStack is the stack of new apps: a pipeline has none of its own.
func (a *API) pipelineStack(r *request) (reply, error) {
	if _, err := a.platform.Pipeline(r.Context(), r.actor, r.param("pipeline")); err != nil {
		return reply{}, err
	}
	all, err := a.platform.Stacks(r.Context(), r.actor)
	out := heroku.PipelineStack{}
	if i := slices.IndexFunc(all, func(s cloister.Stack) bool { return s.Default }); i >= 0 {
		name := stackName(all[i].Name)
		out.Stack = &name
	}
	return ok(out), err
}

// latestBuilds lists the last build of each app of a pipeline that has one.
func (a *API) latestBuilds(r *request) (reply, error) {
	_, all, err := a.platform.Couplings(r.Context(), r.actor, r.param("pipeline"))
	var out []heroku.Build
	for _, c := range all {
		_, builds, err := a.platform.Builds(r.Context(), r.actor, c.AppID)
		if err != nil {
			return reply{}, err
		}
		if len(builds) > 0 {
			out = append(out, a.build(r.base(), builds[0]))
		}
	}
	return list(out, byID(func(b heroku.Build) string { return b.ID })), err
}

// latestReleases lists the newest release of each app of a pipeline of those that count.
func (a *API) latestReleases(counts func(cloister.Release) bool) func(*request) (reply, error) {
	return func(r *request) (reply, error) {
		_, all, err := a.platform.Couplings(r.Context(), r.actor, r.param("pipeline"))
		var out []heroku.Release
		for _, c := range all {
			app, releases, err := a.platform.Releases(r.Context(), r.actor, c.AppID)
			if err != nil {
				return reply{}, err
			}
			if i := slices.IndexFunc(releases, counts); i >= 0 {
				out = append(out, a.release(r.base(), app, releases[i], currentRelease(releases)))
			}
		}
		return list(out, byID(func(v heroku.Release) string { return v.ID })), err
	}
}

func pipeline(p cloister.Pipeline) heroku.Pipeline {
	return heroku.Pipeline{ID: p.ID, Name: p.Name, Owner: pipelineOwner(p), Generation: cedar(), CreatedAt: heroku.At(p.CreatedAt), UpdatedAt: heroku.At(p.UpdatedAt)}
}

func pipelineOwner(p cloister.Pipeline) *heroku.PipelineOwner {
	if p.TeamID != "" {
		return &heroku.PipelineOwner{ID: p.TeamID, Type: "team"}
	}
	return &heroku.PipelineOwner{ID: p.UserID, Type: "user"}
}

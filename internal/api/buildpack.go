package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) buildpackRoutes(r chi.Router) {
	r.Get("/apps/{app}/buildpack-installations", a.do(a.buildpackList))
	r.Put("/apps/{app}/buildpack-installations", a.do(a.buildpackUpdate))
}

func (a *API) buildpackList(r *request) (reply, error) {
	app, err := a.platform.App(r.Context(), r.actor, r.param("app"))
	return ok(buildpacks(app)), err
}

func (a *API) buildpackUpdate(r *request) (reply, error) {
	in, err := decode[heroku.BuildpackUpdateOpts](r)
	if err != nil {
		return reply{}, err
	}
	packs := []cloister.Buildpack{}
	for _, u := range in.Updates {
		packs = append(packs, cloister.Buildpack{Name: string(u.Buildpack), URL: string(u.Buildpack)})
	}
	app, err := a.platform.SetBuildpacks(r.Context(), r.actor, r.param("app"), packs)
	return ok(buildpacks(app)), err
}

// buildpacks is the list in its own order, which is why no Range cuts it.
func buildpacks(app platform.AppInfo) heroku.List[heroku.BuildpackInstallation] {
	var out heroku.List[heroku.BuildpackInstallation]
	for i, b := range app.Buildpacks {
		out = append(out, heroku.BuildpackInstallation{Ordinal: i, Buildpack: heroku.Buildpack{URL: b.URL, Name: b.Name}})
	}
	return out
}

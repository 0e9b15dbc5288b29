package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) dynoRoutes(r chi.Router) {
	r.Get("/apps/{app}/dynos", a.do(a.dynoList))
	r.Post("/apps/{app}/dynos", a.do(a.dynoRun))
	r.Post("/apps/{app}/dynos/{dyno}", a.do(a.dynoRunInside))
	r.Patch("/apps/{app}/dynos/{dyno}", a.do(a.dynoResize))
	r.Delete("/apps/{app}/dynos", a.do(a.dynoRestartAll))
	r.Get("/apps/{app}/dynos/{dyno}", a.do(a.dynoInfo))
	r.Delete("/apps/{app}/dynos/{dyno}", a.do(a.dynoRestart))
	r.Post("/apps/{app}/dynos/{dyno}/actions/stop", a.do(a.dynoRestart))
	r.Delete("/apps/{app}/formations/{type}", a.do(a.dynoRestartType))
	r.Post("/apps/{app}/formations/{type}/actions/stop", a.do(a.dynoRestartType))
}

func (a *API) dynoList(r *request) (reply, error) {
	app, all, err := a.platform.Dynos(r.Context(), r.actor, r.param("app"))
	return list(each(all, func(d cloister.Dyno) heroku.Dyno { return dyno(app, d) }),
		byID(func(d heroku.Dyno) string { return d.ID }), byName(func(d heroku.Dyno) string { return d.Name })), err
}

func (a *API) dynoInfo(r *request) (reply, error) {
	app, d, err := a.platform.Dyno(r.Context(), r.actor, r.param("app"), r.param("dyno"))
	return ok(dyno(app, d)), err
}

func (a *API) dynoRestartAll(r *request) (reply, error) { return a.restart(r, "") }

// dynoRestart also stops a dyno: one of the formation comes back, so it is the same. The official CLI still sends the
// name of a process type here too (`heroku ps:restart web`), which is then all of its dynos.
func (a *API) dynoRestart(r *request) (reply, error) { return a.restart(r, r.param("dyno")) }

func (a *API) dynoRestartType(r *request) (reply, error) { return a.restart(r, r.param("type")) }

func (a *API) restart(r *request, target string) (reply, error) {
	_, err := a.platform.Restart(r.Context(), r.actor, r.param("app"), target)
	return done(), err
}

func dyno(app platform.AppInfo, d cloister.Dyno) heroku.Dyno {
	return heroku.Dyno{ID: d.ID, Name: d.Name(), Type: d.Type, App: appName(app), Command: d.Command,
		Release: &heroku.DynoRelease{ID: d.ReleaseID, Version: d.Version}, Size: d.Size, State: string(d.State),
		CreatedAt: heroku.At(d.CreatedAt), UpdatedAt: heroku.At(d.UpdatedAt)}
}

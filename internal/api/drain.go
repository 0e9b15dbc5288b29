package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) drainRoutes(r chi.Router) {
	r.Get("/apps/{app}/log-drains", a.do(a.drainList))
	r.Post("/apps/{app}/log-drains", a.do(a.drainCreate))
	r.Get("/apps/{app}/log-drains/{drain}", a.do(a.drainInfo))
	r.Delete("/apps/{app}/log-drains/{drain}", a.do(a.drainDelete))
	r.Get("/spaces/{space}/log-drain", a.do(a.spaceDrainInfo))
	r.Put("/spaces/{space}/log-drain", a.do(a.spaceDrainSet))
}

func (a *API) drainList(r *request) (reply, error) {
	app, drains, err := a.platform.Drains(r.Context(), r.actor, r.param("app"))
	return list(each(drains, func(d cloister.Drain) heroku.LogDrain { return drain(app, d) }), byID(func(d heroku.LogDrain) string { return d.ID })), err
}

func (a *API) drainCreate(r *request) (reply, error) {
	in, err := decode[heroku.LogDrainCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	app, d, err := a.platform.AddDrain(r.Context(), r.actor, r.param("app"), in.URL)
	return created(drain(app, d)), err
}

func (a *API) drainInfo(r *request) (reply, error) {
	app, d, err := a.platform.Drain(r.Context(), r.actor, r.param("app"), r.param("drain"))
	return ok(drain(app, d)), err
}

func (a *API) drainDelete(r *request) (reply, error) {
	app, d, err := a.platform.RemoveDrain(r.Context(), r.actor, r.param("app"), r.param("drain"))
	return ok(drain(app, d)), err
}

func (a *API) spaceDrainInfo(r *request) (reply, error) {
	d, err := a.platform.SpaceDrain(r.Context(), r.actor, r.param("space"))
	return ok(spaceDrain(d)), err
}

func (a *API) spaceDrainSet(r *request) (reply, error) {
	in, err := decode[heroku.LogDrainCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	d, err := a.platform.SetSpaceDrain(r.Context(), r.actor, r.param("space"), in.URL)
	return ok(spaceDrain(d)), err
}

func spaceDrain(d cloister.Drain) heroku.SpaceLogDrain {
	return heroku.SpaceLogDrain{ID: d.ID, URL: d.URL.Reveal(), Token: d.Token, CreatedAt: heroku.At(d.CreatedAt), UpdatedAt: heroku.At(d.UpdatedAt)}
}

func drain(app platform.AppInfo, d cloister.Drain) heroku.LogDrain {
	return heroku.LogDrain{ID: d.ID, URL: d.URL.Reveal(), Token: d.Token, App: appName(app), CreatedAt: heroku.At(d.CreatedAt), UpdatedAt: heroku.At(d.UpdatedAt)}
}

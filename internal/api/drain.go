package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) drainRoutes(r chi.Router) {
	r.Get("/apps/{app}/log-drains", a.do(a.drainList))
	r.Post("/apps/{app}/log-drains", a.do(a.drainCreate))
	r.Get("/apps/{app}/log-drains/{drain}", a.do(a.drainInfo))
	r.Delete("/apps/{app}/log-drains/{drain}", a.do(a.drainDelete))
}

func (a *API) drainList(r *request) (reply, error) {
	drains, err := a.platform.Drains(r.Context(), r.actor, r.param("app"))
	return list(each(drains, drain), byID(func(d heroku.LogDrain) string { return d.ID })), err
}

func (a *API) drainCreate(r *request) (reply, error) {
	in, err := decode[heroku.LogDrainCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	d, err := a.platform.AddDrain(r.Context(), r.actor, r.param("app"), in.URL)
	return created(drain(d)), err
}

func (a *API) drainInfo(r *request) (reply, error) {
	d, err := a.platform.Drain(r.Context(), r.actor, r.param("app"), r.param("drain"))
	return ok(drain(d)), err
}

func (a *API) drainDelete(r *request) (reply, error) {
	d, err := a.platform.RemoveDrain(r.Context(), r.actor, r.param("app"), r.param("drain"))
	return ok(drain(d)), err
}

func drain(d cloister.Drain) heroku.LogDrain {
	return heroku.LogDrain{ID: d.ID, URL: d.URL.Reveal(), Token: d.Token, CreatedAt: heroku.At(d.CreatedAt), UpdatedAt: heroku.At(d.UpdatedAt)}
}

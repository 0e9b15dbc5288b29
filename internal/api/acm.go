package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// acmRoutes are about certificates that the platform gets by itself.
func (a *API) acmRoutes(r chi.Router) {
	r.Post("/apps/{app}/acm", a.do(a.acmEnable))
	r.Delete("/apps/{app}/acm", a.do(a.acmDisable))
	r.Patch("/apps/{app}/acm", a.do(a.acmRefresh))
}

func (a *API) acmEnable(r *request) (reply, error) {
	app, err := a.platform.SetACM(r.Context(), r.actor, r.param("app"), true)
	return ok(a.app(app)), err
}

func (a *API) acmDisable(r *request) (reply, error) {
	app, err := a.platform.SetACM(r.Context(), r.actor, r.param("app"), false)
	return ok(a.app(app)), err
}

func (a *API) acmRefresh(r *request) (reply, error) {
	in, err := decode[heroku.ACMOpts](r)
	if err != nil {
		return reply{}, err
	}
	if in.ACMRefresh == nil || !*in.ACMRefresh {
		return reply{}, cloister.Errorf(cloister.Invalid, "Set acm_refresh to true to have what failed tried again.")
	}
	app, err := a.platform.RefreshACM(r.Context(), r.actor, r.param("app"))
	return ok(a.app(app)), err
}

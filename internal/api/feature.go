package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
)

// featureRoutes has features that can be switched: none yet. What Heroku calls a feature of spaces (strict TLS, DNS
// discovery) comes with the part that it switches. The official CLI looks for a feature of the account first, and
// goes on to those of the app when there is none of that name.
func (a *API) featureRoutes(r chi.Router) {
	r.Get("/account/features", a.do(a.accountNone))
	r.Get("/account/features/{feature}", a.do(a.noFeature))
	r.Patch("/account/features/{feature}", a.do(a.noFeature))
	r.Get("/apps/{app}/features", a.do(a.appNone))
	r.Get("/apps/{app}/features/{feature}", a.do(a.noAppFeature))
	r.Patch("/apps/{app}/features/{feature}", a.do(a.noAppFeature))
}

func (a *API) noFeature(*request) (reply, error) { return reply{}, cloister.Missing("feature") }

func (a *API) noAppFeature(r *request) (reply, error) {
	if _, err := a.platform.App(r.Context(), r.actor, r.param("app")); err != nil {
		return reply{}, err
	}
	if r.param("feature") == "runtime-heroku-exec" { // what the CLI asks for first when somebody wants into a dyno
		return reply{}, cloister.Errorf(cloister.Unsupported, "Connecting to a running dyno is not in this version.")
	}
	return a.noFeature(r)
}

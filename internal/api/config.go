package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) configRoutes(r chi.Router) {
	r.Get("/apps/{app}/config-vars", a.do(a.configInfo))
	r.Patch("/apps/{app}/config-vars", a.do(a.configUpdate))
	r.Get("/apps/{app}/releases/{release}/config-vars", a.do(a.configOfRelease))
}

func (a *API) configInfo(r *request) (reply, error) {
	vars, err := a.platform.Config(r.Context(), r.actor, r.param("app"))
	return ok(configVars(vars)), err
}

func (a *API) configUpdate(r *request) (reply, error) {
	change, err := configChange(r)
	if err != nil {
		return reply{}, err
	}
	vars, err := a.platform.SetConfig(r.Context(), r.actor, r.param("app"), change)
	return ok(configVars(vars)), err
}

func (a *API) configOfRelease(r *request) (reply, error) {
	vars, err := a.platform.ReleaseConfig(r.Context(), r.actor, r.param("app"), r.param("release"))
	return ok(configVars(vars)), err
}

// configChange reads what a request sets and, with null, removes.
func configChange(r *request) (map[string]*cloister.Secret, error) {
	in, err := decode[heroku.ConfigVarUpdateOpts](r)
	change := map[string]*cloister.Secret{}
	for name, value := range in {
		change[name] = (*cloister.Secret)(value)
	}
	return change, err
}

// configVars reveals the values: whoever gets here may deploy, and code sees them anyway.
func configVars(vars map[string]cloister.Secret) heroku.ConfigVars {
	out := heroku.ConfigVars{}
	for name, value := range vars {
		out[name] = value.Reveal()
	}
	return out
}

package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

// featureRoutes has the features of apps. What Heroku calls a feature of spaces (strict TLS, DNS discovery) comes with
// the part that it switches. The official CLI looks for a feature of the account first, and goes on to those of the
// app when there is none of that name.
func (a *API) featureRoutes(r chi.Router) {
	r.Get("/account/features", a.do(a.accountNone))
	r.Get("/account/features/{feature}", a.do(a.noFeature))
	r.Patch("/account/features/{feature}", a.do(a.noFeature))
	r.Get("/apps/{app}/features", a.do(a.featureList))
	r.Get("/apps/{app}/features/{feature}", a.do(a.featureInfo))
	r.Patch("/apps/{app}/features/{feature}", a.do(a.featureUpdate))
}

func (a *API) noFeature(*request) (reply, error) { return reply{}, cloister.Missing("feature") }

func (a *API) featureList(r *request) (reply, error) {
	app, all, err := a.platform.Features(r.Context(), r.actor, r.param("app"))
	return list(each(all, func(f platform.FeatureInfo) heroku.Feature { return feature(app, f) }),
		byName(func(f heroku.Feature) string { return f.Name }), byID(func(f heroku.Feature) string { return f.ID })), err
}

func (a *API) featureInfo(r *request) (reply, error) {
	app, all, err := a.platform.Features(r.Context(), r.actor, r.param("app"))
	if err != nil {
		return reply{}, err
	}
	name := featureName(r.param("feature"))
	for _, f := range all {
		if f.Name == name {
			return ok(feature(app, f)), nil
		}
	}
	return a.noFeature(r)
}

func (a *API) featureUpdate(r *request) (reply, error) {
	in, err := decode[featureOrder](r)
	if err != nil {
		return reply{}, err
	}
	name := featureName(r.param("feature"))
	if in.Enabled == nil {
		return reply{}, cloister.Errorf(cloister.Invalid, "enabled is required: true or false.")
	}
	app, f, err := a.platform.SetFeature(r.Context(), r.actor, r.param("app"), name, *in.Enabled)
	return ok(feature(app, f)), err
}

// A featureOrder tells false from nothing.
type featureOrder struct {
	Enabled *bool `json:"enabled"`
}

// featureName is the name of a feature that a client names by name or id.
func featureName(ref string) string {
	for _, f := range cloister.Features(false) {
		if featureID(f.Name) == ref {
			return f.Name
		}
	}
	return ref
}

func featureID(name string) string { return cloister.NameID("feature", name) }

func feature(app platform.AppInfo, f platform.FeatureInfo) heroku.Feature {
	state := "general"
	if f.Lab {
		state = "beta" // whatever is not general is listed by labs
	}
	return heroku.Feature{ID: featureID(f.Name), Name: f.Name, DisplayName: f.Name, Description: f.Description, State: state,
		Enabled: f.Enabled, CreatedAt: heroku.At(app.CreatedAt), UpdatedAt: heroku.At(app.UpdatedAt)}
}

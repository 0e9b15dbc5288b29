package api

import (
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) buildpackRoutes(r chi.Router) {
	r.Get("/apps/{app}/buildpack-installations", a.do(a.buildpackList))
	r.Put("/apps/{app}/buildpack-installations", a.do(a.buildpackUpdate))
	// The registry, which the CLI asks about names, without a token, before it sends them to us.
	r.Get("/buildpacks", a.open(a.registrySearch))
	r.Get("/buildpacks/{buildpack}", a.open(a.registryInfo))
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
		b := cloister.Buildpack{Name: string(u.Buildpack), URL: string(u.Buildpack)}
		if err := a.checkBuildpack(b); err != nil {
			return reply{}, err
		}
		packs = append(packs, b)
	}
	app, err := a.platform.SetBuildpacks(r.Context(), r.actor, r.param("app"), packs)
	return ok(buildpacks(app)), err
}

// buildpacks is the list in its own order, which is why no Range cuts it.
func buildpacks(app platform.AppInfo) heroku.List[heroku.BuildpackInstallation] {
	var out heroku.List[heroku.BuildpackInstallation]
	for i, b := range app.Buildpacks {
		if b.URL == "heroku/exec" {
			b.URL = "urn:buildpack:" + b.URL // by which Heroku's CLI knows it, and which it does not show
		}
		out = append(out, heroku.BuildpackInstallation{Ordinal: i, Buildpack: heroku.Buildpack{URL: b.URL, Name: b.Name}})
	}
	return out
}

// checkBuildpack refuses now what a build would refuse later.
func (a *API) checkBuildpack(b cloister.Buildpack) error {
	if a.beside.CheckBuildpack == nil {
		return nil
	}
	return a.beside.CheckBuildpack(b)
}

// A registered buildpack is what the registry tells of a name. Its address is the name again, which we understand and
// which stays readable in lists.
type registered struct {
	ID                      string   `json:"id"`
	Name                    string   `json:"name"`
	Namespace               string   `json:"namespace"`
	BlobURL                 string   `json:"blob_url"`
	Categories              []string `json:"categories"`
	Description             string   `json:"description"`
	TwoFactorAuthentication bool     `json:"two_factor_authentication"`
}

// registryInfo knows every name. The CLI does not look at the status, and would then send us no name at all; so it
// gets the name back, and learns what is wrong with it from the call that sets it.
func (a *API) registryInfo(r *request) (reply, error) {
	full := r.param("buildpack")
	namespace, name, found := strings.Cut(full, "/")
	if !found {
		return reply{}, cloister.Missing("buildpack")
	}
	return ok(registered{ID: cloister.NameID("buildpack", full), Name: name, Namespace: namespace, BlobURL: full, Categories: []string{}}), nil
}

// registrySearch finds nothing: what is here is used by itself, and what is elsewhere is used by its URL.
func (a *API) registrySearch(*request) (reply, error) { return none(), nil }

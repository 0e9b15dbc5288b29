package api

import (
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) domainRoutes(r chi.Router) {
	r.Get("/apps/{app}/domains", a.do(a.domainList))
	r.Get("/apps/{app}/domains/{domain}", a.do(a.domainInfo))
}

// domainList has the one domain that each app is born with.
func (a *API) domainList(r *request) (reply, error) {
	app, err := a.platform.App(r.Context(), r.actor, r.param("app"))
	return list([]heroku.Domain{domain(app)}, byID(func(d heroku.Domain) string { return d.ID }),
		column[heroku.Domain]{name: "hostname", value: func(d heroku.Domain) string { return d.Hostname }}), err
}

func (a *API) domainInfo(r *request) (reply, error) {
	app, err := a.platform.App(r.Context(), r.actor, r.param("app"))
	if err != nil {
		return reply{}, err
	}
	d := domain(app)
	if ref := r.param("domain"); !strings.EqualFold(ref, d.Hostname) && ref != d.ID {
		return reply{}, cloister.Missing("domain")
	}
	return ok(d), nil
}

func domain(app platform.AppInfo) heroku.Domain {
	return heroku.Domain{ID: cloister.NameID("domain", app.ID), App: appName(app), Hostname: app.Host, Kind: "heroku",
		Status: "succeeded", CreatedAt: heroku.At(app.CreatedAt), UpdatedAt: heroku.At(app.UpdatedAt)}
}

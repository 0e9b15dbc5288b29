package api

import (
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) regionRoutes(r chi.Router) {
	r.Get("/regions", a.do(a.regionList))
	r.Get("/regions/{region}", a.do(a.regionInfo))
}

func (a *API) regionList(*request) (reply, error) {
	return list(each(a.platform.Regions(), region), byName(func(v heroku.Region) string { return v.Name }),
		byID(func(v heroku.Region) string { return v.ID })), nil
}

func (a *API) regionInfo(r *request) (reply, error) {
	for _, v := range a.platform.Regions() {
		if ref := r.param("region"); v.ID == ref || v.Name == ref {
			return ok(region(v)), nil
		}
	}
	return reply{}, cloister.Missing("region")
}

// always is the date of what has been there from the start.
var always = heroku.At(time.Date(2015, 8, 7, 0, 0, 0, 0, time.UTC))

func region(v cloister.Region) heroku.Region {
	return heroku.Region{ID: v.ID, Name: v.Name, Description: v.Description, Country: v.Country, Locale: v.Locale,
		PrivateCapable: true, Provider: heroku.Provider{Name: v.Provider, Region: v.ProviderRegion},
		CreatedAt: always, UpdatedAt: always}
}

// cedar is the generation of everything here: spaces of networks and dynos, as against Heroku's newer Fir.
func cedar() heroku.Named {
	return heroku.Named{ID: cloister.NameID("generation", "cedar"), Name: "cedar"}
}

package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) sizeRoutes(r chi.Router) {
	r.Get("/dyno-sizes", a.do(a.sizeList))
	r.Get("/dyno-sizes/{size}", a.do(a.sizeInfo))
	r.Get("/apps/{app}/available-dyno-sizes", a.do(a.sizeListOfApp))
}

func (a *API) sizeList(*request) (reply, error) {
	return sizeReply(each(cloister.DynoSizes, dynoSize)), nil
}

func (a *API) sizeListOfApp(r *request) (reply, error) {
	app, err := a.platform.App(r.Context(), r.actor, r.param("app"))
	var out []heroku.DynoSize
	for _, s := range cloister.DynoSizes {
		if s.Shield == app.Space.Shield {
			out = append(out, dynoSize(s))
		}
	}
	return sizeReply(out), err
}

func (a *API) sizeInfo(r *request) (reply, error) {
	s, err := cloister.SizeByName(r.param("size"))
	if err != nil {
		return reply{}, cloister.Missing("dyno size")
	}
	return ok(dynoSize(s)), nil
}

func sizeReply(sizes []heroku.DynoSize) reply {
	return list(sizes, byName(func(s heroku.DynoSize) string { return s.Name }), byID(func(s heroku.DynoSize) string { return s.ID }))
}

func dynoSize(s cloister.DynoSize) heroku.DynoSize {
	return heroku.DynoSize{ID: s.ID, Name: s.Name, Architecture: "amd64", Compute: s.Compute,
		Memory: float64(s.Memory) / (1 << 30), Dedicated: false, PreciseDynoUnits: 0, PrivateSpaceOnly: true,
		Generation: cedar()}
}

func sizeName(name string) heroku.Named {
	return heroku.Named{ID: cloister.NameID("dyno-size", name), Name: name}
}

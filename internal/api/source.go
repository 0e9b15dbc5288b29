package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) sourceRoutes(r chi.Router) {
	r.Post("/sources", a.do(a.sourceCreate))
	r.Post("/apps/{app}/sources", a.do(a.sourceCreateForApp))
}

func (a *API) sourceCreateForApp(r *request) (reply, error) {
	if _, err := a.platform.Repository(r.Context(), r.actor, r.param("app"), true); err != nil {
		return reply{}, err
	}
	return a.sourceCreate(r)
}

// sourceCreate gives everyone who can sign in a place to upload to.
func (a *API) sourceCreate(r *request) (reply, error) {
	if err := a.platform.Upload(r.Context(), r.actor); err != nil {
		return reply{}, err
	}
	if a.beside.Sources == nil {
		return reply{}, cloister.Errorf(cloister.Unavailable, "This server builds nothing, so it takes no sources.")
	}
	put, get, err := a.beside.Sources.New()
	return created(heroku.Source{SourceBlob: heroku.SourceURLs{GetURL: r.base() + get, PutURL: r.base() + put}}), err
}

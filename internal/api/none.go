package api

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// noneRoutes has the lists of things that do not exist here: an empty list is the truth about them, and clients that
// only look go on. What would make such a thing is not here (see missing.go).
func (a *API) noneRoutes(r chi.Router) {
	r.Get("/favorites", a.do(a.accountNone))
	r.Get("/spaces/{space}/vpn-connections", a.do(a.spaceNone))
}

func (a *API) accountNone(*request) (reply, error) { return none(), nil }

func (a *API) spaceNone(r *request) (reply, error) {
	_, err := a.platform.Space(r.Context(), r.actor, r.param("space"))
	return none(), err
}

// none is an empty list.
func none() reply { return reply{status: http.StatusOK, body: heroku.List[struct{}]{}} }

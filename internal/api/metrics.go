package api

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
)

// metricRoutes are for Prometheus, which shows the token of an operator as any client does.
func (a *API) metricRoutes(r chi.Router) {
	r.Get("/metrics", a.metrics)
}

// metrics answers in the form that Prometheus asks for, which is none of ours: so it is no handler as the others are.
func (a *API) metrics(w http.ResponseWriter, r *http.Request) {
	actor, _, err := a.byToken(r)
	if err == nil {
		err = a.platform.Measure(r.Context(), actor)
	}
	if err == nil && a.beside.Metrics == nil {
		err = cloister.Errorf(cloister.Unavailable, "This server keeps no metrics.")
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	note(r, actor.User.Email)
	a.beside.Metrics.ServeHTTP(w, r)
}

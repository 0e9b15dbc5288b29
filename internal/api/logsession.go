package api

import (
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/logs"
)

func (a *API) logRoutes(r chi.Router) {
	r.Post("/apps/{app}/log-sessions", a.do(a.logSessionCreate))
}

// defaultLines is how much of the past is shown to those who do not say.
const defaultLines = 100

func (a *API) logSessionCreate(r *request) (reply, error) {
	in, err := decode[heroku.LogSessionCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	app, err := a.platform.LogsOf(r.Context(), r.actor, r.param("app"))
	if err != nil {
		return reply{}, err
	}
	if a.beside.Logs == nil {
		return reply{}, cloister.Errorf(cloister.Unavailable, "This server keeps no logs.")
	}
	lines := defaultLines
	if in.Lines != nil {
		lines = int(*in.Lines)
	}
	secret, err := a.beside.Logs.NewSession(app.ID, logs.Filter{Dyno: in.Process(), Source: in.Source}, lines, in.Tail)
	now := heroku.At(time.Now())
	return created(heroku.LogSession{ID: cloister.NewID(), LogplexURL: r.base() + logs.StreamPath + secret.Reveal(),
		CreatedAt: now, UpdatedAt: now}), err
}

package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

// limitRoutes are our own: Heroku's limits are raised by a ticket.
func (a *API) limitRoutes(r chi.Router) {
	r.Get("/spaces/{space}/limits", a.do(a.limitList))
	r.Patch("/spaces/{space}/limits", a.do(a.limitUpdate))
}

func (a *API) limitList(r *request) (reply, error) {
	all, err := a.platform.Limits(r.Context(), r.actor, r.param("space"))
	return list(each(all, limit), byName(func(l heroku.Limit) string { return l.Name })), err
}

func (a *API) limitUpdate(r *request) (reply, error) {
	in, err := decode[map[string]*heroku.Int](r)
	if err != nil {
		return reply{}, err
	}
	change := map[string]*int{}
	for name, n := range in {
		change[name] = (*int)(n)
	}
	all, err := a.platform.SetLimits(r.Context(), r.actor, r.param("space"), change)
	return ok(each(all, limit)), err
}

func limit(l platform.LimitInfo) heroku.Limit {
	return heroku.Limit{Name: string(l.Name), Value: heroku.Int(l.Value), Use: heroku.Int(l.Use), Default: heroku.Int(l.Default),
		Most: heroku.Int(l.Most), Description: l.What + " of " + l.Of}
}

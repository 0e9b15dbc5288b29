package api

import (
	_ "embed"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
)

// missing lists the routes of Heroku's schema that are not here, one a line: verb, path, and in words what it is for.
// The list only ever gets shorter: a test compares it with the schema and the routes.
//
//go:embed testdata/missing-routes.txt
var missing string

// A missingRoute is one line of the list.
type missingRoute struct{ method, path, what string }

func missingList() (out []missingRoute) {
	for line := range strings.Lines(missing) {
		if f := strings.Fields(line); len(f) > 2 {
			out = append(out, missingRoute{method: f[0], path: f[1], what: strings.Join(f[2:], " ")})
		}
	}
	return out
}

// missingRoutes answers what Heroku can do and we can not with an error that names it.
func (a *API) missingRoutes(r chi.Router) {
	for _, m := range missingList() {
		r.Method(m.method, m.path, a.do(func(*request) (reply, error) {
			return reply{}, cloister.Errorf(cloister.Unsupported, "This version of Cloister can not do this yet: %s (%s %s).", m.what, m.method, m.path)
		}))
	}
}

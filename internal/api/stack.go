package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) stackRoutes(r chi.Router) {
	r.Get("/stacks", a.do(a.stackList))
	r.Get("/stacks/{stack}", a.do(a.stackInfo))
	r.Get("/apps/{app}/available-stacks", a.do(a.stackListOfApp))
}

func (a *API) stackList(r *request) (reply, error) {
	stacks, err := a.platform.Stacks(r.Context(), r.actor)
	return list(each(stacks, stack), byName(func(s heroku.Stack) string { return s.Name }), byID(func(s heroku.Stack) string { return s.ID })), err
}

// stackListOfApp is the same for all apps: each may be built on every stack.
func (a *API) stackListOfApp(r *request) (reply, error) {
	if _, err := a.platform.App(r.Context(), r.actor, r.param("app")); err != nil {
		return reply{}, err
	}
	return a.stackList(r)
}

func (a *API) stackInfo(r *request) (reply, error) {
	stacks, err := a.platform.Stacks(r.Context(), r.actor)
	if err != nil {
		return reply{}, err
	}
	for _, s := range each(stacks, stack) {
		if ref := r.param("stack"); s.ID == ref || s.Name == ref {
			return ok(s), nil
		}
	}
	return reply{}, cloister.Missing("stack")
}

func stack(s cloister.Stack) heroku.Stack {
	return heroku.Stack{ID: stackName(s.Name).ID, Name: s.Name, State: "public", Default: s.Default,
		CreatedAt: heroku.At(s.CreatedAt), UpdatedAt: heroku.At(s.CreatedAt)}
}

func stackName(name string) heroku.Named {
	return heroku.Named{ID: cloister.NameID("stack", name), Name: name}
}

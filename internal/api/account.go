package api

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) accountRoutes(r chi.Router) {
	r.Get("/account", a.do(a.accountInfo))
	r.Get("/account/rate-limits", a.do(a.rateLimit))
	r.Get("/users/{user}", a.do(a.userInfo))
	r.Post("/users/{user}/actions/suspend", a.do(a.userSuspend)) // these two are our own
	r.Post("/users/{user}/actions/restore", a.do(a.userRestore))
}

func (a *API) accountInfo(r *request) (reply, error) {
	return ok(account(r.actor.User)), nil
}

// userInfo tells about the caller: "~", or by their own address or id; or about somebody of their teams.
func (a *API) userInfo(r *request) (reply, error) {
	if self(r) == nil {
		return a.accountInfo(r)
	}
	u, err := a.platform.User(r.Context(), r.actor, r.param("user"))
	return ok(account(u)), err
}

func (a *API) userSuspend(r *request) (reply, error) {
	u, err := a.platform.SuspendUser(r.Context(), r.actor, r.param("user"))
	return ok(account(u)), err
}

func (a *API) userRestore(r *request) (reply, error) {
	u, err := a.platform.RestoreUser(r.Context(), r.actor, r.param("user"))
	return ok(account(u)), err
}

// self refuses a path that is about another user than the caller.
func self(r *request) error {
	u := r.param("user")
	if u == "~" || u == r.actor.User.ID || strings.EqualFold(u, r.actor.User.Email) {
		return nil
	}
	return cloister.Missing("user")
}

// rateLimit tells what is left of the caller's calls, without this one counting more than any other.
func (a *API) rateLimit(r *request) (reply, error) {
	return reply{status: http.StatusOK, body: heroku.RateLimit{Remaining: r.left}}, nil
}

func account(u cloister.User) heroku.Account {
	return heroku.Account{ID: u.ID, Email: u.Email, Name: optional(u.Name), Verified: true, TwoFactorAuthentication: u.TwoFactor, Federated: u.Federated, SuspendedAt: heroku.At(u.SuspendedAt),
		CreatedAt: heroku.At(u.CreatedAt), UpdatedAt: heroku.At(u.UpdatedAt)}
}

// optional is nil for "", as the wire has null for what is not there.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// size is nil for nothing.
func size(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// related is nil where there is no object to point at.
func related(id string) *heroku.ID {
	if id == "" {
		return nil
	}
	return &heroku.ID{ID: id}
}

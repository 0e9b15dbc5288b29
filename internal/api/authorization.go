package api

import (
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) authorizationRoutes(r chi.Router) {
	r.Get("/oauth/authorizations", a.do(a.authorizationList))
	r.Post("/oauth/authorizations", a.serve(a.authorizationCreate, a.byPassword))
	r.Get("/oauth/authorizations/{authorization}", a.do(a.authorizationInfo))
	r.Patch("/oauth/authorizations/{authorization}", a.do(a.authorizationUpdate))
	r.Delete("/oauth/authorizations/{authorization}", a.do(a.authorizationRevoke))
	r.Post("/oauth/authorizations/{authorization}/actions/regenerate-tokens", a.do(a.authorizationRotate))
	r.Get("/oauth/sessions", a.do(a.sessionList))
	r.Delete("/oauth/sessions/{session}", a.do(a.sessionDelete))
}

// authorizationList shows the text of one token: the one that the caller has just shown us. By it `logout` and
// `auth:token` find out which of the tokens they use.
func (a *API) authorizationList(r *request) (reply, error) {
	all, err := a.platform.Authorizations(r.Context(), r.actor)
	return list(each(all, func(x cloister.Authorization) heroku.Authorization {
		if x.ID == r.actor.Authorization {
			return authorization(x, r.actor.User, r.token, time.Now())
		}
		return authorization(x, r.actor.User, "", time.Now())
	}), byID(func(x heroku.Authorization) string { return x.ID })), err
}

func (a *API) authorizationCreate(r *request) (reply, error) {
	in, err := decode[heroku.AuthorizationCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	if in.Client != "" {
		return reply{}, cloister.Errorf(cloister.Unsupported, "Tokens for OAuth clients are not in this version. Create one without client.")
	}
	lifetime, err := lifetime(in.ExpiresIn)
	if err != nil {
		return reply{}, err
	}
	x, token, err := a.platform.CreateAuthorization(r.Context(), r.actor, in.Description, in.Scope, lifetime)
	return created(authorization(x, r.actor.User, token, time.Now())), err
}

// lifetime reads expires_in: seconds, nil is for ever.
func lifetime(seconds *heroku.Int) (time.Duration, error) {
	const most = 100 * 365 * 24 * 60 * 60
	if seconds == nil {
		return 0, nil
	}
	if *seconds < 1 || *seconds > most {
		return 0, cloister.Errorf(cloister.Invalid, "Expires in must be a number of seconds from 1 to %d.", most)
	}
	return time.Duration(*seconds) * time.Second, nil
}

func (a *API) authorizationInfo(r *request) (reply, error) {
	x, err := a.platform.Authorization(r.Context(), r.actor, r.param("authorization"))
	return ok(authorization(x, r.actor.User, "", time.Now())), err
}

func (a *API) authorizationUpdate(r *request) (reply, error) {
	in, err := decode[heroku.AuthorizationUpdateOpts](r)
	if err != nil {
		return reply{}, err
	}
	id := r.param("authorization")
	if in.Description == nil {
		return a.authorizationInfo(r)
	}
	x, err := a.platform.DescribeAuthorization(r.Context(), r.actor, id, *in.Description)
	return ok(authorization(x, r.actor.User, "", time.Now())), err
}

func (a *API) authorizationRevoke(r *request) (reply, error) {
	x, err := a.platform.RevokeAuthorization(r.Context(), r.actor, r.param("authorization"))
	return ok(authorization(x, r.actor.User, "", time.Now())), err
}

func (a *API) authorizationRotate(r *request) (reply, error) {
	x, token, err := a.platform.RotateAuthorization(r.Context(), r.actor, r.param("authorization"))
	return ok(authorization(x, r.actor.User, token, time.Now())), err
}

// sessionList lists the browsers in which the caller is signed in.
func (a *API) sessionList(r *request) (reply, error) {
	all, err := a.platform.Sessions(r.Context(), r.actor)
	return list(each(all, session), byID(func(s heroku.Session) string { return s.ID })), err
}

// sessionDelete signs out in a browser. A token is no session, which is all that `logout` asks by "~".
func (a *API) sessionDelete(r *request) (reply, error) {
	if r.param("session") == "~" {
		return reply{}, cloister.Missing("session")
	}
	s, err := a.platform.EndSession(r.Context(), r.actor, r.param("session"))
	return ok(session(s)), err
}

func session(s cloister.Session) heroku.Session {
	life := int(s.ExpiresAt.Sub(s.CreatedAt).Seconds())
	return heroku.Session{ID: s.ID, Description: s.Description + " @ " + s.From, ExpiresIn: &life,
		CreatedAt: heroku.At(s.CreatedAt), UpdatedAt: heroku.At(s.CreatedAt)}
}

// authorization shows a token where it is known, and otherwise only its end. The official CLI takes ten asterisks as
// "anything", and would log out of a token that ends alike: there are fewer.
func authorization(x cloister.Authorization, u cloister.User, token cloister.Secret, now time.Time) heroku.Authorization {
	text := "********" + x.Hint
	if token != "" {
		text = token.Reveal()
	}
	out := heroku.Authorization{ID: x.ID, Description: x.Description, Scope: each(x.Scope, func(s cloister.Scope) string { return string(s) }),
		AccessToken: &heroku.Token{ID: x.ID, Token: text},
		User:        heroku.AuthorizedFor{ID: u.ID, Email: u.Email, FullName: optional(u.Name)},
		CreatedAt:   heroku.At(x.CreatedAt), UpdatedAt: heroku.At(x.UpdatedAt)}
	if c := x.Client; c.ID != "" {
		out.Client = &heroku.OAuthClient{ID: c.ID, Name: c.Name, RedirectURI: c.RedirectURI}
		out.RefreshToken = &heroku.Token{ID: x.ID, Token: "********"}
	}
	if !x.ExpiresAt.IsZero() {
		left := max(0, int(x.ExpiresAt.Sub(now).Round(time.Second).Seconds()))
		out.AccessToken.ExpiresIn = &left
	}
	return out
}

package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

// oauthTokenRoutes give a client its tokens in the Platform API's own form. Package web has that of RFC 6749.
func (a *API) oauthTokenRoutes(r chi.Router) {
	r.Post("/oauth/tokens", a.open(a.oauthTokenCreate))
}

func (a *API) oauthTokenCreate(r *request) (reply, error) {
	in, err := decode[heroku.OAuthTokenOpts](r)
	if err != nil {
		return reply{}, err
	}
	var out platform.Tokens
	switch in.Grant.Type {
	case "authorization_code":
		out, err = a.platform.Exchange(r.Context(), caller(r.Request), cloister.Secret(in.Client.Secret), cloister.Secret(in.Grant.Code))
	case "refresh_token":
		out, err = a.platform.Refresh(r.Context(), caller(r.Request), cloister.Secret(in.Client.Secret), cloister.Secret(in.RefreshToken.Token))
	default:
		err = cloister.Errorf(cloister.Invalid, "grant.type must be authorization_code or refresh_token, not %q.", in.Grant.Type)
	}
	return created(oauthToken(out, in.Grant)), err
}

func oauthToken(t platform.Tokens, g heroku.OAuthGrant) heroku.OAuthToken {
	x := t.Authorization
	return heroku.OAuthToken{ID: x.ID, AccessToken: heroku.Token{ID: x.ID, Token: t.Access.Reveal(), ExpiresIn: heroku.Pointer(int(cloister.AccessLife.Seconds()))},
		RefreshToken: heroku.Token{ID: x.ID, Token: t.Refresh.Reveal()}, Authorization: heroku.ID{ID: x.ID}, Grant: g, Session: heroku.ID{ID: x.ID},
		User: heroku.ID{ID: x.UserID}, CreatedAt: heroku.At(x.CreatedAt), UpdatedAt: heroku.At(x.UpdatedAt)}
}

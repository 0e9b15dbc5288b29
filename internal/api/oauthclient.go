package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// oauthClientRoutes are for those who have programs that others let act for them. The others decide on a page (package web).
func (a *API) oauthClientRoutes(r chi.Router) {
	r.Get("/oauth/clients", a.do(a.oauthClientList))
	r.Post("/oauth/clients", a.do(a.oauthClientCreate))
	r.Get("/oauth/clients/{client}", a.do(a.oauthClientInfo))
	r.Patch("/oauth/clients/{client}", a.do(a.oauthClientUpdate))
	r.Delete("/oauth/clients/{client}", a.do(a.oauthClientDelete))
	r.Post("/oauth/clients/{client}/actions/rotate-credentials", a.do(a.oauthClientRotate))
}

func (a *API) oauthClientList(r *request) (reply, error) {
	all, err := a.platform.OAuthClients(r.Context(), r.actor)
	return list(each(all, oauthClient), byID(func(c heroku.OAuthClientInfo) string { return c.ID })), err
}

func (a *API) oauthClientCreate(r *request) (reply, error) {
	in, err := decode[heroku.OAuthClientOpts](r)
	if err != nil {
		return reply{}, err
	}
	c, err := a.platform.CreateOAuthClient(r.Context(), r.actor, text(in.Name), text(in.RedirectURI))
	return created(oauthClient(c)), err
}

func (a *API) oauthClientInfo(r *request) (reply, error) {
	c, err := a.platform.OAuthClient(r.Context(), r.actor, r.param("client"))
	return ok(oauthClient(c)), err
}

func (a *API) oauthClientUpdate(r *request) (reply, error) {
	in, err := decode[heroku.OAuthClientOpts](r)
	if err != nil {
		return reply{}, err
	}
	c, err := a.platform.ChangeOAuthClient(r.Context(), r.actor, r.param("client"), in.Name, in.RedirectURI)
	return ok(oauthClient(c)), err
}

func (a *API) oauthClientDelete(r *request) (reply, error) {
	c, err := a.platform.RemoveOAuthClient(r.Context(), r.actor, r.param("client"))
	return ok(oauthClient(c)), err
}

func (a *API) oauthClientRotate(r *request) (reply, error) {
	c, err := a.platform.RotateOAuthClient(r.Context(), r.actor, r.param("client"))
	return ok(oauthClient(c)), err
}

// oauthClient reveals the secret: only its owner gets here.
func oauthClient(c cloister.OAuthClient) heroku.OAuthClientInfo {
	return heroku.OAuthClientInfo{OAuthClient: heroku.OAuthClient{ID: c.ID, Name: c.Name, RedirectURI: c.RedirectURI}, Secret: c.Secret.Reveal(),
		CreatedAt: heroku.At(c.CreatedAt), UpdatedAt: heroku.At(c.UpdatedAt)}
}

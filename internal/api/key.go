package api

import (
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) keyRoutes(r chi.Router) {
	r.Get("/account/keys", a.do(a.keyList))
	r.Post("/account/keys", a.do(a.keyCreate)) // not in the schema, as clients have used it all along
	r.Get("/account/keys/{key}", a.do(a.keyInfo))
	r.Delete("/account/keys/{key}", a.do(a.keyDelete))
}

func (a *API) keyList(r *request) (reply, error) {
	all, err := a.platform.Keys(r.Context(), r.actor)
	return list(each(all, key), byID(func(k heroku.Key) string { return k.ID })), err
}

func (a *API) keyCreate(r *request) (reply, error) {
	in, err := decode[heroku.KeyCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	k, err := a.platform.AddKey(r.Context(), r.actor, in.PublicKey)
	return created(key(k)), err
}

func (a *API) keyInfo(r *request) (reply, error) {
	k, err := a.platform.Key(r.Context(), r.actor, r.param("key"))
	return ok(key(k)), err
}

func (a *API) keyDelete(r *request) (reply, error) {
	k, err := a.platform.RemoveKey(r.Context(), r.actor, r.param("key"))
	return ok(key(k)), err
}

func key(k cloister.Key) heroku.Key {
	return heroku.Key{ID: k.ID, Email: k.Email, Comment: k.Comment, Fingerprint: k.Fingerprint, PublicKey: strings.TrimSpace(k.Public + " " + k.Comment),
		CreatedAt: heroku.At(k.CreatedAt), UpdatedAt: heroku.At(k.CreatedAt)}
}

package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) slugRoutes(r chi.Router) {
	r.Get("/apps/{app}/slugs/{slug}", a.do(a.slugInfo))
}

func (a *API) slugInfo(r *request) (reply, error) {
	_, s, err := a.platform.Slug(r.Context(), r.actor, r.param("app"), r.param("slug"))
	return ok(slug(s)), err
}

// slug has no address of its archive: a slug is a layer of an image here, and is not handed out.
func slug(s cloister.Slug) heroku.Slug {
	return heroku.Slug{ID: s.ID, Blob: heroku.Blob{Method: "GET"}, BuildpackProvidedDescription: optional(s.Detected),
		Checksum: optional(s.Checksum), Commit: optional(s.Commit), CommitDescription: optional(s.CommitText),
		ProcessTypes: s.ProcessTypes, Size: size(s.Size), Stack: stackName(s.Stack),
		CreatedAt: heroku.At(s.CreatedAt), UpdatedAt: heroku.At(s.UpdatedAt)}
}

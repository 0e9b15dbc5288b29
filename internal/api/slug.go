package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) slugRoutes(r chi.Router) {
	r.Post("/apps/{app}/slugs", a.do(a.slugCreate))
	r.Get("/apps/{app}/slugs/{slug}", a.do(a.slugInfo))
}

// slugCreate makes a slug that was built elsewhere, and tells where its archive is uploaded to.
func (a *API) slugCreate(r *request) (reply, error) {
	in, err := decode[heroku.SlugCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	if a.beside.Slugs == nil {
		return reply{}, cloister.Errorf(cloister.Unavailable, "This server builds nothing, so it takes no slugs.")
	}
	app, s, err := a.platform.CreateSlug(r.Context(), r.actor, r.param("app"), platform.SlugSpec{ProcessTypes: in.ProcessTypes,
		Detected: text(in.BuildpackProvidedDescription), Checksum: text(in.Checksum), Commit: text(in.Commit),
		CommitText: text(in.CommitDescription), Stack: string(in.Stack)})
	if err != nil {
		return reply{}, err
	}
	out := slug(s)
	out.Blob = heroku.Blob{Method: "PUT", URL: r.base() + a.beside.Slugs.Upload(app.ID, s.ID)}
	return created(out), nil
}

func (a *API) slugInfo(r *request) (reply, error) {
	_, s, err := a.platform.Slug(r.Context(), r.actor, r.param("app"), r.param("slug"))
	return ok(slug(s)), err
}

// slug has no address to read its archive from: a slug is a layer of an image here, and is not handed out.
func slug(s cloister.Slug) heroku.Slug {
	return heroku.Slug{ID: s.ID, Blob: heroku.Blob{Method: "GET"}, BuildpackProvidedDescription: optional(s.Detected),
		Checksum: optional(s.Checksum), Commit: optional(s.Commit), CommitDescription: optional(s.CommitText),
		ProcessTypes: s.ProcessTypes, Size: size(s.Size), Stack: stackName(s.Stack),
		CreatedAt: heroku.At(s.CreatedAt), UpdatedAt: heroku.At(s.UpdatedAt)}
}

package api

import (
	"regexp"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) buildRoutes(r chi.Router) {
	r.Get("/apps/{app}/builds", a.do(a.buildList))
	r.Post("/apps/{app}/builds", a.do(a.buildCreate))
	r.Get("/apps/{app}/builds/{build}", a.do(a.buildInfo))
	r.Delete("/apps/{app}/builds/{build}", a.do(a.buildCancel))
	r.Delete("/apps/{app}/build-cache", a.do(a.cacheDelete))
}

func (a *API) buildList(r *request) (reply, error) {
	_, builds, err := a.platform.Builds(r.Context(), r.actor, r.param("app"))
	return list(each(builds, func(b cloister.Build) heroku.Build { return a.build(r.base(), b) }),
		byID(func(b heroku.Build) string { return b.ID })), err
}

func (a *API) buildCreate(r *request) (reply, error) {
	in, err := decode[heroku.BuildCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	spec := platform.BuildSpec{SourceURL: in.SourceBlob.URL, Checksum: text(in.SourceBlob.Checksum),
		Version: text(in.SourceBlob.Version), VersionText: text(in.SourceBlob.VersionDescription)}
	for _, b := range in.Buildpacks {
		name := b.URL
		if name == "" {
			name = b.Name
		}
		spec.Buildpacks = append(spec.Buildpacks, cloister.Buildpack{Name: name, URL: name})
	}
	_, b, err := a.platform.CreateBuild(r.Context(), r.actor, r.param("app"), spec)
	return created(a.build(r.base(), b)), err
}

func (a *API) buildInfo(r *request) (reply, error) {
	_, b, err := a.platform.Build(r.Context(), r.actor, r.param("app"), r.param("build"))
	return ok(a.build(r.base(), b)), err
}

func (a *API) buildCancel(r *request) (reply, error) {
	_, b, err := a.platform.CancelBuild(r.Context(), r.actor, r.param("app"), r.param("build"))
	return accepted(a.build(r.base(), b)), err
}

func (a *API) cacheDelete(r *request) (reply, error) {
	app, err := a.platform.Repository(r.Context(), r.actor, r.param("app"), true)
	if err != nil {
		return reply{}, err
	}
	if a.beside.Caches == nil {
		return reply{}, cloister.Errorf(cloister.Unavailable, "This server builds nothing, so there is no build cache.")
	}
	return done(), a.beside.Caches.DropCache(r.Context(), app.ID)
}

// upload is the address of a source that was uploaded here: whoever has it has the code.
var upload = regexp.MustCompile(`^([a-z]+:(?://[^/]+)?/sources/)[0-9a-f]+$`)

// build keeps back the secret of an uploaded source, since builds are shown to people who may not read the code. base is the
// address that its output is below, "" leaves that out.
func (a *API) build(base string, b cloister.Build) heroku.Build {
	out := heroku.Build{ID: b.ID, App: heroku.ID{ID: b.AppID}, Release: related(b.ReleaseID), Slug: related(b.SlugID),
		SourceBlob: heroku.SourceBlob{URL: upload.ReplaceAllString(b.SourceURL, "${1}"), Checksum: optional(b.Checksum), Version: optional(b.Version),
			VersionDescription: optional(b.VersionText)},
		Stack: b.Stack, Status: string(b.Status), User: heroku.Person{ID: b.UserID, Email: b.UserEmail},
		CreatedAt: heroku.At(b.CreatedAt), UpdatedAt: heroku.At(b.UpdatedAt)}
	for _, p := range b.Buildpacks {
		out.Buildpacks = append(out.Buildpacks, heroku.Buildpack{URL: p.URL, Name: p.Name})
	}
	if a.beside.Logs != nil && base != "" {
		out.OutputStreamURL = base + logs.OutputPath + a.beside.Logs.OutputSecret(b.ID).Reveal()
	}
	return out
}

// text is "" for null.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

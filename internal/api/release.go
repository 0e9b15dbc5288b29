package api

import (
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) releaseRoutes(r chi.Router) {
	r.Get("/apps/{app}/releases", a.do(a.releaseList))
	r.Post("/apps/{app}/releases", a.do(a.releaseCreate))
	r.Get("/apps/{app}/releases/{release}", a.do(a.releaseInfo))
}

func (a *API) releaseList(r *request) (reply, error) {
	app, all, err := a.platform.Releases(r.Context(), r.actor, r.param("app"))
	current := currentRelease(all)
	slices.Reverse(all) // the oldest first, unless the caller wants it otherwise
	return list(each(all, func(v cloister.Release) heroku.Release { return a.release(r.base(), app, v, current) }),
		column[heroku.Release]{name: "version", number: true, value: func(v heroku.Release) string { return strconv.Itoa(v.Version) }},
		byID(func(v heroku.Release) string { return v.ID })), err
}

// releaseCreate releases a slug, or goes back to an earlier release.
func (a *API) releaseCreate(r *request) (reply, error) {
	in, err := decode[heroku.ReleaseCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	var app platform.AppInfo
	var v cloister.Release
	switch {
	case in.Release != "":
		app, v, err = a.platform.Rollback(r.Context(), r.actor, r.param("app"), string(in.Release))
	case in.Slug != "":
		app, v, err = a.platform.ReleaseSlug(r.Context(), r.actor, r.param("app"), string(in.Slug), in.Description)
	case in.OCIImage != "":
		err = cloister.Errorf(cloister.Unsupported, "Releasing an OCI image is not in this version. Release a slug.")
	default:
		err = cloister.Errorf(cloister.Invalid, "A slug or a release is required: what is to be released?")
	}
	return created(a.release(r.base(), app, v, currentRelease([]cloister.Release{v}))), err
}

func (a *API) releaseInfo(r *request) (reply, error) {
	app, v, err := a.platform.Release(r.Context(), r.actor, r.param("app"), r.param("release"))
	if err != nil {
		return reply{}, err
	}
	_, all, err := a.platform.Releases(r.Context(), r.actor, app.ID)
	return ok(a.release(r.base(), app, v, currentRelease(all))), err
}

// currentRelease is the id of the release that should run: the newest that succeeded, of a list with the newest first.
func currentRelease(all []cloister.Release) string {
	for _, v := range all {
		if v.Status == cloister.ReleaseSucceeded {
			return v.ID
		}
	}
	return ""
}

// release shows a release; base is the address that its output is below, "" leaves that out.
func (a *API) release(base string, app platform.AppInfo, v cloister.Release, current string) heroku.Release {
	out := heroku.Release{ID: v.ID, Version: v.Version, App: appName(app), Current: v.ID == current,
		Description: v.Description, EligibleForRollback: v.CanRollBack(), Slug: related(v.SlugID), Status: string(v.Status),
		User: heroku.Person{ID: v.UserID, Email: v.UserEmail}, CreatedAt: heroku.At(v.CreatedAt), UpdatedAt: heroku.At(v.UpdatedAt)}
	if v.Phase && base != "" {
		out.OutputStreamURL = heroku.Pointer(base + logs.OutputPath + a.beside.Logs.OutputSecret(v.ID).Reveal())
	}
	if v.SlugID != "" {
		out.Artifacts = heroku.List[heroku.Artifact]{{Type: "slug", ID: v.SlugID}}
	}
	return out
}

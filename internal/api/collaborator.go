package api

import (
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) collaboratorRoutes(r chi.Router) {
	for _, apps := range []string{"/apps", "/teams/apps"} {
		r.Get(apps+"/{app}/collaborators", a.do(a.collaboratorList))
		r.Get(apps+"/{app}/collaborators/{user}", a.do(a.collaboratorInfo))
	}
	r.Get("/teams/permissions", a.do(a.permissionList))
}

func (a *API) collaboratorList(r *request) (reply, error) {
	all, err := a.collaborators(r)
	return list(all, column[heroku.Collaborator]{name: "email", value: func(c heroku.Collaborator) string { return c.User.Email }},
		byID(func(c heroku.Collaborator) string { return c.ID })), err
}

func (a *API) collaboratorInfo(r *request) (reply, error) {
	all, err := a.collaborators(r)
	if err != nil {
		return reply{}, err
	}
	for _, c := range all {
		if ref := r.param("user"); strings.EqualFold(c.User.Email, ref) || c.User.ID == ref || c.ID == ref {
			return ok(c), nil
		}
	}
	return reply{}, cloister.Missing("collaborator")
}

// collaborators are the team itself, as the owner, and its admins. The other members see the app as they see all apps
// of their team; they are no collaborators of this one.
func (a *API) collaborators(r *request) ([]heroku.Collaborator, error) {
	app, err := a.platform.App(r.Context(), r.actor, r.param("app"))
	if err != nil {
		return nil, err
	}
	members, err := a.platform.Members(r.Context(), r.actor, app.TeamID)
	if err != nil {
		return nil, err
	}
	out := []heroku.Collaborator{ownerOf(app)}
	for _, m := range members {
		if m.Role == cloister.Admin {
			out = append(out, collaborator(app, m))
		}
	}
	return out, nil
}

func (a *API) permissionList(*request) (reply, error) {
	return list(permissions(), byName(func(p heroku.Permission) string { return p.Name })), nil
}

// permissions are all that one can have for an app.
func permissions() []heroku.Permission {
	return []heroku.Permission{
		{Name: "deploy", Description: "Deploy code, change config vars, read logs"},
		{Name: "manage", Description: "Rename and destroy the app, manage its collaborators"},
		{Name: "operate", Description: "Scale and restart dynos, turn maintenance mode on and off"},
		{Name: "view", Description: "See the app, its releases and its dynos"},
	}
}

func ownerOf(app platform.AppInfo) heroku.Collaborator {
	o, role := owner(app.Team), "owner"
	return heroku.Collaborator{ID: cloister.NameID("collaborator", app.ID+"/"+o.ID), App: appName(app), Role: &role,
		User: heroku.CollaboratorUser{ID: o.ID, Email: o.Email}, Permissions: permissions(),
		CreatedAt: heroku.At(app.CreatedAt), UpdatedAt: heroku.At(app.CreatedAt)}
}

func collaborator(app platform.AppInfo, m cloister.Member) heroku.Collaborator {
	role := string(m.Role)
	return heroku.Collaborator{ID: cloister.NameID("collaborator", app.ID+"/"+m.UserID), App: appName(app), Role: &role,
		User: heroku.CollaboratorUser{ID: m.UserID, Email: m.Email}, Permissions: permissions(),
		CreatedAt: heroku.At(app.CreatedAt), UpdatedAt: heroku.At(m.UpdatedAt)}
}

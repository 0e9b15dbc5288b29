package api

import (
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) collaboratorRoutes(r chi.Router) {
	for _, apps := range []string{"/apps", "/teams/apps"} {
		r.Get(apps+"/{app}/collaborators", a.do(a.collaboratorList))
		r.Post(apps+"/{app}/collaborators", a.do(a.collaboratorCreate))
		r.Get(apps+"/{app}/collaborators/{user}", a.do(a.collaboratorInfo))
		r.Delete(apps+"/{app}/collaborators/{user}", a.do(a.collaboratorDelete))
	}
	r.Patch("/teams/apps/{app}/collaborators/{user}", a.do(a.collaboratorUpdate))
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

// collaboratorCreate lets somebody at an app. Without permissions they may view it: that is how people join.
func (a *API) collaboratorCreate(r *request) (reply, error) {
	in, err := decode[heroku.CollaboratorCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	app, c, err := a.platform.AddCollaborator(r.Context(), r.actor, r.param("app"), string(in.User), in.Permissions)
	return created(collaborator(app, c)), err
}

func (a *API) collaboratorUpdate(r *request) (reply, error) {
	in, err := decode[heroku.CollaboratorUpdateOpts](r)
	if err != nil {
		return reply{}, err
	}
	app, c, err := a.platform.UpdateCollaborator(r.Context(), r.actor, r.param("app"), r.param("user"), in.Permissions)
	return ok(collaborator(app, c)), err
}

func (a *API) collaboratorDelete(r *request) (reply, error) {
	app, c, err := a.platform.RemoveCollaborator(r.Context(), r.actor, r.param("app"), r.param("user"))
	return ok(collaborator(app, c)), err
}

// collaborators are the team itself, as the owner, its admins, and those who were let at the app one by one. Other
// members see the app as they see all apps of their team; they are no collaborators of this one.
func (a *API) collaborators(r *request) ([]heroku.Collaborator, error) {
	app, admins, all, err := a.platform.Collaborators(r.Context(), r.actor, r.param("app"))
	if err != nil {
		return nil, err
	}
	out := []heroku.Collaborator{ownerOf(app)}
	for _, m := range admins {
		out = append(out, admin(app, m))
	}
	for _, c := range all {
		if !slices.ContainsFunc(admins, func(m cloister.Member) bool { return m.UserID == c.UserID }) {
			out = append(out, collaborator(app, c))
		}
	}
	return out, nil
}

func (a *API) permissionList(*request) (reply, error) {
	return list(permissions(cloister.AppPermissions), byName(func(p heroku.Permission) string { return p.Name })), nil
}

// what says in words what permissions let one do.
var what = map[cloister.Permission]string{
	cloister.DeployPermission:  "Deploy code, change config vars, run one-off dynos, read logs",
	cloister.ManagePermission:  "Rename, lock and destroy the app, manage its collaborators and domains",
	cloister.OperatePermission: "Scale and restart dynos, turn maintenance mode on and off, manage log drains, read config vars and logs",
	cloister.ViewPermission:    "See the app, its releases and its dynos",
	cloister.CreateApps:        "Create apps in the space",
}

func permissions(all []cloister.Permission) heroku.List[heroku.Permission] {
	return each(all, func(p cloister.Permission) heroku.Permission {
		return heroku.Permission{Name: string(p), Description: what[p]}
	})
}

func ownerOf(app platform.AppInfo) heroku.Collaborator {
	o, role := owner(app.Team), "owner"
	return heroku.Collaborator{ID: cloister.NameID("collaborator", app.ID+"/"+o.ID), App: appName(app), Role: &role,
		User: heroku.CollaboratorUser{ID: o.ID, Email: o.Email}, Permissions: permissions(cloister.AppPermissions),
		CreatedAt: heroku.At(app.CreatedAt), UpdatedAt: heroku.At(app.CreatedAt)}
}

// admin is an administrator of the app's team, who may do anything with it.
func admin(app platform.AppInfo, m cloister.Member) heroku.Collaborator {
	role := string(m.Role)
	return heroku.Collaborator{ID: cloister.NameID("collaborator", app.ID+"/"+m.UserID), App: appName(app), Role: &role,
		User: heroku.CollaboratorUser{ID: m.UserID, Email: m.Email}, Permissions: permissions(cloister.AppPermissions),
		CreatedAt: heroku.At(app.CreatedAt), UpdatedAt: heroku.At(m.UpdatedAt)}
}

func collaborator(app platform.AppInfo, c cloister.Collaborator) heroku.Collaborator {
	role := string(cloister.CollaboratorRole)
	return heroku.Collaborator{ID: c.ID, App: appName(app), Role: &role,
		User: heroku.CollaboratorUser{ID: c.UserID, Email: c.Email}, Permissions: permissions(c.Permissions),
		CreatedAt: heroku.At(c.CreatedAt), UpdatedAt: heroku.At(c.UpdatedAt)}
}

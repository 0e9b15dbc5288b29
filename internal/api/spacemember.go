package api

import (
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) spaceMemberRoutes(r chi.Router) {
	r.Get("/spaces/{space}/members", a.do(a.spaceMemberList))
	r.Get("/spaces/{space}/members/{user}", a.do(a.spaceMemberInfo))
	r.Patch("/spaces/{space}/members/{user}", a.do(a.spaceMemberUpdate))
}

func (a *API) spaceMemberList(r *request) (reply, error) {
	members, err := a.spaceMembers(r)
	return list(members, column[heroku.SpaceMember]{name: "email", value: func(m heroku.SpaceMember) string { return m.User.Email }}), err
}

func (a *API) spaceMemberInfo(r *request) (reply, error) {
	members, err := a.spaceMembers(r)
	if err != nil {
		return reply{}, err
	}
	for _, m := range members {
		if ref := r.param("user"); strings.EqualFold(m.User.Email, ref) || m.User.ID == ref || ref == "~" && m.User.ID == r.actor.User.ID {
			return ok(m), nil
		}
	}
	return reply{}, cloister.Missing("member")
}

// spaceMemberUpdate replaces what a member may do in the space; an empty list takes it all.
func (a *API) spaceMemberUpdate(r *request) (reply, error) {
	in, err := decode[heroku.SpaceMemberUpdateOpts](r)
	if err != nil {
		return reply{}, err
	}
	if in.Permissions == nil {
		return reply{}, cloister.Errorf(cloister.Invalid, "Permissions are required: an array of permissions, which may be empty.")
	}
	names := each(in.Permissions, func(p heroku.Ref) string { return string(p) })
	s, m, err := a.platform.SetSpaceMember(r.Context(), r.actor, r.param("space"), r.param("user"), names)
	return ok(spaceMember(s, m)), err
}

// spaceMembers are all members of the space's team: any of them may be given a permission.
func (a *API) spaceMembers(r *request) ([]heroku.SpaceMember, error) {
	s, members, err := a.platform.SpaceMembers(r.Context(), r.actor, r.param("space"))
	return each(members, func(m cloister.SpaceMember) heroku.SpaceMember { return spaceMember(s, m) }), err
}

func spaceMember(s platform.SpaceInfo, m cloister.SpaceMember) heroku.SpaceMember {
	return heroku.SpaceMember{ID: m.ID, Space: heroku.Named{ID: s.ID, Name: s.Name}, User: heroku.Person{ID: m.UserID, Email: m.Email},
		Permissions: permissions(m.Permissions), CreatedAt: heroku.At(m.CreatedAt), UpdatedAt: heroku.At(m.UpdatedAt)}
}

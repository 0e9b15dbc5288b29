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

// spaceMembers are all members of the space's team: any of them may be given a permission.
func (a *API) spaceMembers(r *request) ([]heroku.SpaceMember, error) {
	s, err := a.platform.Space(r.Context(), r.actor, r.param("space"))
	if err != nil {
		return nil, err
	}
	members, err := a.platform.Members(r.Context(), r.actor, s.TeamID)
	return each(members, func(m cloister.Member) heroku.SpaceMember { return spaceMember(s, m) }), err
}

// spaceMember has the permission to create apps when the member is an admin: to others it can not be given yet.
func spaceMember(s platform.SpaceInfo, m cloister.Member) heroku.SpaceMember {
	out := heroku.SpaceMember{ID: m.ID, Space: heroku.Named{ID: s.ID, Name: s.Name}, User: heroku.Person{ID: m.UserID, Email: m.Email},
		CreatedAt: heroku.At(m.CreatedAt), UpdatedAt: heroku.At(m.UpdatedAt)}
	if m.Role == cloister.Admin {
		out.Permissions = heroku.List[heroku.Permission]{{Name: "create_apps", Description: "Create apps in the space"}}
	}
	return out
}

package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) memberRoutes(r chi.Router) {
	r.Get("/teams/{team}/members", a.do(a.memberList))
	r.Post("/teams/{team}/members", a.do(a.memberCreate))
	r.Put("/teams/{team}/members", a.do(a.memberPut))
	r.Patch("/teams/{team}/members", a.do(a.memberUpdate))
	r.Delete("/teams/{team}/members/{user}", a.do(a.memberDelete))
	r.Get("/teams/{team}/members/{user}/apps", a.do(a.memberApps))
}

func (a *API) memberList(r *request) (reply, error) {
	members, err := a.platform.Members(r.Context(), r.actor, r.param("team"))
	return list(each(members, member), column[heroku.TeamMember]{name: "email", value: func(m heroku.TeamMember) string { return m.Email }},
		byID(func(m heroku.TeamMember) string { return m.ID })), err
}

func (a *API) memberCreate(r *request) (reply, error) {
	in, err := decode[heroku.TeamMemberOpts](r)
	if err != nil {
		return reply{}, err
	}
	m, err := a.platform.AddMember(r.Context(), r.actor, r.param("team"), in.Email, cloister.Role(in.Role))
	return created(member(m)), err
}

// memberPut adds a member, or gives one who is there already the role.
func (a *API) memberPut(r *request) (reply, error) {
	in, err := decode[heroku.TeamMemberOpts](r)
	if err != nil {
		return reply{}, err
	}
	m, err := a.platform.SetMember(r.Context(), r.actor, r.param("team"), in.Email, cloister.Role(in.Role))
	if cloister.KindOf(err) == cloister.NotFound {
		m, err = a.platform.AddMember(r.Context(), r.actor, r.param("team"), in.Email, cloister.Role(in.Role))
	}
	return ok(member(m)), err
}

func (a *API) memberUpdate(r *request) (reply, error) {
	in, err := decode[heroku.TeamMemberOpts](r)
	if err != nil {
		return reply{}, err
	}
	m, err := a.platform.SetMember(r.Context(), r.actor, r.param("team"), in.Email, cloister.Role(in.Role))
	return ok(member(m)), err
}

func (a *API) memberDelete(r *request) (reply, error) {
	m, err := a.platform.RemoveMember(r.Context(), r.actor, r.param("team"), r.param("user"))
	return ok(member(m)), err
}

// memberApps are the apps of the team that a member is a collaborator of; an admin's are all.
func (a *API) memberApps(r *request) (reply, error) {
	apps, err := a.platform.MemberApps(r.Context(), r.actor, r.param("team"), r.param("user"))
	return a.appReply(apps), err
}

func member(m cloister.Member) heroku.TeamMember {
	return heroku.TeamMember{ID: m.ID, Email: m.Email, Role: string(m.Role),
		User:      heroku.TeamMemberUser{ID: m.UserID, Email: m.Email},
		CreatedAt: heroku.At(m.CreatedAt), UpdatedAt: heroku.At(m.UpdatedAt)}
}

package api

import (
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func (a *API) memberRoutes(r chi.Router) {
	r.Get("/teams/{team}/members", a.do(a.memberList))
	r.Post("/teams/{team}/members", a.do(a.memberCreate))
	r.Put("/teams/{team}/members", a.do(a.memberPut))
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

// memberPut adds a member, and is content with one who has the role already.
func (a *API) memberPut(r *request) (reply, error) {
	in, err := decode[heroku.TeamMemberOpts](r)
	if err != nil {
		return reply{}, err
	}
	m, err := a.platform.AddMember(r.Context(), r.actor, r.param("team"), in.Email, cloister.Role(in.Role))
	if cloister.KindOf(err) != cloister.Invalid {
		return ok(member(m)), err
	}
	members, listErr := a.platform.Members(r.Context(), r.actor, r.param("team"))
	if listErr != nil {
		return reply{}, listErr
	}
	for _, m := range members {
		if strings.EqualFold(m.Email, in.Email) && m.Role == cloister.Role(in.Role) {
			return ok(member(m)), nil
		}
	}
	return reply{}, err
}

func member(m cloister.Member) heroku.TeamMember {
	return heroku.TeamMember{ID: m.ID, Email: m.Email, Role: string(m.Role),
		User:      heroku.TeamMemberUser{ID: m.UserID, Email: m.Email},
		CreatedAt: heroku.At(m.CreatedAt), UpdatedAt: heroku.At(m.UpdatedAt)}
}

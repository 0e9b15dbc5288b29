package api

import (
	"net/url"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// invitationPath is the page on which people accept; its rest is the token.
const invitationPath = "/invitations/"

func (a *API) invitationRoutes(r chi.Router) {
	r.Get("/teams/{team}/invitations", a.do(a.invitationList))
	r.Put("/teams/{team}/invitations", a.do(a.invitationCreate))
	r.Delete("/teams/{team}/invitations/{invitation}", a.do(a.invitationDelete))
	r.Get("/teams/invitations/{token}", a.do(a.invitationInfo))
	r.Post("/teams/invitations/{token}/accept", a.do(a.invitationAccept))
}

func (a *API) invitationList(r *request) (reply, error) {
	all, err := a.platform.Invitations(r.Context(), r.actor, r.param("team"))
	return list(each(all, invitation), byID(func(i heroku.TeamInvitation) string { return i.ID })), err
}

// invitationCreate answers with the address of the page on which it is accepted: whoever invites hands it on.
func (a *API) invitationCreate(r *request) (reply, error) {
	in, err := decode[heroku.TeamMemberOpts](r)
	if err != nil {
		return reply{}, err
	}
	i, token, err := a.platform.Invite(r.Context(), r.actor, r.param("team"), in.Email, cloister.Role(in.Role))
	out := invitation(i)
	out.AcceptURL = r.base() + invitationPath + url.PathEscape(token.Reveal())
	return ok(out), err
}

func (a *API) invitationDelete(r *request) (reply, error) {
	i, err := a.platform.Uninvite(r.Context(), r.actor, r.param("team"), r.param("invitation"))
	return ok(invitation(i)), err
}

func (a *API) invitationInfo(r *request) (reply, error) {
	i, err := a.platform.Invitation(r.Context(), r.actor, cloister.Secret(r.param("token")))
	return ok(invitation(i)), err
}

func (a *API) invitationAccept(r *request) (reply, error) {
	i, err := a.platform.Accept(r.Context(), r.actor, cloister.Secret(r.param("token")))
	return ok(invitation(i)), err
}

func invitation(i cloister.Invitation) heroku.TeamInvitation {
	return heroku.TeamInvitation{ID: i.ID, Role: string(i.Role), Team: heroku.Named{ID: i.TeamID, Name: i.TeamName},
		InvitedBy: heroku.TeamMemberUser{ID: i.InviterID, Email: i.InviterName},
		User:      heroku.TeamMemberUser{ID: cloister.NameID("invited", i.Email), Email: i.Email}, // who may have no account
		ExpiresAt: heroku.At(i.ExpiresAt), CreatedAt: heroku.At(i.CreatedAt), UpdatedAt: heroku.At(i.CreatedAt)}
}

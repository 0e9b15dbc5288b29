package platform_test

import (
	"context"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// peopleDeeds are about teams, their people, and the tokens of an account.
var peopleDeeds = map[string]deed{
	"Team": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Team(ctx, a, "acme")
		return err
	}},
	"Members": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Members(ctx, a, "acme")
		return err
	}},
	"MemberApps": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.MemberApps(ctx, a, "acme", "admin@example.com")
		return err
	}},
	"AddMember": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AddMember(ctx, a, "acme", "stranger@example.com", cloister.Viewer)
		return err
	}},
	"Collaborators": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, _, err := h.Collaborators(ctx, a, "quiet-garth")
		return err
	}},
	"AddCollaborator": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.AddCollaborator(ctx, a, "quiet-garth", h.newUser(ctx).Email, []string{"deploy"})
		return err
	}},
	"UpdateCollaborator": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.UpdateCollaborator(ctx, a, "quiet-garth", "views@example.com", []string{"deploy"})
		return err
	}},
	"RemoveCollaborator": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		u := h.newUser(ctx)
		if _, _, err := h.AddCollaborator(ctx, h.admin, "quiet-garth", u.Email, nil); err != nil {
			return err
		}
		_, _, err := h.RemoveCollaborator(ctx, a, "quiet-garth", u.Email)
		return err
	}},
	"RenameTeam": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RenameTeam(ctx, a, "acme", "abbey")
		return err
	}},
	"DestroyTeam": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		team := "acme"
		if a.User.ID == h.admin.User.ID {
			team = h.newTeam(ctx, a) // acme has a space
		}
		_, err := h.DestroyTeam(ctx, a, team)
		return err
	}},
	"SetMember": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetMember(ctx, a, "acme", "viewer@example.com", cloister.MemberRole)
		return err
	}},
	"RemoveMember": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		u := h.newUser(ctx)
		if _, err := h.AddMember(ctx, h.admin, "acme", u.Email, cloister.Viewer); err != nil {
			return err
		}
		_, err := h.RemoveMember(ctx, a, "acme", u.Email)
		return err
	}},
	"Permissions": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Permissions(ctx, a, "acme")
		return err
	}},
	"Teams": {account, func(ctx context.Context, h *house, a cloister.Actor) error { _, err := h.Teams(ctx, a); return err }},
	"CreateTeam": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.CreateTeam(ctx, a, "abbey")
		return err
	}},
	"User": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.User(ctx, a, "creates@example.com")
		return err
	}},
	"Keys": {account, func(ctx context.Context, h *house, a cloister.Actor) error { _, err := h.Keys(ctx, a); return err }},
	"Key": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Key(ctx, a, h.key(ctx, a).ID)
		return err
	}},
	"AddKey": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AddKey(ctx, a, publicKey())
		return err
	}},
	"RemoveKey": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RemoveKey(ctx, a, h.key(ctx, a).ID)
		return err
	}},
	"StartSession": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.StartSession(ctx, a, "Firefox")
		return err
	}},
	"Sessions": {own, func(ctx context.Context, h *house, a cloister.Actor) error { _, err := h.Sessions(ctx, a); return err }},
	"EndSession": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		s := cloister.Session{ID: cloister.NewID(), UserID: a.User.ID, Hash: cloister.NewID()}
		h.store.Update(ctx, func(tx *store.Tx) error {
			s.CreatedAt, s.ExpiresAt = tx.Now, tx.Now.Add(time.Hour)
			return tx.InsertSession(s)
		})
		_, err := h.EndSession(ctx, a, s.ID)
		return err
	}},
	"OAuthClients": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.OAuthClients(ctx, a)
		return err
	}},
	"OAuthClient": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.OAuthClient(ctx, a, h.client(ctx, a))
		return err
	}},
	"CreateOAuthClient": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.CreateOAuthClient(ctx, a, "Amazing", "https://app.example/")
		return err
	}},
	"ChangeOAuthClient": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.ChangeOAuthClient(ctx, a, h.client(ctx, a), new("Other"), nil)
		return err
	}},
	"RotateOAuthClient": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RotateOAuthClient(ctx, a, h.client(ctx, a))
		return err
	}},
	"RemoveOAuthClient": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RemoveOAuthClient(ctx, a, h.client(ctx, a))
		return err
	}},
	"Asking": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Asking(ctx, a, h.client(ctx, h.admin), nil) // whosever it is
		return err
	}},
	"Grant": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Grant(ctx, a, h.client(ctx, h.admin), nil)
		return err
	}},
	"Enterprise": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Enterprise(ctx, a, "cloister")
		return err
	}},
	"Enterprises": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Enterprises(ctx, a)
		return err
	}},
	"RenameEnterprise": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RenameEnterprise(ctx, a, "cloister", "abbeys")
		return err
	}},
	"Operators": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Operators(ctx, a, "cloister")
		return err
	}},
	"SetOperator": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.SetOperator(ctx, a, "cloister", "viewer@example.com", true)
		return err
	}},
	"AllTeams": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.AllTeams(ctx, a, "cloister")
		return err
	}},
	"Trail": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Trail(ctx, a, "cloister", cloister.EventFilter{}, 10)
		return err
	}},
	"Months": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Months(ctx, a, "cloister")
		return err
	}},
	"Invite": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Invite(ctx, a, "acme", "newcomer@example.com", cloister.Viewer)
		return err
	}},
	"Invitations": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Invitations(ctx, a, "acme")
		return err
	}},
	"Uninvite": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		if _, _, err := h.Invite(ctx, h.admin, "acme", "newcomer@example.com", cloister.Viewer); err != nil {
			return err
		}
		_, err := h.Uninvite(ctx, a, "acme", "newcomer@example.com")
		return err
	}},
	"Invitation": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Invitation(ctx, a, h.invite(ctx, a))
		return err
	}},
	"Accept": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Accept(ctx, a, h.invite(ctx, a))
		return err
	}},
	"SetTeamRanges": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetTeamRanges(ctx, a, "acme", []string{"192.0.2.0/24"})
		return err
	}},
	"ClearTeamRanges": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.ClearTeamRanges(ctx, a, "acme")
		return err
	}},
	"SuspendTeam": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SuspendTeam(ctx, a, "other")
		return err
	}},
	"RestoreTeam": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RestoreTeam(ctx, a, "other")
		return err
	}},
	"CreateUser": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.CreateUser(ctx, a, "new@example.com", "long enough")
		return err
	}},
	"SetPassword": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetPassword(ctx, a, "stranger@example.com", "another long one")
		return err
	}},
	"SuspendUser": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SuspendUser(ctx, a, h.stranger.User.Email)
		return err
	}},
	"RestoreUser": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RestoreUser(ctx, a, h.stranger.User.Email)
		return err
	}},
	"StartTwoFactor": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.StartTwoFactor(ctx, a)
		return err
	}},
	"ConfirmTwoFactor": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		whose := a
		whose.Authorization = ""
		offer, _ := h.StartTwoFactor(ctx, whose)
		_, err := h.ConfirmTwoFactor(ctx, a, h.code(offer))
		return err
	}},
	"EndTwoFactor": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		app := platform.TwoFactorOffer{Secret: "JBSWY3DPEHPK3PXP"}
		h.store.Update(ctx, func(tx *store.Tx) error {
			return tx.PutSecondFactor(cloister.SecondFactor{UserID: a.User.ID, Secret: app.Secret, On: true})
		})
		return h.EndTwoFactor(ctx, a, h.code(app))
	}},
	"ResetTwoFactor": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.StartTwoFactor(ctx, h.viewer)
		_, err := h.ResetTwoFactor(ctx, a, h.viewer.User.Email)
		return err
	}},
	"Authorizations": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Authorizations(ctx, a)
		return err
	}},
	"CreateAuthorization": {own, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.CreateAuthorization(ctx, a, "", nil, time.Hour)
		return err
	}},
}

package platform

import (
	"context"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Invite asks somebody to join a team, and returns the token by which they may: it can not be read again. An invitation of the
// same person to the same team ends. Team admins only.
func (p *Platform) Invite(ctx context.Context, a cloister.Actor, ref, email string, role cloister.Role) (i cloister.Invitation, token cloister.Secret, err error) {
	email = strings.ToLower(strings.TrimSpace(email))
	if err := cloister.ValidEmail(email); err != nil {
		return i, "", err
	}
	if err := validRole(role); err != nil {
		return i, "", err
	}
	token = cloister.NewToken()
	err = p.update(ctx, a, func(tx *store.Tx) error {
		t, err := p.team(tx, a, ref, manageTeam)
		if err != nil {
			return err
		}
		if u, err := tx.User(email); err == nil {
			if _, err := tx.Member(t.ID, u.ID); err == nil {
				return cloister.Errorf(cloister.Invalid, "%s is already a member of %s.", u.Email, t.Name)
			}
		}
		i = cloister.Invitation{ID: cloister.NewID(), TeamID: t.ID, TeamName: t.Name, Email: email, Role: role, Hash: token.Hash(),
			InviterID: a.User.ID, InviterName: a.User.Email, ExpiresAt: tx.Now.Add(cloister.InvitationLife), CreatedAt: tx.Now}
		if err := tx.InsertInvitation(i); err != nil {
			return err
		}
		return tx.Changed("invitation", i.ID, "create", email+" to "+t.Name, nil, i)
	})
	return i, token, err
}

// Invitations lists who is invited to a team.
func (p *Platform) Invitations(ctx context.Context, a cloister.Actor, ref string) (out []cloister.Invitation, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		t, err := p.team(tx, a, ref, viewTeam)
		if err != nil {
			return err
		}
		out, err = tx.Invitations(t.ID)
		return err
	})
	return out, err
}

// Uninvite takes an invitation back, by its id or the address that it is for. Team admins only.
func (p *Platform) Uninvite(ctx context.Context, a cloister.Actor, ref, whom string) (i cloister.Invitation, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		t, err := p.team(tx, a, ref, manageTeam)
		if err != nil {
			return err
		}
		all, err := tx.Invitations(t.ID)
		if err != nil {
			return err
		}
		for _, x := range all {
			if x.ID == whom || strings.EqualFold(x.Email, whom) {
				i = x
				return endInvitation(tx, i, "destroy")
			}
		}
		return cloister.Missing("invitation")
	})
	return i, err
}

func endInvitation(tx *store.Tx, i cloister.Invitation, action string) error {
	if err := tx.DeleteInvitation(i.ID); err != nil {
		return err
	}
	return tx.Changed("invitation", i.ID, action, i.Email+" to "+i.TeamName, i, nil)
}

// Invitation finds the actor's invitation by its token. Forbidden if it is somebody else's.
func (p *Platform) Invitation(ctx context.Context, a cloister.Actor, token cloister.Secret) (i cloister.Invitation, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		i, err = p.shown(tx, a, token, viewAccount)
		return err
	})
	return i, err
}

// Accept makes the actor a member of the team that an invitation of theirs is to. It works once.
func (p *Platform) Accept(ctx context.Context, a cloister.Actor, token cloister.Secret) (i cloister.Invitation, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if i, err = p.shown(tx, a, token, useAccount); err != nil {
			return err
		}
		return p.join(tx, i, a.User)
	})
	return i, err
}

// shown finds an invitation that somebody who has an account shows.
func (p *Platform) shown(tx *store.Tx, a cloister.Actor, token cloister.Secret, v verb) (i cloister.Invitation, err error) {
	if err := p.can(tx, a, v, object{resource: "account", user: a.User.ID}); err != nil {
		return i, err
	}
	if i, err = invitation(tx, token); err != nil {
		return i, err
	}
	if i.Email != a.User.Email {
		err = &refused{cloister.Errorf(cloister.Forbidden, "This invitation is for another address than %s. Sign in as the person who was invited.", a.User.Email), v, object{team: i.TeamID}}
	}
	return i, err
}

// invitation finds an invitation by its token. One that is over is none.
func invitation(tx *store.Tx, token cloister.Secret) (cloister.Invitation, error) {
	i, err := tx.InvitationByHash(token.Hash())
	if cloister.KindOf(err) == cloister.NotFound || err == nil && i.Expired(tx.Now) {
		return cloister.Invitation{}, &cloister.Error{Kind: cloister.NotFound, Resource: "invitation",
			Message: "This invitation is none, was accepted already, was taken back, or is over. Ask for another one."}
	}
	return i, err
}

func (p *Platform) join(tx *store.Tx, i cloister.Invitation, u cloister.User) error {
	t, err := tx.Team(i.TeamID)
	if err != nil {
		return err
	}
	if err := p.addMember(tx, t, u, i.Role); err != nil {
		return err
	}
	return endInvitation(tx, i, "accept")
}

// Invited finds out, for whoever has a token, whom it invites to what, and whether that person has an account.
func (p *Platform) Invited(ctx context.Context, token cloister.Secret) (i cloister.Invitation, known bool, err error) {
	err = p.store.View(ctx, func(tx *store.Tx) error {
		if i, err = invitation(tx, token); err != nil {
			return err
		}
		_, err := tx.User(i.Email)
		known = err == nil
		if cloister.KindOf(err) == cloister.NotFound {
			err = nil
		}
		return err
	})
	return i, known, err
}

// Join makes an account for whoever was invited and has none, and accepts the invitation. from is the address of the caller,
// from which people may try only so often (RateLimit).
func (p *Platform) Join(ctx context.Context, from string, token, password cloister.Secret) (a cloister.Actor, i cloister.Invitation, err error) {
	if err := p.slow(from); err != nil {
		return a, i, err
	}
	i, known, err := p.Invited(ctx, token)
	if err != nil {
		return a, i, err
	}
	if known {
		return a, i, cloister.Errorf(cloister.Invalid, "%s has an account already. Sign in with it, and accept the invitation then.", i.Email)
	}
	hash, err := p.hash(ctx, password)
	if err != nil {
		return a, i, err
	}
	a = cloister.Actor{User: cloister.User{ID: cloister.NewID(), Email: i.Email, PasswordHash: hash}, From: from}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if i, err = invitation(tx, token); err != nil {
			return err
		}
		if err := addUser(tx, &a.User); err != nil {
			return err
		}
		return p.join(tx, i, a.User)
	})
	return a, i, err
}

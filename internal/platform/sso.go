package platform

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// SSO is what an operator decides about people who sign in by an identity provider.
type SSO struct {
	Team string        // that those join who have no account yet; "": nobody gets one by it
	Role cloister.Role // that they have in it
	Only bool          // passwords are for operators alone
	Name string        // of the provider, for people
}

// SignInAs turns who somebody is at the operator's identity provider into an actor. The first time it links them with the
// account of the same address, or makes one where the operator has said of which team. Forbidden if there is none to have.
func (p *Platform) SignInAs(ctx context.Context, from string, id cloister.Identity) (a cloister.Actor, err error) {
	if err := p.slow(from); err != nil {
		return a, err
	}
	err = p.store.Update(ctx, func(tx *store.Tx) error {
		tx.Actor, tx.From = id.Email, from
		u, err := p.identified(tx, id)
		if err != nil {
			return err
		}
		a = cloister.Actor{User: u, From: from}
		return active(u)
	})
	if kind := cloister.KindOf(err); kind == cloister.Forbidden || kind == cloister.Suspended {
		p.deny(ctx, from, a.User.ID, "single sign-on of "+id.Email+": "+cloister.MessageOf(err))
	}
	return a, err
}

// identified finds whose identity it is, and links the two if they are not.
func (p *Platform) identified(tx *store.Tx, id cloister.Identity) (u cloister.User, err error) {
	known, err := tx.Identity(id.Issuer, id.Subject)
	if err == nil {
		return tx.User(known.UserID)
	}
	if cloister.KindOf(err) != cloister.NotFound {
		return u, err
	}
	switch u, err = tx.User(id.Email); cloister.KindOf(err) {
	case "":
	case cloister.NotFound:
		if u, err = p.newcomer(tx, id); err != nil {
			return u, err
		}
	default:
		return u, err
	}
	id.UserID, id.CreatedAt = u.ID, tx.Now
	if err := tx.InsertIdentity(id); cloister.KindOf(err) == cloister.Conflict {
		return u, cloister.Errorf(cloister.Forbidden, "The account %s belongs to somebody else there. Ask an operator of this installation.", u.Email)
	} else if err != nil {
		return u, err
	}
	u.Federated = true
	return u, tx.Changed("user", u.ID, "update", u.Email+" signs in by "+id.Issuer, nil, id)
}

// newcomer makes the account of somebody who has none.
func (p *Platform) newcomer(tx *store.Tx, id cloister.Identity) (u cloister.User, err error) {
	if p.config.SSO.Team == "" {
		return u, cloister.Errorf(cloister.Forbidden, "There is no account of %s here. Ask an administrator of your team to invite you.", id.Email)
	}
	t, err := tx.Team(p.config.SSO.Team)
	if err != nil {
		return u, err
	}
	u = cloister.User{ID: cloister.NewID(), Email: id.Email}
	if err := addUser(tx, &u); err != nil {
		return u, err
	}
	return u, p.addMember(tx, t, u, p.config.SSO.Role)
}

// passwordWill is nil if somebody who has shown their password may come in by it.
func (p *Platform) passwordWill(u cloister.User) error {
	if !p.config.SSO.Only || u.Operator {
		return nil
	}
	return cloister.Errorf(cloister.Forbidden, "People sign in by %s here: `heroku login`, without -i. Passwords are for operators alone.", p.config.SSO.Name)
}

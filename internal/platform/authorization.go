package platform

import (
	"context"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Authenticate turns an API token into an actor who asks from an address, or is Unauthorized. from "" is the server itself.
func (p *Platform) Authenticate(ctx context.Context, from string, token cloister.Secret) (cloister.Actor, error) {
	var actor cloister.Actor
	wrong, whose := "a token that is none, or was revoked", ""
	err := p.store.View(ctx, func(tx *store.Tx) error {
		auth, err := tx.AuthorizationByHash(token.Hash())
		if err != nil {
			return err
		}
		u, err := tx.User(auth.UserID)
		if err != nil {
			return err
		}
		if auth.Expired(tx.Now) {
			wrong, whose = "a token of "+u.Email+" that is over: "+auth.Description, u.ID
			return cloister.Missing("authorization")
		}
		actor = cloister.Actor{User: u, Authorization: auth.ID, Scope: auth.Scope, From: from}
		return active(u)
	})
	if cloister.KindOf(err) == cloister.NotFound {
		p.deny(ctx, from, whose, wrong)
		return cloister.Actor{}, cloister.Errorf(cloister.Unauthorized, "Invalid credentials provided.")
	}
	return actor, err
}

// Authorizations lists the actor's API tokens.
func (p *Platform) Authorizations(ctx context.Context, a cloister.Actor) (out []cloister.Authorization, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		out, err = tx.Authorizations(a.User.ID)
		out = listed(tx, out)
		return err
	})
	return out, err
}

// Authorization finds one of the actor's API tokens by id; "~" is the one in use.
func (p *Platform) Authorization(ctx context.Context, a cloister.Actor, id string) (out cloister.Authorization, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		out, err = p.authorization(tx, a, id)
		return err
	})
	return out, err
}

func (p *Platform) authorization(tx *store.Tx, a cloister.Actor, id string) (cloister.Authorization, error) {
	if id == "~" {
		id = a.Authorization
	}
	x, err := tx.Authorization(id)
	if err != nil {
		return x, err
	}
	return x, p.can(tx, a, useAccount, object{resource: "authorization", user: x.UserID})
}

// CreateAuthorization makes an API token for the actor, and returns it: it can not be read again. A zero lifetime
// never ends.
func (p *Platform) CreateAuthorization(ctx context.Context, a cloister.Actor, description string, scopes []string, lifetime time.Duration) (cloister.Authorization, cloister.Secret, error) {
	scope, err := cloister.ParseScopes(scopes)
	if err != nil {
		return cloister.Authorization{}, "", err
	}
	if description == "" {
		description = "Long-lived user authorization"
	}
	token := cloister.NewToken()
	x := cloister.Authorization{ID: cloister.NewID(), UserID: a.User.ID, Description: description, Scope: scope,
		Hash: token.Hash(), Hint: hint(token)}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		x.CreatedAt, x.UpdatedAt = tx.Now, tx.Now
		if lifetime > 0 {
			x.ExpiresAt = tx.Now.Add(lifetime)
		}
		if err := tx.InsertAuthorization(x); err != nil {
			return err
		}
		return tx.Changed("authorization", x.ID, "create", description, nil, x)
	})
	return x, token, err
}

// DescribeAuthorization changes the description of an API token.
func (p *Platform) DescribeAuthorization(ctx context.Context, a cloister.Actor, id, description string) (x cloister.Authorization, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if x, err = p.authorization(tx, a, id); err != nil {
			return err
		}
		was := x
		x.Description, x.UpdatedAt = description, tx.Now
		if err := tx.UpdateAuthorization(x); err != nil {
			return err
		}
		return tx.Changed("authorization", x.ID, "update", x.Description, was, x)
	})
	return x, err
}

// RotateAuthorization replaces the token of an authorization; the old one stops working at once.
func (p *Platform) RotateAuthorization(ctx context.Context, a cloister.Actor, id string) (x cloister.Authorization, token cloister.Secret, err error) {
	token = cloister.NewToken()
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if x, err = p.authorization(tx, a, id); err != nil {
			return err
		}
		was := x
		x.Hash, x.Hint = token.Hash(), hint(token)
		if err := tx.UpdateAuthorization(x); err != nil {
			return err
		}
		return tx.Changed("authorization", x.ID, "update", x.Description, was, x)
	})
	return x, token, err
}

// RevokeAuthorization deletes an API token and returns what it was.
func (p *Platform) RevokeAuthorization(ctx context.Context, a cloister.Actor, id string) (x cloister.Authorization, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if x, err = p.authorization(tx, a, id); err != nil {
			return err
		}
		if err := tx.DeleteAuthorization(x.ID); err != nil {
			return err
		}
		return tx.Changed("authorization", x.ID, "destroy", x.Description, x, nil)
	})
	return x, err
}

func hint(t cloister.Secret) string { return t.Reveal()[len(t)-4:] }

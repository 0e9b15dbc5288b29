package platform

import (
	"context"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// OAuthClients lists the actor's clients.
func (p *Platform) OAuthClients(ctx context.Context, a cloister.Actor) (out []cloister.OAuthClient, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		out, err = tx.OAuthClients(a.User.ID)
		return err
	})
	return out, err
}

// OAuthClient finds a client of the actor's.
func (p *Platform) OAuthClient(ctx context.Context, a cloister.Actor, id string) (c cloister.OAuthClient, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		c, err = p.client(tx, a, id)
		return err
	})
	return c, err
}

// client finds a client, which only its owner may see or change.
func (p *Platform) client(tx *store.Tx, a cloister.Actor, id string) (cloister.OAuthClient, error) {
	if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
		return cloister.OAuthClient{}, err
	}
	c, err := tx.OAuthClient(strings.ToLower(id))
	if err != nil {
		return c, err
	}
	return c, p.can(tx, a, useAccount, object{resource: "client", user: c.UserID})
}

// CreateOAuthClient makes a client of the actor's, with a secret.
func (p *Platform) CreateOAuthClient(ctx context.Context, a cloister.Actor, name, redirectURI string) (c cloister.OAuthClient, err error) {
	c = cloister.OAuthClient{ID: cloister.NewID(), UserID: a.User.ID, Name: name, RedirectURI: redirectURI, Secret: cloister.NewToken()}
	if err := validClient(c); err != nil {
		return c, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		c.CreatedAt, c.UpdatedAt = tx.Now, tx.Now
		if err := tx.InsertOAuthClient(c, c.Secret.Hash()); err != nil {
			return err
		}
		return tx.Changed("client", c.ID, "create", c.Name, nil, c)
	})
	return c, err
}

func validClient(c cloister.OAuthClient) error {
	if err := cloister.ValidClientName(c.Name); err != nil {
		return err
	}
	return cloister.ValidRedirectURI(c.RedirectURI)
}

// ChangeOAuthClient gives a client of the actor's another name, or has people come back elsewhere; nil leaves it.
func (p *Platform) ChangeOAuthClient(ctx context.Context, a cloister.Actor, id string, name, redirectURI *string) (cloister.OAuthClient, error) {
	return p.changeClient(ctx, a, id, func(c *cloister.OAuthClient) {
		if name != nil {
			c.Name = *name
		}
		if redirectURI != nil {
			c.RedirectURI = *redirectURI
		}
	})
}

// RotateOAuthClient gives a client another secret; the old one stops working at once, and what the client was let do goes on.
func (p *Platform) RotateOAuthClient(ctx context.Context, a cloister.Actor, id string) (cloister.OAuthClient, error) {
	return p.changeClient(ctx, a, id, func(c *cloister.OAuthClient) { c.Secret = cloister.NewToken() })
}

func (p *Platform) changeClient(ctx context.Context, a cloister.Actor, id string, change func(*cloister.OAuthClient)) (c cloister.OAuthClient, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if c, err = p.client(tx, a, id); err != nil {
			return err
		}
		was := c
		change(&c)
		if err := validClient(c); err != nil {
			return err
		}
		if err := tx.UpdateOAuthClient(c, c.Secret.Hash()); err != nil {
			return err
		}
		c.UpdatedAt = tx.Now
		return tx.Changed("client", c.ID, "update", c.Name, was, c)
	})
	return c, err
}

// RemoveOAuthClient ends a client. What people have let it do ends with it.
func (p *Platform) RemoveOAuthClient(ctx context.Context, a cloister.Actor, id string) (c cloister.OAuthClient, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if c, err = p.client(tx, a, id); err != nil {
			return err
		}
		if err := tx.DeleteOAuthClient(c.ID); err != nil {
			return err
		}
		return tx.Changed("client", c.ID, "destroy", c.Name, c, nil)
	})
	return c, err
}

// Asking finds the client that asks the actor to let it act for them, whosever it is, and what it asks for.
func (p *Platform) Asking(ctx context.Context, a cloister.Actor, id string, scopes []string) (c cloister.OAuthClient, s []cloister.Scope, err error) {
	if s, err = cloister.ParseScopes(scopes); err != nil {
		return c, s, err
	}
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		c, err = tx.OAuthClient(strings.ToLower(id))
		c.Secret = ""
		return err
	})
	return c, s, err
}

// Grant lets a client act for the actor, as far as the scopes go. It returns the code by which the client fetches its token.
func (p *Platform) Grant(ctx context.Context, a cloister.Actor, id string, scopes []string) (c cloister.OAuthClient, code cloister.Secret, err error) {
	c, s, err := p.Asking(ctx, a, id, scopes)
	if err != nil {
		return c, "", err
	}
	code = cloister.NewToken()
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		if err := tx.InsertGrant(cloister.Grant{Hash: code.Hash(), ClientID: c.ID, UserID: a.User.ID, Scope: s, ExpiresAt: tx.Now.Add(cloister.GrantLife)}); err != nil {
			return err
		}
		return tx.Event("client", c.ID, "grant", c.Name+" may act with "+cloister.ScopeNames(s, ", "))
	})
	return c, code, err
}

// Tokens are what a client acts with, and for whom.
type Tokens struct {
	Authorization cloister.Authorization
	User          cloister.User
	Access        cloister.Secret
	Refresh       cloister.Secret
}

// Exchange gives a client its tokens for a code, once. from is the address of the caller, from which clients may try only so
// often (RateLimit).
func (p *Platform) Exchange(ctx context.Context, from string, secret, code cloister.Secret) (out Tokens, err error) {
	if err := p.slow(from); err != nil {
		return out, err
	}
	err = p.store.Update(ctx, func(tx *store.Tx) error {
		c, err := asClient(tx, secret)
		if err != nil {
			return err
		}
		g, err := tx.TakeGrant(c.ID, code.Hash())
		if cloister.KindOf(err) == cloister.NotFound || err == nil && !tx.Now.Before(g.ExpiresAt) {
			return cloister.Errorf(cloister.Unauthorized, "This code is none, was used already, or is over. Send the person to /oauth/authorize again.")
		}
		if err != nil {
			return err
		}
		x := cloister.Authorization{ID: cloister.NewID(), UserID: g.UserID, Description: c.Name, Scope: g.Scope,
			Client: cloister.ClientRef{ID: c.ID, Name: c.Name, RedirectURI: c.RedirectURI}, CreatedAt: tx.Now}
		return issue(tx, &out, x, tx.InsertAuthorization)
	})
	return out, err
}

// Refresh gives a client another access token, and takes the old one away. from is as in Exchange.
func (p *Platform) Refresh(ctx context.Context, from string, secret, refresh cloister.Secret) (out Tokens, err error) {
	if err := p.slow(from); err != nil {
		return out, err
	}
	err = p.store.Update(ctx, func(tx *store.Tx) error {
		c, err := asClient(tx, secret)
		if err != nil {
			return err
		}
		x, err := tx.AuthorizationByRefresh(c.ID, refresh.Hash())
		if cloister.KindOf(err) == cloister.NotFound {
			return cloister.Errorf(cloister.Unauthorized, "This refresh token is none, or was revoked. Send the person to /oauth/authorize again.")
		}
		if err != nil {
			return err
		}
		out.Refresh = refresh
		return issue(tx, &out, x, tx.UpdateAuthorization)
	})
	return out, err
}

// asClient finds the client whose secret it is.
func asClient(tx *store.Tx, secret cloister.Secret) (cloister.OAuthClient, error) {
	c, err := tx.OAuthClientBySecret(secret.Hash())
	if cloister.KindOf(err) == cloister.NotFound {
		err = cloister.Errorf(cloister.Unauthorized, "There is no client with this secret. See `clients:info`.")
	}
	return c, err
}

// issue makes the tokens of an authorization, and has put write it. Whom it stands for must still be there.
func issue(tx *store.Tx, out *Tokens, x cloister.Authorization, put func(cloister.Authorization) error) (err error) {
	if out.User, err = tx.User(x.UserID); err != nil {
		return err
	}
	if err := active(out.User); err != nil {
		return err
	}
	out.Access = cloister.NewToken()
	if out.Refresh == "" {
		out.Refresh = cloister.NewToken()
	}
	x.Hash, x.Hint, x.RefreshHash = out.Access.Hash(), hint(out.Access), out.Refresh.Hash()
	x.ExpiresAt, x.UpdatedAt = tx.Now.Add(cloister.AccessLife), tx.Now
	tx.Actor = out.User.Email
	if err := put(x); err != nil {
		return err
	}
	out.Authorization = x
	return tx.Changed("authorization", x.ID, "create", x.Client.Name+" has a token with "+cloister.ScopeNames(x.Scope, ", "), nil, x)
}

// listed are the authorizations that are good for something still: by themselves, or to get another token by.
func listed(tx *store.Tx, all []cloister.Authorization) []cloister.Authorization {
	return slices.DeleteFunc(all, func(x cloister.Authorization) bool { return x.Expired(tx.Now) && x.RefreshHash == "" })
}

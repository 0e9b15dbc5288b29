package platform

import (
	"context"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// StartSession keeps somebody who has just signed in with a browser signed in. It returns the secret for the browser's cookie,
// which can not be read again.
func (p *Platform) StartSession(ctx context.Context, a cloister.Actor, description string) (s cloister.Session, secret cloister.Secret, err error) {
	secret = cloister.NewToken()
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		s = cloister.Session{ID: cloister.NewID(), UserID: a.User.ID, Description: cloister.Words(description, 200), From: a.From, Hash: secret.Hash(),
			ExpiresAt: tx.Now.Add(cloister.SessionLife), CreatedAt: tx.Now}
		if err := tx.InsertSession(s); err != nil {
			return err
		}
		return tx.Changed("session", s.ID, "create", s.Description, nil, s)
	})
	return s, secret, err
}

// Resume finds out who has signed in with a browser, by the secret in its cookie. Unauthorized if nobody has, or no longer.
func (p *Platform) Resume(ctx context.Context, secret cloister.Secret) (a cloister.Actor, s cloister.Session, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		s, err = tx.SessionByHash(secret.Hash())
		if cloister.KindOf(err) == cloister.NotFound || err == nil && s.Expired(tx.Now) {
			return cloister.Errorf(cloister.Unauthorized, "You are not signed in, or no longer.")
		}
		if err != nil {
			return err
		}
		if a.User, err = tx.User(s.UserID); err != nil {
			return err
		}
		return active(a.User)
	})
	return a, s, err
}

// Sessions lists the browsers in which the actor is signed in.
func (p *Platform) Sessions(ctx context.Context, a cloister.Actor) (out []cloister.Session, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		out, err = tx.Sessions(a.User.ID)
		out = slices.DeleteFunc(out, func(s cloister.Session) bool { return s.Expired(tx.Now) })
		return err
	})
	return out, err
}

// EndSession signs the actor out in a browser.
func (p *Platform) EndSession(ctx context.Context, a cloister.Actor, id string) (s cloister.Session, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		all, err := tx.Sessions(a.User.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(x cloister.Session) bool { return x.ID == id })
		if i < 0 {
			return cloister.Missing("session")
		}
		s = all[i]
		if err := tx.DeleteSession(s.ID); err != nil {
			return err
		}
		return tx.Changed("session", s.ID, "destroy", s.Description, s, nil)
	})
	return s, err
}

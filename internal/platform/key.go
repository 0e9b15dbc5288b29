package platform

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// maxKeys is how many keys a person may have: each is looked at when one is added, and nobody has as many machines.
const maxKeys = 100

// Keys lists the actor's SSH keys.
func (p *Platform) Keys(ctx context.Context, a cloister.Actor) (out []cloister.Key, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		out, err = tx.Keys(a.User.ID)
		return err
	})
	return out, err
}

// AddKey lets the actor come to git with an SSH key. It is good for all that they may do there.
func (p *Platform) AddKey(ctx context.Context, a cloister.Actor, line string) (k cloister.Key, err error) {
	k, err = cloister.ParseKey(line)
	if err != nil {
		return k, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		all, err := tx.Keys(a.User.ID)
		if err != nil {
			return err
		}
		if len(all) >= maxKeys {
			return cloister.Errorf(cloister.Invalid, "You have %d keys, which is the limit. Remove one first.", len(all))
		}
		k.ID, k.UserID, k.Email, k.CreatedAt = cloister.NewID(), a.User.ID, a.User.Email, tx.Now
		if err := tx.InsertKey(k); cloister.KindOf(err) == cloister.Conflict {
			return cloister.Errorf(cloister.Invalid, "This key is in use already, by you or by another account. Make one of your own: `ssh-keygen -t ed25519`.")
		} else if err != nil {
			return err
		}
		return tx.Changed("key", k.ID, "create", k.Fingerprint+" "+k.Comment, nil, k)
	})
	return k, err
}

// RemoveKey takes an SSH key of the actor's away, by id or fingerprint.
func (p *Platform) RemoveKey(ctx context.Context, a cloister.Actor, ref string) (k cloister.Key, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		if k, err = findKey(tx, a, ref); err != nil {
			return err
		}
		if err := tx.DeleteKey(k.ID); err != nil {
			return err
		}
		return tx.Changed("key", k.ID, "destroy", k.Fingerprint+" "+k.Comment, k, nil)
	})
	return k, err
}

// Key finds an SSH key of the actor's by id or fingerprint.
func (p *Platform) Key(ctx context.Context, a cloister.Actor, ref string) (k cloister.Key, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		k, err = findKey(tx, a, ref)
		return err
	})
	return k, err
}

func findKey(tx *store.Tx, a cloister.Actor, ref string) (cloister.Key, error) {
	all, err := tx.Keys(a.User.ID)
	if err != nil {
		return cloister.Key{}, err
	}
	for _, k := range all {
		if k.ID == ref || k.Fingerprint == ref {
			return k, nil
		}
	}
	return cloister.Key{}, cloister.Missing("key")
}

// OwnerOf finds out whose SSH key it is, "ssh-ed25519 AAAA…". Unauthorized if nobody's.
func (p *Platform) OwnerOf(ctx context.Context, public string) (a cloister.Actor, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		k, err := tx.KeyOf(public)
		if cloister.KindOf(err) == cloister.NotFound {
			return cloister.Errorf(cloister.Unauthorized, "Nobody has this key. Add it with `heroku keys:add`.")
		}
		if err != nil {
			return err
		}
		a.User, err = tx.User(k.UserID)
		if err != nil {
			return err
		}
		return active(a.User)
	})
	return a, err
}

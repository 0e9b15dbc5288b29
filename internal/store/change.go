package store

import (
	"slices"

	"github.com/cloister-dev/cloister"
)

// A Change is something about an app that happened in a transaction, and that webhooks of the app are to be told of.
type Change struct {
	AppID    string
	Entity   cloister.Entity
	Action   cloister.Action
	Old, New any // the noun before and after; nil if there was none, or is none any more
	Hooks    []cloister.Webhook

	id string // of the noun
}

// OnChange has fn called at the end of each Update in which something changed that webhooks are to be told of: in the
// same transaction, so that what happened and that it is told are one. It must be set before the store is used.
func (s *Store) OnChange(fn func(*Tx, []Change) error) { s.onChange = fn }

// noun is what changes of apps are about.
type noun interface {
	cloister.App | cloister.Build | cloister.Collaborator | cloister.ProcessType | cloister.Release | cloister.Dyno | cloister.Domain | cloister.Endpoint
}

// put notes that a noun of an app is about to become next, for those of its webhooks that include the entity. old finds
// what it is now; if that is missing, it is about to be made. Where there are no such webhooks this costs one query for
// each transaction and app.
func put[T noun](tx *Tx, appID string, e cloister.Entity, id string, old func() (T, error), next T) error {
	return note(tx, appID, e, id, func(c *Change) error {
		c.Action, c.New = cloister.Updated, next
		v, err := old()
		if cloister.KindOf(err) == cloister.NotFound {
			c.Action = cloister.Created
			return nil
		}
		c.Old = v
		return err
	})
}

// set notes that a noun of an app is about to become next, as put does, but for one that is not there: then nothing happens.
func set[T noun](tx *Tx, appID string, e cloister.Entity, id string, old func() (T, error), next T) error {
	err := note(tx, appID, e, id, func(c *Change) (err error) {
		c.Action, c.New = cloister.Updated, next
		c.Old, err = old()
		return err
	})
	if cloister.KindOf(err) == cloister.NotFound {
		return nil
	}
	return err
}

// made notes that a noun of an app is about to be made.
func made[T noun](tx *Tx, appID string, e cloister.Entity, id string, next T) error {
	return note(tx, appID, e, id, func(c *Change) error {
		c.Action, c.New = cloister.Created, next
		return nil
	})
}

// gone notes that a noun of an app is about to go.
func gone[T noun](tx *Tx, appID string, e cloister.Entity, id string, old func() (T, error)) error {
	return note(tx, appID, e, id, func(c *Change) (err error) {
		c.Action = cloister.Destroyed
		c.Old, err = old()
		return err
	})
}

// note adds a change that fill knows of, if webhooks of the app include the entity. Several changes of one thing in a
// transaction are one.
func note(tx *Tx, appID string, e cloister.Entity, id string, fill func(*Change) error) error {
	hooks, err := tx.hooks(appID)
	if err != nil {
		return err
	}
	hooks = slices.DeleteFunc(slices.Clone(hooks), func(w cloister.Webhook) bool { return w.Ended || !w.Includes(e) })
	if len(hooks) == 0 {
		return nil
	}
	c := Change{AppID: appID, Entity: e, Hooks: hooks, id: id}
	if err := fill(&c); err != nil {
		return err
	}
	i := slices.IndexFunc(tx.changed, func(x Change) bool { return x.AppID == appID && x.Entity == e && x.id == id })
	switch {
	case i < 0:
		tx.changed = append(tx.changed, c)
	case c.Action == cloister.Destroyed && tx.changed[i].Action == cloister.Created:
		tx.changed = slices.Delete(tx.changed, i, i+1)
	case c.Action == cloister.Destroyed:
		tx.changed[i].Action, tx.changed[i].New = c.Action, nil
	default:
		tx.changed[i].New = c.New
	}
	return nil
}

// hooks are the webhooks of an app, read once. There are none where nobody would render what they are told.
func (tx *Tx) hooks(appID string) ([]cloister.Webhook, error) {
	if tx.store.onChange == nil {
		return nil, nil
	}
	hooks, ok := tx.hooked[appID]
	if ok {
		return hooks, nil
	}
	hooks, err := tx.Webhooks(appID)
	if err == nil {
		if tx.hooked == nil {
			tx.hooked = map[string][]cloister.Webhook{}
		}
		tx.hooked[appID] = hooks
	}
	return hooks, err
}

// is finds a noun that is known already.
func is[T noun](v T) func() (T, error) { return func() (T, error) { return v, nil } }

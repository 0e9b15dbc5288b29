package platform

import (
	"context"
	"encoding/json"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A WebhookSpec is what is asked for when a webhook is made.
type WebhookSpec struct {
	URL           string
	Level         string
	Include       []string
	Secret        string // "" makes one
	Authorization string // "": none is sent
}

// A WebhookChange is what may change about a webhook; nil leaves it as it is.
type WebhookChange struct {
	URL           *string
	Level         *string
	Include       *[]string
	Secret        *string // "" makes one
	Authorization *string // "": none is sent
}

// Webhooks lists the webhooks of an app. Their addresses may have passwords in them, so seeing is not for everybody who
// sees the app.
func (p *Platform) Webhooks(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, out []cloister.Webhook, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, operateApp); err != nil {
			return err
		}
		out, err = tx.Webhooks(app.ID)
		return err
	})
	return app, out, err
}

// Webhook finds a webhook of an app by id.
func (p *Platform) Webhook(ctx context.Context, a cloister.Actor, ref, id string) (app AppInfo, w cloister.Webhook, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, w, err = p.webhook(tx, a, ref, id)
		return err
	})
	return app, w, err
}

// AddWebhook has a webhook told of what changes about an app from now on.
func (p *Platform) AddWebhook(ctx context.Context, a cloister.Actor, ref string, in WebhookSpec) (app AppInfo, w cloister.Webhook, err error) {
	set := WebhookChange{URL: &in.URL, Level: &in.Level, Include: &in.Include, Secret: &in.Secret, Authorization: &in.Authorization}
	w = cloister.Webhook{ID: cloister.NewID()}
	if err := set.apply(&w); err != nil {
		return app, w, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, operateApp); err != nil {
			return err
		}
		all, err := tx.Webhooks(app.ID)
		if err != nil {
			return err
		}
		if err := allow(tx, app.Space, cloister.LimitWebhooks, "App "+app.Name, len(all), len(all)+1); err != nil {
			return err
		}
		w.AppID, w.CreatedAt, w.UpdatedAt = app.ID, tx.Now, tx.Now
		if err := tx.InsertWebhook(w); err != nil {
			return err
		}
		return tx.Changed("webhook", w.ID, "create", app.Name, nil, w)
	})
	return app, w, err
}

// ChangeWebhook changes a webhook. What it is still to be told goes where it leads to from now on.
func (p *Platform) ChangeWebhook(ctx context.Context, a cloister.Actor, ref, id string, set WebhookChange) (app AppInfo, w cloister.Webhook, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, w, err = p.webhook(tx, a, ref, id); err != nil {
			return err
		}
		was := w
		if err := set.apply(&w); err != nil {
			return err
		}
		w.UpdatedAt = tx.Now
		if err := tx.UpdateWebhook(w); err != nil {
			return err
		}
		return tx.Changed("webhook", w.ID, "update", app.Name, was, w)
	})
	return app, w, err
}

// RemoveWebhook ends a webhook: what it was not told yet it never is.
func (p *Platform) RemoveWebhook(ctx context.Context, a cloister.Actor, ref, id string) (app AppInfo, w cloister.Webhook, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, w, err = p.webhook(tx, a, ref, id); err != nil {
			return err
		}
		if err := tx.DeleteWebhook(w); err != nil {
			return err
		}
		return tx.Changed("webhook", w.ID, "destroy", app.Name, w, nil)
	})
	return app, w, err
}

// apply changes a webhook, if everything about the change is right.
func (set WebhookChange) apply(w *cloister.Webhook) (err error) {
	next := *w
	if set.URL != nil {
		if next.URL, err = cloister.ParseWebhookURL(*set.URL); err != nil {
			return err
		}
	}
	if set.Level != nil {
		if next.Level, err = cloister.ParseWebhookLevel(*set.Level); err != nil {
			return err
		}
	}
	if set.Include != nil {
		if next.Include, err = cloister.ParseEntities(*set.Include); err != nil {
			return err
		}
	}
	if set.Secret != nil {
		if next.Secret, err = cloister.ParseWebhookHeader("Secret", *set.Secret); err != nil {
			return err
		}
		if next.Secret == "" {
			next.Secret = cloister.NewToken()
		}
	}
	if set.Authorization != nil {
		if next.Authorization, err = cloister.ParseWebhookHeader("Authorization", *set.Authorization); err != nil {
			return err
		}
	}
	*w = next
	return nil
}

// Deliveries lists what the webhooks of an app were told and are to be told, the oldest first.
func (p *Platform) Deliveries(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, out []cloister.Delivery, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, operateApp); err != nil {
			return err
		}
		out, err = tx.Deliveries(app.ID)
		return err
	})
	return app, out, err
}

// Delivery finds a delivery to a webhook of an app by id.
func (p *Platform) Delivery(ctx context.Context, a cloister.Actor, ref, id string) (d cloister.Delivery, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err := p.app(tx, a, ref, operateApp)
		if err != nil {
			return err
		}
		d, err = tx.Delivery(app.ID, id)
		return err
	})
	return d, err
}

// WebhookEvents lists the events of an app that its webhooks were told of, the oldest first.
func (p *Platform) WebhookEvents(ctx context.Context, a cloister.Actor, ref string) (out []cloister.WebhookEvent, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err := p.app(tx, a, ref, operateApp)
		if err != nil {
			return err
		}
		out, err = tx.WebhookEvents(app.ID)
		return err
	})
	return out, err
}

// WebhookEvent finds an event of an app by id.
func (p *Platform) WebhookEvent(ctx context.Context, a cloister.Actor, ref, id string) (e cloister.WebhookEvent, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err := p.app(tx, a, ref, operateApp)
		if err != nil {
			return err
		}
		e, err = tx.WebhookEvent(app.ID, id)
		return err
	})
	return e, err
}

// webhook finds a webhook of an app that the actor may operate.
func (p *Platform) webhook(tx *store.Tx, a cloister.Actor, ref, id string) (AppInfo, cloister.Webhook, error) {
	app, err := p.app(tx, a, ref, operateApp)
	if err != nil {
		return app, cloister.Webhook{}, err
	}
	w, err := tx.Webhook(id)
	if err == nil && w.AppID != app.ID {
		err = cloister.Missing("webhook")
	}
	return app, w, err
}

// platformEmail is who causes what nobody asked for: that a dyno crashes, that a zone fails.
const platformEmail = "platform@cloister.invalid"

// Tell has the webhooks of apps told of what changes about them, from now on, as show makes it of a noun and its app.
// What show makes is JSON for whoever may operate the app. It must be called before anything else is asked for.
func (p *Platform) Tell(show func(AppInfo, any) any) {
	p.store.OnChange(func(tx *store.Tx, changes []store.Change) error {
		for _, c := range changes {
			if err := p.tell(tx, c, show); err != nil {
				return err
			}
		}
		return nil
	})
}

// tell records one change, unless nobody could see that there is one.
func (p *Platform) tell(tx *store.Tx, c store.Change, show func(AppInfo, any) any) error {
	app, err := tx.App(c.AppID)
	if old, ok := c.Old.(cloister.App); ok && c.New == nil {
		app, err = old, nil
	}
	if cloister.KindOf(err) == cloister.NotFound {
		return nil // of all that goes with an app, only this is told: the app
	}
	if err != nil {
		return err
	}
	info, err := p.appInfo(tx, app)
	if err != nil {
		return err
	}
	e := cloister.WebhookEvent{ID: cloister.NewID(), AppID: c.AppID, Entity: c.Entity, Action: c.Action, ActorID: cloister.NameID("user", platformEmail), ActorEmail: platformEmail,
		CreatedAt: tx.Now}
	if e.Data, err = p.rendered(tx, info, c.New, show); err != nil {
		return err
	}
	if e.Previous, err = p.rendered(tx, info, c.Old, show); err != nil {
		return err
	}
	switch c.Action {
	case cloister.Updated:
		if same, err := alike(e.Data, e.Previous); err != nil || same {
			return err
		}
	case cloister.Destroyed:
		e.Data, e.Previous = e.Previous, "{}"
	}
	if tx.Actor != "" {
		u, err := tx.User(tx.Actor)
		if err != nil && cloister.KindOf(err) != cloister.NotFound {
			return err
		}
		e.ActorID, e.ActorEmail = u.ID, tx.Actor
	}
	return tx.InsertWebhookEvent(e, c.Hooks)
}

// rendered is what is shown of a noun of an app; of the app itself as it was then.
func (p *Platform) rendered(tx *store.Tx, app AppInfo, noun any, show func(AppInfo, any) any) (_ string, err error) {
	if noun == nil {
		return "{}", nil
	}
	if then, ok := noun.(cloister.App); ok {
		if app, err = p.appInfo(tx, then); err != nil {
			return "", err
		}
	}
	b, err := json.Marshal(show(app, noun))
	return string(b), err
}

// alike reports whether two states of a thing differ in nothing but when it was touched.
func alike(a, b string) (bool, error) {
	var x, y map[string]json.RawMessage
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		return false, err
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		return false, err
	}
	delete(x, "updated_at")
	delete(y, "updated_at")
	if len(x) != len(y) {
		return false, nil
	}
	for k := range x {
		if string(x[k]) != string(y[k]) {
			return false, nil
		}
	}
	return true, nil
}

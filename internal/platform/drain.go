package platform

import (
	"context"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Drains lists the drains of an app. Their addresses may have passwords in them, so seeing is not for everybody who
// sees the app.
func (p *Platform) Drains(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, out []cloister.Drain, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, operateApp); err != nil {
			return err
		}
		out, err = tx.Drains(app.ID)
		return err
	})
	return app, out, err
}

// Drain finds a drain of an app by its id, URL or token.
func (p *Platform) Drain(ctx context.Context, a cloister.Actor, ref, drain string) (app AppInfo, d cloister.Drain, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, d, err = p.drain(tx, a, ref, drain)
		return err
	})
	return app, d, err
}

// AddDrain has all lines of an app's log sent to a URL from now on.
func (p *Platform) AddDrain(ctx context.Context, a cloister.Actor, ref, url string) (app AppInfo, d cloister.Drain, err error) {
	parsed, err := cloister.ParseDrainURL(url)
	if err != nil {
		return app, d, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, operateApp); err != nil {
			return err
		}
		if _, err := tx.SpaceDrain(app.SpaceID); err == nil {
			return cloister.Errorf(cloister.Invalid, "Space %s sends the logs of all its apps to a drain of its own: `spaces:drains:get --space %s`.", app.Space.Name, app.Space.Name)
		} else if cloister.KindOf(err) != cloister.NotFound {
			return err
		}
		all, err := tx.Drains(app.ID)
		switch {
		case err != nil:
			return err
		case slices.ContainsFunc(all, func(d cloister.Drain) bool { return d.URL == parsed }):
			return cloister.Errorf(cloister.Invalid, "Url has already been taken. App %s has this drain.", app.Name)
		}
		if err := allow(tx, app.Space, cloister.LimitDrains, "App "+app.Name, len(all), len(all)+1); err != nil {
			return err
		}
		d = cloister.Drain{ID: cloister.NewID(), AppID: app.ID, URL: parsed, Token: cloister.NewDrainToken(), CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := tx.InsertDrain(d); err != nil {
			return err
		}
		if err := tx.Changed("log_drain", d.ID, "create", app.Name, nil, d); err != nil {
			return err
		}
		return tx.Touch("app", app.ID)
	})
	if err == nil {
		p.config.Log(d.AppID, "Add drain "+d.Address()+" by user "+a.User.Email)
	}
	return app, d, err
}

// RemoveDrain ends a drain: what was not delivered yet never is.
func (p *Platform) RemoveDrain(ctx context.Context, a cloister.Actor, ref, drain string) (app AppInfo, d cloister.Drain, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, d, err = p.drain(tx, a, ref, drain); err != nil {
			return err
		}
		if err := tx.DeleteDrain(d.ID); err != nil {
			return err
		}
		if err := tx.Changed("log_drain", d.ID, "destroy", app.Name, d, nil); err != nil {
			return err
		}
		return tx.Touch("app", app.ID)
	})
	if err == nil {
		p.config.Log(d.AppID, "Remove drain "+d.Address()+" by user "+a.User.Email)
	}
	return app, d, err
}

// drain finds a drain of an app that the actor may operate.
func (p *Platform) drain(tx *store.Tx, a cloister.Actor, ref, drain string) (AppInfo, cloister.Drain, error) {
	app, err := p.app(tx, a, ref, operateApp)
	if err != nil {
		return app, cloister.Drain{}, err
	}
	all, err := tx.Drains(app.ID)
	if err != nil {
		return app, cloister.Drain{}, err
	}
	for _, d := range all {
		if drain == d.ID || drain == d.URL.Reveal() || drain == d.Token {
			return app, d, nil
		}
	}
	return app, cloister.Drain{}, cloister.Missing("log drain")
}

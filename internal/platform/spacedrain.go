package platform

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// SpaceDrain is where the logs of all apps of a space are sent. Team admins only.
func (p *Platform) SpaceDrain(ctx context.Context, a cloister.Actor, ref string) (d cloister.Drain, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		s, err := p.space(tx, a, ref, manageSpace)
		if err != nil {
			return err
		}
		d, err = tx.SpaceDrain(s.ID)
		return err
	})
	return d, err
}

// SetSpaceDrain has the logs of all apps of a space sent to a URL, instead of to where they were. Team admins only.
func (p *Platform) SetSpaceDrain(ctx context.Context, a cloister.Actor, ref, url string) (d cloister.Drain, err error) {
	parsed, err := cloister.ParseSpaceDrainURL(url)
	if err != nil {
		return d, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		s, err := p.space(tx, a, ref, manageSpace)
		if err != nil {
			return err
		}
		d, err = setSpaceDrain(tx, s.Space, parsed)
		return err
	})
	return d, err
}

func setSpaceDrain(tx *store.Tx, s cloister.Space, url cloister.Secret) (cloister.Drain, error) {
	d := cloister.Drain{ID: cloister.NewID(), SpaceID: s.ID, URL: url, Token: cloister.NewDrainToken(), CreatedAt: tx.Now, UpdatedAt: tx.Now}
	was, err := tx.SpaceDrain(s.ID)
	if err != nil && cloister.KindOf(err) != cloister.NotFound {
		return d, err
	}
	if err := tx.PutSpaceDrain(d); err != nil {
		return d, err
	}
	if err := tx.Changed("log_drain", d.ID, "update", s.Name, was, d); err != nil {
		return d, err
	}
	apps, err := tx.Apps(store.AppFilter{Space: s.ID})
	if err != nil {
		return d, err
	}
	for _, app := range apps {
		if err := tx.Touch("app", app.ID); err != nil {
			return d, err
		}
	}
	return d, nil
}

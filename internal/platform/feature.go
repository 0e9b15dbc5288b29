package platform

import (
	"context"
	"maps"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A FeatureInfo is a feature, and whether an app has it.
type FeatureInfo struct {
	cloister.Feature
	Enabled bool
}

// Features lists the features of apps by name, and whether this one has them.
func (p *Platform) Features(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, out []FeatureInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err = p.app(tx, a, ref, viewApp)
		return err
	})
	if err != nil {
		return app, nil, err
	}
	for _, f := range cloister.Features(p.config.DailyRestarts) {
		out = append(out, FeatureInfo{f, app.Has(f.Name, p.config.DailyRestarts)})
	}
	return app, out, nil
}

// SetFeature switches a feature of an app.
func (p *Platform) SetFeature(ctx context.Context, a cloister.Actor, ref, feature string, on bool) (app AppInfo, out FeatureInfo, err error) {
	all := cloister.Features(p.config.DailyRestarts)
	i := slices.IndexFunc(all, func(f cloister.Feature) bool { return f.Name == feature })
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, operateApp); err != nil {
			return err
		}
		if i < 0 {
			return cloister.Missing("feature")
		}
		was := app.App
		out = FeatureInfo{all[i], on}
		if app.Features = maps.Clone(app.Features); app.Features == nil {
			app.Features = map[string]bool{}
		}
		app.Features[feature] = on
		if err := tx.UpdateApp(app.App); err != nil {
			return err
		}
		if err := tx.Changed("app", app.ID, "update", app.Name+": "+feature, was, app.App); err != nil {
			return err
		}
		return tx.Touch("app", app.ID)
	})
	if err == nil {
		p.config.Log(app.ID, map[bool]string{true: "Enable", false: "Disable"}[on]+" "+feature+" feature by user "+a.User.Email)
	}
	return app, out, err
}

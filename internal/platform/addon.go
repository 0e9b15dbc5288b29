package platform

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// An AddonInfo is an add-on with what is shown beside it.
type AddonInfo struct {
	cloister.Addon
	Service cloister.AddonService
	Plan    cloister.Plan
	App     cloister.App // who pays for it
	Team    cloister.Team
	Vars    []string // names of the config vars that App gets of it, sorted
}

// Addons lists the add-ons that the actor may see: those of the apps that they may see.
func (p *Platform) Addons(ctx context.Context, a cloister.Actor) (out []AddonInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		apps, err := p.appInfos(tx, a, store.AppFilter{User: a.User.ID}, func(cloister.App) bool { return true })
		if err != nil {
			return err
		}
		for _, app := range apps {
			of, err := addonInfos(tx, store.AddonFilter{App: app.ID})
			if err != nil {
				return err
			}
			out = append(out, of...)
		}
		slices.SortFunc(out, func(a, b AddonInfo) int { return cmp.Compare(a.Name, b.Name) })
		return nil
	})
	return out, err
}

// AppAddons lists the add-ons that an app pays for, and those that are attached to it.
func (p *Platform) AppAddons(ctx context.Context, a cloister.Actor, ref string) (out []AddonInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err := p.app(tx, a, ref, viewApp)
		if err != nil {
			return err
		}
		if out, err = addonInfos(tx, store.AddonFilter{App: app.ID}); err != nil {
			return err
		}
		lent, err := tx.Attachments(app.ID)
		if err != nil {
			return err
		}
		for _, t := range lent {
			if slices.ContainsFunc(out, func(x AddonInfo) bool { return x.ID == t.AddonID }) {
				continue
			}
			addon, err := tx.Addon(t.AddonID)
			if err != nil {
				return err
			}
			info, err := addonInfo(tx, addon)
			if err != nil {
				return err
			}
			out = append(out, info)
		}
		slices.SortFunc(out, func(a, b AddonInfo) int { return cmp.Compare(a.Name, b.Name) })
		return nil
	})
	return out, err
}

func addonInfos(tx *store.Tx, f store.AddonFilter) (out []AddonInfo, err error) {
	all, err := tx.Addons(f)
	if err != nil {
		return nil, err
	}
	for _, addon := range all {
		info, err := addonInfo(tx, addon)
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	return out, nil
}

// addonInfo is an add-on with what is shown beside it. One whose app is gone is missing.
func addonInfo(tx *store.Tx, addon cloister.Addon) (out AddonInfo, err error) {
	out.Addon = addon
	if out.Service, err = tx.Service(addon.ServiceID); err != nil {
		return out, err
	}
	if out.Plan, err = tx.Plan(addon.ServiceID, addon.PlanID); err != nil {
		return out, err
	}
	if out.App, err = tx.App(addon.AppID); cloister.KindOf(err) == cloister.NotFound {
		return out, cloister.Missing("add_on")
	} else if err != nil {
		return out, err
	}
	if out.Team, err = tx.Team(out.App.TeamID); err != nil {
		return out, err
	}
	attached, err := tx.AttachmentsOf(addon.ID)
	if err != nil {
		return out, err
	}
	for _, t := range attached {
		if t.AppID != addon.AppID {
			continue
		}
		vars, err := attachmentVars(tx, t, out.Service)
		if err != nil {
			return out, err
		}
		out.Vars = append(out.Vars, vars...)
	}
	slices.Sort(out.Vars)
	return out, nil
}

// attachmentVars are the names of the config vars that an attachment gives, or will give once there are any.
func attachmentVars(tx *store.Tx, t cloister.Attachment, s cloister.AddonService) ([]string, error) {
	vars, err := tx.AddonConfig(t.AddonID, t.Namespace)
	if err != nil {
		return nil, err
	}
	if vars == nil {
		vars = map[string]cloister.Secret{}
		for _, name := range s.Provider.Vars {
			vars[name] = ""
		}
	}
	return slices.Sorted(maps.Keys(t.Vars(s.Prefix, vars))), nil
}

// Addon finds an add-on by id or name: one of an app, or with "" any that the actor may see.
func (p *Platform) Addon(ctx context.Context, a cloister.Actor, app, ref string) (out AddonInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		out, err = p.addon(tx, a, app, ref, viewApp)
		return err
	})
	return out, err
}

// addon finds an add-on and checks that the actor may do v to the app that pays for it; or see it, where it is attached to an
// app that they may see.
func (p *Platform) addon(tx *store.Tx, a cloister.Actor, app, ref string, v verb) (out AddonInfo, err error) {
	if err := scope(a, v); err != nil {
		return out, err
	}
	addon, err := tx.Addon(strings.ToLower(ref))
	if err != nil {
		return out, err
	}
	if out, err = addonInfo(tx, addon); err != nil {
		return out, err
	}
	if app != "" && app != out.App.ID && app != out.App.Name {
		return out, cloister.Missing("add_on")
	}
	err = p.can(tx, a, v, object{resource: "add_on", team: out.App.TeamID, app: &out.App})
	if err == nil || v != viewApp {
		return out, err
	}
	attached, lookup := tx.AttachmentsOf(addon.ID)
	if lookup != nil {
		return out, lookup
	}
	for _, t := range attached {
		other, lookup := tx.App(t.AppID)
		if lookup != nil {
			return out, lookup
		}
		if p.can(tx, a, viewApp, object{resource: "add_on", team: other.TeamID, app: &other}) == nil {
			return out, nil
		}
	}
	return out, err
}

package platform

import (
	"context"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// ResolveAddon finds the add-ons that somebody may mean who typed ref: an id or a name; with an app, the name of an attachment
// or of a service there; or "app::ATTACHMENT". service narrows it, "" does not.
func (p *Platform) ResolveAddon(ctx context.Context, a cloister.Actor, app, ref, service string) (out []AddonInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		out = nil
		found, err := p.resolve(tx, a, app, ref, service)
		if err != nil {
			return err
		}
		for _, t := range found {
			if !slices.ContainsFunc(out, func(x AddonInfo) bool { return x.ID == t.Addon.ID }) {
				out = append(out, t.Addon)
			}
		}
		if len(out) > 0 {
			return nil
		}
		x, err := p.addon(tx, a, "", ref, viewApp)
		if err == nil && service != "" && x.Service.Name != service {
			err = cloister.Missing("add_on")
		}
		out = []AddonInfo{x}
		return err
	})
	return out, err
}

// ResolveAttachment finds the attachments that somebody may mean who typed ref: an id, and with an app the name of an attachment
// there, of a config var that it gives, of its add-on or of that's service; or "app::ATTACHMENT".
func (p *Platform) ResolveAttachment(ctx context.Context, a cloister.Actor, app, ref, service string) (out []AttachmentInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if out, err = p.resolve(tx, a, app, ref, service); err != nil || len(out) > 0 {
			return err
		}
		if t, err := p.attachment(tx, a, "", ref, viewApp); err == nil {
			out = []AttachmentInfo{t}
			return nil
		}
		if app != "" {
			return cloister.Missing("add_on attachment")
		}
		x, err := p.addon(tx, a, "", ref, viewApp) // by the name of an add-on, all that is made of it in its own app
		if cloister.KindOf(err) == cloister.NotFound {
			return cloister.Missing("add_on attachment")
		} else if err != nil {
			return err
		}
		out, err = p.resolve(tx, a, x.App.ID, x.Name, service)
		return err
	})
	return out, err
}

// resolve finds attachments to an app by what they are called, the best sort of name first.
func (p *Platform) resolve(tx *store.Tx, a cloister.Actor, app, ref, service string) ([]AttachmentInfo, error) {
	if of, name, ok := strings.Cut(ref, "::"); ok {
		app, ref = of, name
	}
	if app == "" {
		return nil, scope(a, viewApp)
	}
	in, err := p.app(tx, a, app, viewApp)
	if err != nil {
		return nil, err
	}
	attached, err := tx.Attachments(in.ID)
	if err != nil {
		return nil, err
	}
	all, err := attachmentInfos(tx, attached)
	if err != nil {
		return nil, err
	}
	if service != "" {
		all = slices.DeleteFunc(all, func(t AttachmentInfo) bool { return t.Addon.Service.Name != service })
	}
	for _, is := range []func(AttachmentInfo) bool{
		func(t AttachmentInfo) bool { return t.ID == ref || t.Addon.ID == ref },
		func(t AttachmentInfo) bool { return t.Name == strings.ToUpper(ref) },
		func(t AttachmentInfo) bool { return slices.Contains(t.Vars, strings.ToUpper(ref)) },
		func(t AttachmentInfo) bool { return t.Addon.Name == strings.ToLower(ref) },
		func(t AttachmentInfo) bool { return t.Addon.Service.Name == strings.ToLower(ref) },
		func(t AttachmentInfo) bool { return t.Addon.Service.Name+":"+t.Addon.Plan.Name == strings.ToLower(ref) },
	} {
		if found := slices.DeleteFunc(slices.Clone(all), func(t AttachmentInfo) bool { return !is(t) }); len(found) > 0 {
			return found, nil
		}
	}
	return nil, nil
}

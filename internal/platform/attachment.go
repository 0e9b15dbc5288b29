package platform

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// An AttachmentInfo is an attachment with what is shown beside it.
type AttachmentInfo struct {
	cloister.Attachment
	App   cloister.App // that it is attached to
	Addon AddonInfo
	Vars  []string // names of the config vars that App gets, sorted
}

// An AttachmentSpec is what is asked for when an add-on is attached to an app.
type AttachmentSpec struct {
	Addon     string
	App       string
	Name      string // "" picks one
	Namespace string // "credential:reader"
	Confirm   string // name of the app: an attachment of that name may be replaced
}

// attachmentInfo is an attachment with what is shown beside it.
func attachmentInfo(tx *store.Tx, t cloister.Attachment) (out AttachmentInfo, err error) {
	out.Attachment = t
	if out.App, err = tx.App(t.AppID); err != nil {
		return out, err
	}
	addon, err := tx.Addon(t.AddonID)
	if err != nil {
		return out, err
	}
	if out.Addon, err = addonInfo(tx, addon); err != nil {
		return out, err
	}
	out.Vars, err = attachmentVars(tx, t, out.Addon.Service)
	return out, err
}

func attachmentInfos(tx *store.Tx, all []cloister.Attachment) (out []AttachmentInfo, err error) {
	for _, t := range all {
		info, err := attachmentInfo(tx, t)
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	return out, nil
}

// Attachments lists the attachments to apps that the actor may see.
func (p *Platform) Attachments(ctx context.Context, a cloister.Actor) (out []AttachmentInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		apps, err := p.appInfos(tx, a, store.AppFilter{User: a.User.ID}, func(cloister.App) bool { return true })
		if err != nil {
			return err
		}
		for _, app := range apps {
			all, err := tx.Attachments(app.ID)
			if err != nil {
				return err
			}
			infos, err := attachmentInfos(tx, all)
			if err != nil {
				return err
			}
			out = append(out, infos...)
		}
		return nil
	})
	return out, err
}

// AppAttachments lists what is attached to an app.
func (p *Platform) AppAttachments(ctx context.Context, a cloister.Actor, ref string) (out []AttachmentInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err := p.app(tx, a, ref, viewApp)
		if err != nil {
			return err
		}
		all, err := tx.Attachments(app.ID)
		if err != nil {
			return err
		}
		out, err = attachmentInfos(tx, all)
		return err
	})
	return out, err
}

// AddonAttachments lists where an add-on is attached, as far as the actor may see the apps.
func (p *Platform) AddonAttachments(ctx context.Context, a cloister.Actor, ref string) (out []AttachmentInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		x, err := p.addon(tx, a, "", ref, viewApp)
		if err != nil {
			return err
		}
		all, err := tx.AttachmentsOf(x.ID)
		if err != nil {
			return err
		}
		infos, err := attachmentInfos(tx, all)
		for _, info := range infos {
			if p.can(tx, a, viewApp, object{resource: "app", team: info.App.TeamID, app: &info.App}) == nil {
				out = append(out, info)
			}
		}
		return err
	})
	return out, err
}

// Attachment finds an attachment by id, or by its name in an app.
func (p *Platform) Attachment(ctx context.Context, a cloister.Actor, app, ref string) (out AttachmentInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		out, err = p.attachment(tx, a, app, ref, viewApp)
		return err
	})
	return out, err
}

// attachment finds an attachment and checks that the actor may do v to its app.
func (p *Platform) attachment(tx *store.Tx, a cloister.Actor, app, ref string, v verb) (out AttachmentInfo, err error) {
	if app != "" {
		in, err := p.app(tx, a, app, v)
		if err != nil {
			return out, err
		}
		all, err := tx.Attachments(in.ID)
		if err != nil {
			return out, err
		}
		i := slices.IndexFunc(all, func(t cloister.Attachment) bool {
			return t.Name == strings.ToUpper(ref) || t.ID == strings.ToLower(ref)
		})
		if i < 0 {
			return out, cloister.Missing("add_on attachment")
		}
		return attachmentInfo(tx, all[i])
	}
	if err := scope(a, v); err != nil {
		return out, err
	}
	t, err := tx.Attachment(strings.ToLower(ref))
	if err != nil {
		return out, err
	}
	if out, err = attachmentInfo(tx, t); err != nil {
		return out, err
	}
	return out, p.can(tx, a, v, object{resource: "add_on attachment", team: out.App.TeamID, app: &out.App})
}

// Attach lends an add-on to another app of the same team, or gives it another name in its own. An attachment that has the name
// gives way if that was confirmed.
func (p *Platform) Attach(ctx context.Context, a cloister.Actor, in AttachmentSpec) (out AttachmentInfo, err error) {
	var app AppInfo
	var said []func()
	err = p.update(ctx, a, func(tx *store.Tx) error {
		said = nil
		x, err := p.addon(tx, a, "", in.Addon, viewApp)
		if err != nil {
			return err
		}
		if app, err = p.app(tx, a, in.App, deployApp); err != nil {
			return err
		}
		if app.ID != x.App.ID { // its secrets are lent too
			if err := p.can(tx, a, deployApp, object{resource: "add_on", team: x.App.TeamID, app: &x.App}); err != nil {
				return err
			}
		}
		if err := mayAttach(tx, app, x, in.Namespace); err != nil {
			return err
		}
		if in.Name != "" {
			r, err := p.makeWay(tx, a, app, in)
			if err != nil {
				return err
			}
			if r.ID != "" {
				said = append(said, func() { p.announce(app, a, r) })
			}
		}
		t, r, err := p.attach(tx, a, app, x.Addon, x.Service, in.Name, in.Namespace)
		if err != nil {
			return err
		}
		said = append(said, func() { p.announce(app, a, r) })
		out = t
		return tx.Changed("addon_attachment", t.ID, "create", app.Name+"::"+t.Name, nil, t.Attachment)
	})
	if err == nil {
		for _, say := range said {
			say()
		}
	}
	return out, err
}

// mayAttach reports why an app cannot have an add-on attached, or nil.
func mayAttach(tx *store.Tx, app AppInfo, x AddonInfo, namespace string) error {
	switch {
	case x.State == cloister.Deprovisioning:
		return cloister.Errorf(cloister.Invalid, "%s is being destroyed.", x.Name)
	case app.ID != x.App.ID && !x.Service.Shared:
		return cloister.Errorf(cloister.Invalid, "Add-ons of %s cannot be attached to other apps than their own.", x.Service.Name)
	case app.TeamID != x.App.TeamID:
		return cloister.Errorf(cloister.Invalid, "%s is of the team %s, and app %s is not. Add-ons are lent within their team.", x.Name, x.Team.Name, app.Name)
	case x.SpaceID != "" && x.SpaceID != app.SpaceID:
		return cloister.Errorf(cloister.Invalid, "%s is inside another space than app %s, which could not reach it. Create one in the space %s.", x.Name, app.Name, app.Space.Name)
	case namespace == "":
		return nil
	}
	name, ok := strings.CutPrefix(namespace, "credential:")
	if !ok {
		return cloister.Errorf(cloister.Invalid, "Namespace %q is not known. Give one like credential:reader.", namespace)
	}
	all, err := tx.Credentials(x.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(c cloister.Credential) bool { return c.Name == name })
	if i < 0 {
		return cloister.Errorf(cloister.Invalid, "%s has no credential %s. Create it with `pg:credentials:create`.", x.Name, name)
	}
	if all[i].State != cloister.CredentialActive {
		return cloister.Errorf(cloister.Invalid, "The credential %s of %s is not ready yet. Try again in a moment.", name, x.Name)
	}
	return nil
}

// makeWay ends the attachment to an app that has a name, if that was confirmed. r is zero where there is none.
func (p *Platform) makeWay(tx *store.Tx, a cloister.Actor, app AppInfo, in AttachmentSpec) (r cloister.Release, err error) {
	name, err := cloister.ParseAttachmentName(in.Name)
	if err != nil {
		return r, err
	}
	all, err := tx.Attachments(app.ID)
	if err != nil {
		return r, err
	}
	i := slices.IndexFunc(all, func(t cloister.Attachment) bool { return t.Name == name })
	if i < 0 {
		return r, nil
	}
	old, err := tx.Addon(all[i].AddonID)
	if err != nil {
		return r, err
	}
	if in.Confirm != app.Name {
		return r, cloister.Errorf(cloister.Confirm, "%s is already attached to %s as %s, which would be replaced.", old.Name, app.Name, name)
	}
	return p.detach(tx, a, app, old, all[i])
}

// attach attaches an add-on to an app, by a release.
func (p *Platform) attach(tx *store.Tx, a cloister.Actor, app AppInfo, addon cloister.Addon, service cloister.AddonService, name, namespace string) (out AttachmentInfo, r cloister.Release, err error) {
	if name, err = attachmentName(tx, app, service, name); err != nil {
		return out, r, err
	}
	t := cloister.Attachment{ID: cloister.NewID(), AddonID: addon.ID, AppID: app.ID, Name: name, Namespace: namespace, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	if err := tx.InsertAttachment(t); err != nil {
		return out, r, taken(err, "The name", t.Name)
	}
	vars, err := attachmentVars(tx, t, service)
	if err != nil {
		return out, r, err
	}
	attached, err := attachedNames(tx, app.App)
	if err != nil {
		return out, r, err
	}
	for _, v := range vars {
		if attached[v] {
			return out, r, cloister.Errorf(cloister.Invalid, "The config var %s of app %s is that of another attachment. Choose another name with --as.", v, app.Name)
		}
	}
	if r, err = p.rebind(tx, a, app, fmt.Sprintf("Attach %s (@ref:%s)", t.Name, addon.Name)); err != nil {
		return out, r, err
	}
	out, err = attachmentInfo(tx, t)
	return out, r, err
}

// attachedNames are the names of an app's config vars that came from attachments with its newest release.
func attachedNames(tx *store.Tx, app cloister.App) (map[string]bool, error) {
	last, err := tx.LastVersion(app.ID)
	if err != nil {
		return nil, err
	}
	r, err := tx.ReleaseByVersion(app.ID, last)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, name := range r.Attached {
		out[name] = true
	}
	return out, nil
}

// rebind makes a release of an app whose config vars follow its attachments.
func (p *Platform) rebind(tx *store.Tx, a cloister.Actor, app AppInfo, description string) (cloister.Release, error) {
	slug, err := currentSlug(tx, app)
	if err != nil {
		return cloister.Release{}, err
	}
	now, err := tx.App(app.ID) // an earlier release of this transaction may have changed its config vars
	if err != nil {
		return cloister.Release{}, err
	}
	app.App = now
	r, err := p.release(tx, a, app, slug, app.Config, description)
	if err != nil {
		return r, err
	}
	return r, cloister.ValidConfig(r.Config)
}

// attachmentName is the name that somebody has chosen, or a free one.
func attachmentName(tx *store.Tx, app AppInfo, service cloister.AddonService, chosen string) (string, error) {
	if chosen != "" {
		return cloister.ParseAttachmentName(chosen)
	}
	all, err := tx.Attachments(app.ID)
	if err != nil {
		return "", err
	}
	names := []string{service.First}
	for _, color := range colors {
		names = append(names, service.Prefix+"_"+color)
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(t cloister.Attachment) bool { return t.Name == name }) {
			return name, nil
		}
	}
	return "", cloister.Errorf(cloister.Invalid, "App %s has so many attachments of %s that no name is left. Choose one with --as.", app.Name, service.Name)
}

var colors = strings.Fields("AMBER AQUA BLACK BLUE BRONZE BROWN CHARCOAL COBALT COPPER CRIMSON CYAN GOLD GRAY GREEN IVORY JADE MAROON MAUVE NAVY OLIVE ONYX ORANGE PINK PUCE PURPLE RED ROSE SILVER TEAL VIOLET WHITE YELLOW")

// Detach takes an attachment from its app. The last one of an add-on to the app that pays for it stays.
func (p *Platform) Detach(ctx context.Context, a cloister.Actor, id string) (out AttachmentInfo, err error) {
	var app AppInfo
	var r cloister.Release
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if out, err = p.attachment(tx, a, "", id, deployApp); err != nil {
			return err
		}
		if app, err = p.appInfo(tx, out.App); err != nil {
			return err
		}
		all, err := tx.AttachmentsOf(out.AddonID)
		if err != nil {
			return err
		}
		own := slices.DeleteFunc(all, func(t cloister.Attachment) bool { return t.AppID != out.Addon.App.ID || t.ID == out.ID })
		if out.App.ID == out.Addon.App.ID && len(own) == 0 {
			return cloister.Errorf(cloister.Invalid, "%s is the only attachment of %s to its app. Destroy the add-on with `addons:destroy`, or attach it under another name first.", out.Name, out.Addon.Name)
		}
		if r, err = p.detach(tx, a, app, out.Addon.Addon, out.Attachment); err != nil {
			return err
		}
		return tx.Changed("addon_attachment", out.ID, "destroy", app.Name+"::"+out.Name, out.Attachment, nil)
	})
	if err == nil {
		p.announce(app, a, r)
	}
	return out, err
}

func (p *Platform) detach(tx *store.Tx, a cloister.Actor, app AppInfo, addon cloister.Addon, t cloister.Attachment) (cloister.Release, error) {
	if err := tx.DeleteAttachment(t.ID); err != nil {
		return cloister.Release{}, err
	}
	return p.rebind(tx, a, app, fmt.Sprintf("Detach %s (@ref:%s)", t.Name, addon.Name))
}

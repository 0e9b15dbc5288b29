package platform

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// An AddonSpec is what is asked for when an add-on is made.
type AddonSpec struct {
	Plan       string // "heroku-postgresql:private-0"; without a plan it is the service's default
	Name       string // "" picks one
	Attachment string // "" picks one
	Options    map[string]string
	Confirm    string // name of the app: it is known that the add-on is outside of the app's space
}

// changeVerb is what one must be allowed to do to an app for its add-ons of a plan to change, as on Heroku: those that cost
// nothing go with its code, others with its operation.
func changeVerb(plan cloister.Plan) verb {
	if plan.Cents == 0 {
		return deployApp
	}
	return operateApp
}

// CreateAddon makes an add-on for an app, and attaches it. It is provisioning until control has made it so.
func (p *Platform) CreateAddon(ctx context.Context, a cloister.Actor, ref string, in AddonSpec) (out AddonInfo, t AttachmentInfo, err error) {
	if in.Name != "" {
		if err := cloister.ValidAddonName(in.Name); err != nil {
			return out, t, err
		}
	}
	var app AppInfo
	var r cloister.Release
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, viewApp); err != nil {
			return err
		}
		service, plan, err := findPlan(tx, in.Plan)
		if err != nil {
			return err
		}
		if err := p.can(tx, a, changeVerb(plan), object{resource: "app", team: app.TeamID, app: &app.App}); err != nil {
			return err
		}
		addon := cloister.Addon{ID: cloister.NewID(), Name: strings.ToLower(in.Name), ServiceID: service.ID, PlanID: plan.ID, AppID: app.ID,
			Options: maps.Clone(in.Options), Settings: map[string]string{}, Secrets: map[string]cloister.Secret{}, State: cloister.Provisioning, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := p.locate(tx, app, service, plan, in.Confirm, &addon); err != nil {
			return err
		}
		if p.config.CheckAddon != nil {
			if err := p.config.CheckAddon(service.Kind, plan, addon.Options); err != nil {
				return err
			}
		}
		if addon.Name == "" {
			addon.Name = randomAddonName(service.Name)
		}
		if err := tx.InsertAddon(addon); err != nil {
			return taken(err, "Name", addon.Name)
		}
		if t, r, err = p.attach(tx, a, app, addon, service, in.Attachment, ""); err != nil {
			return err
		}
		if out, err = addonInfo(tx, addon); err != nil {
			return err
		}
		return tx.Changed("addon", addon.ID, "create", addon.Name, nil, shown(addon))
	})
	if err == nil {
		p.announce(app, a, r)
	}
	return out, t, err
}

// locate decides where an add-on is: inside the space of its app, or outside, which for a datastore must have been confirmed.
func (p *Platform) locate(tx *store.Tx, app AppInfo, service cloister.AddonService, plan cloister.Plan, confirm string, addon *cloister.Addon) error {
	elsewhere := addon.Options["region"]
	addon.Region = cmp.Or(elsewhere, app.Space.Region)
	switch {
	case service.State == cloister.ServiceShutdown:
		return cloister.Errorf(cloister.Invalid, "There are no new add-ons of %s: its operator has ended it.", service.Name)
	case elsewhere != "" && !plan.Outside:
		return cloister.Errorf(cloister.Invalid, "Plan %s:%s is inside private spaces only, in the region of the space. Leave --region out.", service.Name, plan.Name)
	case elsewhere == "" && !plan.In(app.Space.Region):
		return cloister.Errorf(cloister.Invalid, "Plan %s:%s is not available in the region %s of the space %s. See what is there with `heroku addons:plans %s`.", service.Name, plan.Name, app.Space.Region, app.Space.Name, service.Name)
	case plan.Inside && elsewhere == "":
		addon.SpaceID = app.SpaceID
	case service.Datastore && confirm != app.Name:
		return cloister.Errorf(cloister.Confirm, "This add-on is not automatically networked with this Private Space.")
	}
	if !service.Many {
		all, err := tx.Addons(store.AddonFilter{App: app.ID, Service: service.ID})
		if err != nil {
			return err
		}
		if len(all) > 0 {
			return cloister.Errorf(cloister.Invalid, "App %s has %s already: %s. One is all that an app can have.", app.Name, service.Name, all[0].Name)
		}
	}
	inside, err := tx.Addons(store.AddonFilter{Space: app.SpaceID})
	if err != nil || addon.SpaceID == "" {
		return err
	}
	return allow(tx, app.Space, cloister.LimitAddons, "Space "+app.Space.Name, len(inside), len(inside)+1)
}

// findPlan finds a plan by its service's name and its own, "service:plan", or the default one of a service.
func findPlan(tx *store.Tx, ref string) (s cloister.AddonService, plan cloister.Plan, err error) {
	name, of, named := strings.Cut(strings.ToLower(ref), ":")
	missing := cloister.Errorf(cloister.Invalid, "Couldn't find either the add-on service or the add-on plan of %q.", ref)
	if s, err = tx.Service(name); cloister.KindOf(err) == cloister.NotFound {
		return s, plan, missing
	} else if err != nil {
		return s, plan, err
	}
	if named {
		if plan, err = tx.Plan(s.ID, of); cloister.KindOf(err) == cloister.NotFound {
			return s, plan, missing
		}
		return s, plan, err
	}
	all, err := tx.Plans(s.ID)
	if err != nil {
		return s, plan, err
	}
	i := slices.IndexFunc(all, func(x cloister.Plan) bool { return x.Default })
	if i < 0 {
		return s, plan, missing
	}
	return s, all[i], nil
}

// An AddonChange is what may change about an add-on; nil leaves it as it is.
type AddonChange struct {
	Name *string
	Plan *string
}

// ChangeAddon renames an add-on, or has it be of another plan of its service.
func (p *Platform) ChangeAddon(ctx context.Context, a cloister.Actor, app, ref string, in AddonChange) (out AddonInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if out, err = p.addon(tx, a, app, ref, viewApp); err != nil {
			return err
		}
		was, verbs := out, []verb{changeVerb(out.Plan)}
		if in.Name != nil {
			if err := cloister.ValidAddonName(*in.Name); err != nil {
				return err
			}
			if out.Name = strings.ToLower(*in.Name); out.Name != was.Name && out.SpaceID != "" && out.Service.Datastore {
				return cloister.Errorf(cloister.Unsupported, "%s answers in its space at a name that is made of its own, which clients have: it cannot be renamed. Attach it under another name with `addons:attach --as`.", was.Name)
			}
		}
		if in.Plan != nil {
			service, plan, err := findPlan(tx, *in.Plan)
			if err != nil {
				return err
			}
			if err := p.mayBecome(out, service, plan); err != nil {
				return err
			}
			verbs = append(verbs, changeVerb(plan))
			out.Plan, out.PlanID, out.Changing = plan, plan.ID, true
		}
		for _, v := range verbs {
			if err := p.can(tx, a, v, object{resource: "add_on", team: out.App.TeamID, app: &out.App}); err != nil {
				return err
			}
		}
		if err := tx.UpdateAddon(out.Addon); err != nil {
			return taken(err, "Name", out.Name)
		}
		return tx.Changed("addon", out.ID, "update", out.Name, shown(was.Addon), shown(out.Addon))
	})
	return out, err
}

// mayBecome reports why an add-on cannot be of another plan, or nil.
func (p *Platform) mayBecome(x AddonInfo, service cloister.AddonService, plan cloister.Plan) error {
	switch {
	case service.ID != x.ServiceID:
		return cloister.Errorf(cloister.Invalid, "%s is of %s, and %s:%s of another service. Create another add-on.", x.Name, x.Service.Name, service.Name, plan.Name)
	case x.State != cloister.Provisioned:
		return cloister.Errorf(cloister.Invalid, "%s is %s. Wait with `addons:wait`, then change its plan.", x.Name, x.State)
	case plan.Inside != x.Plan.Inside && plan.Outside != x.Plan.Outside:
		return cloister.Errorf(cloister.Invalid, "%s:%s and %s:%s are not in the same network. Create another add-on and copy the data.", service.Name, x.Plan.Name, service.Name, plan.Name)
	case plan.Shape.Disk < x.Plan.Shape.Disk:
		return cloister.Errorf(cloister.Invalid, "The disk of %s:%s is smaller than that of %s:%s, and no disk is made smaller. Create another add-on and copy the data.", service.Name, plan.Name, service.Name, x.Plan.Name)
	}
	return nil
}

// DestroyAddon ends an add-on: it is detached at once, from all apps, and gone when control has taken it away. One that is
// attached to other apps too takes force.
func (p *Platform) DestroyAddon(ctx context.Context, a cloister.Actor, app, ref string, force bool) (out AddonInfo, err error) {
	var said []func()
	err = p.update(ctx, a, func(tx *store.Tx) error {
		said = nil
		if out, err = p.addon(tx, a, app, ref, viewApp); err != nil {
			return err
		}
		if err := p.can(tx, a, changeVerb(out.Plan), object{resource: "add_on", team: out.App.TeamID, app: &out.App}); err != nil {
			return err
		}
		was := out.Addon
		if said, err = p.endAddon(tx, a, &out.Addon, force); err != nil {
			return err
		}
		return tx.Changed("addon", out.ID, "destroy", out.Name, shown(was), shown(out.Addon))
	})
	if err == nil {
		for _, say := range said {
			say()
		}
	}
	return out, err
}

// endAddon detaches an add-on from every app, and has it end. It returns what is to be said then.
func (p *Platform) endAddon(tx *store.Tx, a cloister.Actor, addon *cloister.Addon, force bool) (said []func(), err error) {
	attached, err := tx.AttachmentsOf(addon.ID)
	if err != nil {
		return nil, err
	}
	for _, t := range attached {
		if t.AppID != addon.AppID && !force {
			return nil, cloister.Errorf(cloister.Invalid, "%s is attached to other apps too, to one as %s. Detach it there, or destroy it with --force.", addon.Name, t.Name)
		}
		say, err := p.detachFrom(tx, a, *addon, t)
		if err != nil {
			return nil, err
		}
		said = append(said, say)
	}
	if err := lastBackup(tx, *addon); err != nil {
		return nil, err
	}
	addon.State = cloister.Deprovisioning
	return said, tx.UpdateAddon(*addon)
}

// lastBackup has a backup taken of a database that is about to end, which is kept for a week.
func lastBackup(tx *store.Tx, addon cloister.Addon) error {
	s, err := tx.Service(addon.ServiceID)
	if err != nil || s.Kind != "postgres" || addon.State != cloister.Provisioned {
		return err
	}
	_, err = tx.InsertTransfer(cloister.Transfer{ID: cloister.NewID(), AppID: addon.AppID, AddonID: addon.ID, Kind: cloister.BackupTransfer, FromName: addon.Name,
		ToName: "BACKUP", Last: true, ExpiresAt: tx.Now.Add(cloister.LastBackupLife), Logs: []cloister.TransferLine{}})
	return err
}

// recall detaches the add-ons of an app that goes from all others, and has last backups taken. It returns what is to be said then.
func (p *Platform) recall(tx *store.Tx, a cloister.Actor, appID string) (said []func(), err error) {
	all, err := tx.Addons(store.AddonFilter{App: appID})
	if err != nil {
		return nil, err
	}
	for _, addon := range all {
		if err := lastBackup(tx, addon); err != nil {
			return nil, err
		}
		attached, err := tx.AttachmentsOf(addon.ID)
		if err != nil {
			return nil, err
		}
		for _, t := range attached {
			if t.AppID == appID {
				continue
			}
			say, err := p.detachFrom(tx, a, addon, t)
			if err != nil {
				return nil, err
			}
			said = append(said, say)
		}
	}
	return said, nil
}

// detachFrom takes an attachment from whichever app it is to. It returns what is to be said then.
func (p *Platform) detachFrom(tx *store.Tx, a cloister.Actor, addon cloister.Addon, t cloister.Attachment) (func(), error) {
	app, err := tx.App(t.AppID)
	if err != nil {
		return nil, err
	}
	info, err := p.appInfo(tx, app)
	if err != nil {
		return nil, err
	}
	r, err := p.detach(tx, a, info, addon, t)
	return func() { p.announce(info, a, r) }, err
}

// shown is an add-on as the audit trail has it.
func shown(a cloister.Addon) cloister.Addon {
	a.Secrets = nil
	options := map[string]string{}
	for name := range a.Options {
		options[name] = "[secret]"
	}
	a.Options = options
	return a
}

var shapes = strings.Fields("angular circular concave contoured convex crystalline cubic curved cylindrical deep dimensional flat flexible fluffy globular graceful horizontal infinite octagonal opaque parallel pointy polished rectangular reticulated rigid round shallow shaped sinuous smooth solid spherical square symmetrical tapered tetrahedral transparent trapezoidal triangular vertical")

// randomAddonName makes a name like "postgresql-round-12345".
func randomAddonName(service string) string {
	pick := func(n int) int {
		i, _ := rand.Int(rand.Reader, big.NewInt(int64(n)))
		return int(i.Int64())
	}
	return strings.TrimPrefix(service, "heroku-") + "-" + shapes[pick(len(shapes))] + "-" + strconv.Itoa(10000+pick(90000))
}

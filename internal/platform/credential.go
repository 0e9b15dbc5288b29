package platform

import (
	"context"
	"maps"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// maxCredentials is how many credentials a database can have; Heroku's limit.
const maxCredentials = 200

// SeeAddon finds an add-on for somebody who wants to know how it is: what its service says of itself is nobody's who does not
// see its app.
func (p *Platform) SeeAddon(ctx context.Context, a cloister.Actor, ref string) (AddonInfo, error) {
	return p.Addon(ctx, a, "", ref)
}

// ReadAddon finds an add-on for somebody who wants to see what is in it.
func (p *Platform) ReadAddon(ctx context.Context, a cloister.Actor, ref string) (out AddonInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		out, err = p.addon(tx, a, "", ref, readApp)
		return err
	})
	return out, err
}

// OperateAddon finds an add-on for somebody who wants something done to it, which what says: "reset", "connection_reset". It is
// recorded before it is done.
func (p *Platform) OperateAddon(ctx context.Context, a cloister.Actor, ref, what string) (out AddonInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if out, err = p.addon(tx, a, "", ref, deployApp); err != nil {
			return err
		}
		if out.State != cloister.Provisioned {
			return cloister.Errorf(cloister.Invalid, "%s is %s. Wait until it is there with `addons:wait`.", out.Name, out.State)
		}
		return tx.Event("addon", out.ID, what, out.Name)
	})
	return out, err
}

// Credentials lists the credentials of a database with their passwords, the default one first.
func (p *Platform) Credentials(ctx context.Context, a cloister.Actor, ref string) (out AddonInfo, all []cloister.Credential, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if out, err = p.addon(tx, a, "", ref, readApp); err != nil {
			return err
		}
		all, err = tx.Credentials(out.ID)
		return err
	})
	return out, all, err
}

// AddonConfig lists the config vars that a part of an add-on gives, by the names that its service has for them. namespace is
// "credential:NAME"; what is not there gives none.
func (p *Platform) AddonConfig(ctx context.Context, a cloister.Actor, ref, namespace string) (vars map[string]cloister.Secret, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		x, err := p.addon(tx, a, "", ref, readApp)
		if err != nil {
			return err
		}
		vars, err = tx.AddonConfig(x.ID, namespace)
		return err
	})
	return vars, err
}

// changeData changes something about the service of an add-on, which control then brings about. fn gets its credentials.
func (p *Platform) changeData(ctx context.Context, a cloister.Actor, ref, what string, fn func(*store.Tx, *AddonInfo, []cloister.Credential) error) (out AddonInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if out, err = p.addon(tx, a, "", ref, deployApp); err != nil {
			return err
		}
		if out.State != cloister.Provisioned {
			return cloister.Errorf(cloister.Invalid, "%s is %s. Wait until it is there with `addons:wait`.", out.Name, out.State)
		}
		all, err := tx.Credentials(out.ID)
		if err != nil {
			return err
		}
		if err := fn(tx, &out, all); err != nil {
			return err
		}
		out.Changing = true
		if err := tx.UpdateAddon(out.Addon); err != nil {
			return err
		}
		return tx.Event("addon", out.ID, what, out.Name)
	})
	return out, err
}

// AddCredential adds a credential to a database. It may do nothing there until it is let.
func (p *Platform) AddCredential(ctx context.Context, a cloister.Actor, ref, name string) (AddonInfo, error) {
	if err := cloister.ValidCredentialName(name); err != nil {
		return AddonInfo{}, err
	}
	return p.changeData(ctx, a, ref, "create credential "+name, func(tx *store.Tx, x *AddonInfo, all []cloister.Credential) error {
		if x.Service.Kind != "postgres" {
			return cloister.Errorf(cloister.Unsupported, "%s has one credential alone.", x.Name)
		}
		if len(all) >= maxCredentials {
			return cloister.Errorf(cloister.Invalid, "%s has %d credentials, which is the limit. Destroy one with `pg:credentials:destroy`.", x.Name, len(all))
		}
		err := tx.InsertCredential(cloister.Credential{AddonID: x.ID, Name: name, User: name, Password: "p" + cloister.NewToken(),
			State: cloister.CredentialWaiting, CreatedAt: tx.Now, UpdatedAt: tx.Now})
		return taken(err, "The credential", name)
	})
}

// RotateCredential gives a credential another password, or with "" all of them. The old one is good until dynos have the new
// one, or with forced no more.
func (p *Platform) RotateCredential(ctx context.Context, a cloister.Actor, ref, name string, forced bool) (AddonInfo, error) {
	return p.changeData(ctx, a, ref, "rotate credential "+name, func(tx *store.Tx, x *AddonInfo, all []cloister.Credential) error {
		found := false
		for _, c := range all {
			if name != "" && c.Name != name || c.State == cloister.CredentialRevoking {
				continue
			}
			found = true
			c.Old, c.Password, c.State = c.Password, "p"+cloister.NewToken(), cloister.CredentialRotating
			if forced {
				c.Old = ""
			}
			if err := tx.UpdateCredential(c); err != nil {
				return err
			}
		}
		if !found {
			return cloister.Missing("credential")
		}
		return nil
	})
}

// RemoveCredential takes a credential from a database. What it owns there becomes the default one's.
func (p *Platform) RemoveCredential(ctx context.Context, a cloister.Actor, ref, name string) (AddonInfo, error) {
	return p.changeData(ctx, a, ref, "destroy credential "+name, func(tx *store.Tx, x *AddonInfo, all []cloister.Credential) error {
		i := slices.IndexFunc(all, func(c cloister.Credential) bool { return c.Name == name })
		if i < 0 {
			return cloister.Missing("credential")
		}
		if name == cloister.DefaultCredential {
			return cloister.Errorf(cloister.Invalid, "The default credential cannot be destroyed. Rotate it with `pg:credentials:rotate`.")
		}
		attached, err := tx.AttachmentsOf(x.ID)
		if err != nil {
			return err
		}
		for _, t := range attached {
			if t.Namespace == all[i].Namespace() {
				return cloister.Errorf(cloister.Invalid, "The credential %s is attached as %s. Detach it first with `addons:detach %s`.", name, t.Name, t.Name)
			}
		}
		all[i].State = cloister.CredentialRevoking
		return tx.UpdateCredential(all[i])
	})
}

// SetAddon changes settings of the service of an add-on; "" leaves one to the service. Which there are its kind knows.
func (p *Platform) SetAddon(ctx context.Context, a cloister.Actor, ref string, set map[string]string) (AddonInfo, error) {
	return p.changeData(ctx, a, ref, "set", func(tx *store.Tx, x *AddonInfo, _ []cloister.Credential) error {
		x.Settings = maps.Clone(x.Settings)
		for name, value := range set {
			if p.config.CheckSetting != nil {
				if err := p.config.CheckSetting(x.Service.Kind, name, value); err != nil {
					return err
				}
			}
			if x.Settings[name] = value; value == "" {
				delete(x.Settings, name)
			}
		}
		return nil
	})
}

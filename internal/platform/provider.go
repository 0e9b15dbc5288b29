package platform

import (
	"context"
	"crypto/subtle"
	"fmt"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A Vendor is the provider of a service, as a caller: of all its add-ons, or of the one that its token is for.
type Vendor struct {
	Service cloister.AddonService
	AddonID string // "": all
}

// Vendor finds out which provider calls, by the id and the password of its manifest or, with an empty id, by a token for one
// add-on. from is the address of the caller, from which it may be tried only so often (RateLimit).
func (p *Platform) Vendor(ctx context.Context, from, id string, secret cloister.Secret) (v Vendor, err error) {
	if id != "" {
		if err := p.slow(from); err != nil {
			return v, err
		}
	}
	err = p.store.View(ctx, func(tx *store.Tx) error {
		if id != "" {
			v.Service, err = tx.Service(id)
			if err == nil && (v.Service.Kind != "partner" || !sameSecret(v.Service.Provider.Password, secret)) {
				err = cloister.Missing("addon_service")
			}
		} else {
			var t cloister.AddonToken
			if t, err = tx.AddonToken(cloister.AddonAccess, secret.Hash()); err != nil {
				return err
			}
			var a cloister.Addon
			if a, err = tx.Addon(t.AddonID); err != nil {
				return err
			}
			v.AddonID = a.ID
			v.Service, err = tx.Service(a.ServiceID)
		}
		return err
	})
	if cloister.KindOf(err) == cloister.NotFound {
		err = cloister.Errorf(cloister.Unauthorized, "No provider has these credentials. Use the id and the password of the manifest, or a token of the add-on.")
	}
	return v, err
}

func sameSecret(a, b cloister.Secret) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a.Hash()), []byte(b.Hash())) == 1
}

// vended finds an add-on for its provider.
func vended(tx *store.Tx, v Vendor, ref string) (AddonInfo, error) {
	a, err := tx.Addon(strings.ToLower(ref))
	if err != nil {
		return AddonInfo{}, err
	}
	if a.ServiceID != v.Service.ID || v.AddonID != "" && v.AddonID != a.ID {
		return AddonInfo{}, cloister.Missing("add_on")
	}
	return addonInfo(tx, a)
}

// Vended finds an add-on for its provider, with the config vars that it gives, under the names that the provider has for them.
func (p *Platform) Vended(ctx context.Context, v Vendor, ref string) (out AddonInfo, vars map[string]cloister.Secret, err error) {
	err = p.store.View(ctx, func(tx *store.Tx) error {
		if out, err = vended(tx, v, ref); err != nil {
			return err
		}
		vars, err = tx.AddonConfig(out.ID, "")
		return err
	})
	return out, vars, err
}

// Vend changes config vars that an add-on gives, on behalf of its provider; nil takes one away. Its apps hear of it once it is
// provisioned.
func (p *Platform) Vend(ctx context.Context, v Vendor, ref string, change map[string]*cloister.Secret) (vars map[string]cloister.Secret, err error) {
	var bound []store.Bound
	err = p.vend(ctx, v, ref, func(tx *store.Tx, x *AddonInfo) error {
		was, err := tx.AddonConfig(x.ID, "")
		if err != nil {
			return err
		}
		if was == nil {
			was = map[string]cloister.Secret{}
		}
		for name := range change {
			if name != x.Service.Prefix && !strings.HasPrefix(name, x.Service.Prefix+"_") {
				return cloister.Errorf(cloister.Invalid, "Config var %q is not one of %s: its names begin with %s_.", name, x.Service.Name, x.Service.Prefix)
			}
		}
		vars, _, _ = cloister.ChangeConfig(was, change)
		if err := cloister.ValidConfig(vars); err != nil {
			return err
		}
		if x.State != cloister.Provisioned {
			return tx.PutAddonConfig(x.ID, "", vars)
		}
		bound, err = tx.Bind(x.Addon, x.Service, map[string]map[string]cloister.Secret{"": vars}, p.vendor(x.Service), func(t cloister.Attachment, _ []string) string {
			return fmt.Sprintf("Update %s by %s", t.Name, x.Service.Name)
		})
		return err
	})
	if err == nil {
		p.tellBound(bound, v.Service)
	}
	return vars, err
}

// Vending records that the provider of an add-on is through with making it, or could not make it; or, where it is being
// destroyed, with that. It may be repeated.
func (p *Platform) Vending(ctx context.Context, v Vendor, ref string, made bool) (out AddonInfo, err error) {
	var bound []store.Bound
	err = p.vend(ctx, v, ref, func(tx *store.Tx, x *AddonInfo) error {
		bound = nil
		switch {
		case made && x.State == cloister.Provisioning:
			vars, err := tx.AddonConfig(x.ID, "")
			if err != nil {
				return err
			}
			x.State = cloister.Provisioned
			bound, err = tx.Bind(x.Addon, x.Service, map[string]map[string]cloister.Secret{"": vars}, p.vendor(x.Service), func(_ cloister.Attachment, names []string) string {
				return fmt.Sprintf("@ref:%s completed provisioning, setting %s.", x.Name, strings.Join(names, ", "))
			})
			if err != nil {
				return err
			}
		case !made && x.State == cloister.Provisioning:
			attached, err := tx.AttachmentsOf(x.ID)
			if err != nil {
				return err
			}
			for _, t := range attached {
				if err := tx.DeleteAttachment(t.ID); err != nil {
					return err
				}
			}
			x.State, x.Message = cloister.Deprovisioned, "Its provider could not make it."
		case made && x.State == cloister.Provisioned, !made && x.State != cloister.Provisioned:
		default:
			return cloister.Errorf(cloister.Invalid, "%s is %s.", x.Name, x.State)
		}
		out = *x
		return tx.UpdateAddon(x.Addon)
	})
	if err == nil {
		p.tellBound(bound, v.Service)
	}
	return out, err
}

// vend changes an add-on on behalf of its provider.
func (p *Platform) vend(ctx context.Context, v Vendor, ref string, fn func(*store.Tx, *AddonInfo) error) error {
	return p.store.Update(ctx, func(tx *store.Tx) error {
		tx.Actor = p.vendor(v.Service)
		x, err := vended(tx, v, ref)
		if err != nil {
			return err
		}
		was := x.Addon
		if err := fn(tx, &x); err != nil {
			return err
		}
		return tx.Changed("addon", x.ID, "update", x.Name, shown(was), shown(x.Addon))
	})
}

// vendor is who makes releases on behalf of a provider.
func (p *Platform) vendor(s cloister.AddonService) string {
	return s.Name + "@addons." + p.config.AppDomain
}

func (p *Platform) tellBound(bound []store.Bound, s cloister.AddonService) {
	for _, b := range bound {
		p.config.Log(b.App.ID, b.Release.Description+" by user "+p.vendor(s))
		p.config.Log(b.App.ID, fmt.Sprintf("Release v%d created by user %s", b.Release.Version, p.vendor(s)))
	}
}

// An AddonTokens is what a provider acts on an add-on with.
type AddonTokens struct {
	AddonID         string
	Access, Refresh cloister.Secret
}

// vendorTokens gives the provider of an add-on its tokens for the code or the refresh token that it has, if secret is the
// password of its manifest.
func vendorTokens(tx *store.Tx, kind cloister.AddonTokenKind, secret, code cloister.Secret) (out AddonTokens, err error) {
	t, err := tx.AddonToken(kind, code.Hash())
	if err != nil {
		return out, err
	}
	a, err := tx.Addon(t.AddonID)
	if err != nil {
		return out, err
	}
	s, err := tx.Service(a.ServiceID)
	if err != nil {
		return out, err
	}
	if !sameSecret(s.Provider.Password, secret) {
		return out, cloister.Missing("token")
	}
	out = AddonTokens{AddonID: a.ID, Access: cloister.NewToken(), Refresh: code}
	if kind == cloister.AddonGrant {
		if err := tx.DeleteAddonToken(t); err != nil {
			return out, err
		}
		out.Refresh = cloister.NewToken()
		if err := tx.InsertAddonToken(cloister.AddonToken{Hash: out.Refresh.Hash(), AddonID: a.ID, Kind: cloister.AddonRefresh, ExpiresAt: tx.Now.Add(cloister.RefreshLife)}); err != nil {
			return out, err
		}
	}
	return out, tx.InsertAddonToken(cloister.AddonToken{Hash: out.Access.Hash(), AddonID: a.ID, Kind: cloister.AddonAccess, ExpiresAt: tx.Now.Add(cloister.AccessLife)})
}

// VendorTokens is what Exchange and Refresh are for people's programs, for the provider of an add-on: refresh tells which.
// NotFound means that the code is not of that sort, or the secret not that of its provider.
func (p *Platform) VendorTokens(ctx context.Context, from string, refresh bool, secret, code cloister.Secret) (out AddonTokens, err error) {
	if err := p.slow(from); err != nil {
		return out, err
	}
	kind := map[bool]cloister.AddonTokenKind{true: cloister.AddonRefresh, false: cloister.AddonGrant}[refresh]
	err = p.store.Update(ctx, func(tx *store.Tx) error {
		out, err = vendorTokens(tx, kind, secret, code)
		return err
	})
	return out, err
}

// An SSOVisit is who wants to go to the page of which add-on at its provider.
type SSOVisit struct {
	Addon AddonInfo
	User  cloister.User
}

// AddonSSO finds an add-on of a provider for somebody who wants to go to its page there.
func (p *Platform) AddonSSO(ctx context.Context, a cloister.Actor, app, ref string) (out SSOVisit, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		x, err := p.addon(tx, a, app, ref, readApp)
		out = SSOVisit{Addon: x, User: a.User}
		return err
	})
	return out, err
}

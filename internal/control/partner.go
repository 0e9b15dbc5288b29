package control

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Partners call the providers of add-ons that are not Cloister's own.
type Partners interface {
	// Provision has the provider make an add-on. It may be repeated.
	Provision(ctx context.Context, s cloister.AddonService, a cloister.Addon, plan string, grant cloister.Secret, expires time.Time) (Provided, error)
	// ChangePlan has it give another plan to one. It may be repeated.
	ChangePlan(ctx context.Context, s cloister.AddonService, a cloister.Addon, plan string) (Provided, error)
	// Deprovision has it end one. It may be repeated. pending tells that the provider will say when it is through.
	Deprovision(ctx context.Context, s cloister.AddonService, a cloister.Addon) (pending bool, err error)
}

// Provided is what a provider has answered.
type Provided struct {
	ID      string // of the add-on at the provider
	Message string
	Pending bool // it is not through
	Config  map[string]cloister.Secret
	Drain   cloister.Secret // where it wants the log of the app; "": nowhere
}

const (
	grantLife       = 5 * time.Minute // of a grant
	provisionWithin = 12 * time.Hour  // or the add-on is given up
	failedStays     = time.Hour       // for whoever asks what became of an add-on that could not be made
	givenPlan       = "plan"          // among the secrets of an add-on: the name of the plan that its provider has given it
	givenDrain      = "drain"         // … the id of the drain that it has
)

// stepPartner looks after an add-on that somebody else provides.
func (c *Control) stepPartner(ctx context.Context, s addonState) (time.Duration, error) {
	if c.config.Partners == nil {
		return 0, cloister.Errorf(cloister.Unsupported, "This server calls no providers of add-ons.")
	}
	switch a := s.addon; {
	case a.State == cloister.Deprovisioned: // it could not be made
		if left := a.UpdatedAt.Add(failedStays).Sub(time.Now()); left > 0 {
			return left, nil
		}
		return 0, c.forgetAddon(ctx, s)
	case a.State == cloister.Deprovisioning:
		return c.deprovision(ctx, s)
	case a.State == cloister.Provisioning && a.ProviderID == "":
		return c.provision(ctx, s)
	case a.State == cloister.Provisioning:
		if left := a.CreatedAt.Add(provisionWithin).Sub(time.Now()); left > 0 {
			return left, nil // its provider will tell
		}
		return 0, c.giveUp(ctx, s, "Its provider has not made it within 12 hours.")
	case a.Changing:
		return 0, c.changePlan(ctx, s)
	}
	return 0, nil
}

// provision asks the provider for an add-on. Whatever its answer is lost in, the next step asks for the same one.
func (c *Control) provision(ctx context.Context, s addonState) (time.Duration, error) {
	grant := cloister.NewToken()
	expires := time.Now().Add(grantLife)
	if err := c.store.Update(ctx, func(tx *store.Tx) error {
		return tx.InsertAddonToken(cloister.AddonToken{Hash: grant.Hash(), AddonID: s.addon.ID, Kind: cloister.AddonGrant, ExpiresAt: expires})
	}); err != nil {
		return 0, err
	}
	out, err := c.config.Partners.Provision(ctx, s.service, s.addon, s.plan.Name, grant, expires)
	if cloister.KindOf(err) == cloister.Invalid || err != nil && time.Now().After(s.addon.CreatedAt.Add(provisionWithin)) {
		return 0, c.giveUp(ctx, s, cloister.MessageOf(err))
	}
	if err != nil {
		return 0, err
	}
	return 0, c.provided(ctx, s, out, func(now *cloister.Addon) {
		now.ProviderID, now.Message = out.ID, out.Message
		if now.State == cloister.Provisioning && !out.Pending {
			now.State = cloister.Provisioned
		}
	})
}

// changePlan asks the provider for another plan. If it will not, the add-on keeps the one it has.
func (c *Control) changePlan(ctx context.Context, s addonState) error {
	out, err := c.config.Partners.ChangePlan(ctx, s.service, s.addon, s.plan.Name)
	if cloister.KindOf(err) == cloister.Invalid {
		c.logs.Platform(s.addon.AppID, "api", time.Now(), "The plan of "+s.addon.Name+" was not changed: "+cloister.MessageOf(err))
		return c.store.Update(ctx, func(tx *store.Tx) error {
			now, lookup := tx.Addon(s.addon.ID)
			if lookup != nil || now.PlanID != s.addon.PlanID {
				return lookup
			}
			was, lookup := tx.Plan(now.ServiceID, now.Secrets[givenPlan].Reveal())
			if lookup != nil {
				return lookup
			}
			now.PlanID, now.Changing, now.Message = was.ID, false, cloister.MessageOf(err)
			return tx.UpdateAddon(now)
		})
	}
	if err != nil {
		return err
	}
	return c.provided(ctx, s, out, func(now *cloister.Addon) {
		now.Message = out.Message
		now.Changing = now.PlanID != s.addon.PlanID // it may have been changed again
	})
}

// provided records what a provider has answered, and tells the apps.
func (c *Control) provided(ctx context.Context, s addonState, out Provided, change func(*cloister.Addon)) error {
	say := func() {}
	err := c.store.Update(ctx, func(tx *store.Tx) error {
		now, err := tx.Addon(s.addon.ID)
		if err != nil {
			return err
		}
		was := now.State
		change(&now)
		now.Secrets = maps.Clone(now.Secrets)
		now.Secrets[givenPlan] = cloister.Secret(s.plan.Name)
		if err := c.drainTo(tx, &now, out.Drain); err != nil {
			return err
		}
		if out.Config != nil {
			why := updated(s.service)
			if was == cloister.Provisioning {
				why = completed(now)
			}
			if say, err = c.bind(tx, s, map[string]map[string]cloister.Secret{"": out.Config}, why); err != nil {
				return err
			}
		}
		return tx.UpdateAddon(now)
	})
	if gone(err, "add_on") { // with its team
		return nil
	}
	if err == nil {
		say()
	}
	return err
}

// drainTo sends the log of an add-on's app to where its provider wants it.
func (c *Control) drainTo(tx *store.Tx, a *cloister.Addon, to cloister.Secret) error {
	if to == "" || a.Secrets[givenDrain] != "" {
		return nil
	}
	if _, err := tx.App(a.AppID); err != nil {
		return nil // it is gone, and the add-on soon
	}
	url, err := cloister.ParseDrainURL(to.Reveal())
	if err != nil {
		return err
	}
	d := cloister.Drain{ID: cloister.NewID(), AppID: a.AppID, URL: url, Token: "d." + a.ID, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	if err := tx.InsertDrain(d); err != nil {
		return err
	}
	a.Secrets[givenDrain] = cloister.Secret(d.ID)
	return tx.Touch("app", a.AppID)
}

// giveUp ends an add-on that could not be made. Since its provider may have made it all the same, that is told too.
func (c *Control) giveUp(ctx context.Context, s addonState, why string) error {
	if _, err := c.config.Partners.Deprovision(ctx, s.service, s.addon); err != nil && cloister.KindOf(err) != cloister.Invalid {
		return err
	}
	c.logs.Platform(s.addon.AppID, "api", time.Now(), s.addon.Name+" could not be provisioned: "+why)
	return c.store.Update(ctx, func(tx *store.Tx) error {
		now, err := tx.Addon(s.addon.ID)
		if err != nil || now.State == cloister.Deprovisioning {
			return err
		}
		if err := detachAll(tx, now); err != nil {
			return err
		}
		now.State, now.Message = cloister.Deprovisioned, why
		return tx.UpdateAddon(now)
	})
}

// detachAll takes an add-on that gives nothing from the apps that it is attached to.
func detachAll(tx *store.Tx, a cloister.Addon) error {
	attached, err := tx.AttachmentsOf(a.ID)
	for _, t := range attached {
		err = errors.Join(err, tx.DeleteAttachment(t.ID))
	}
	return err
}

// deprovision has the provider end an add-on, and forgets it then.
func (c *Control) deprovision(ctx context.Context, s addonState) (time.Duration, error) {
	pending, err := c.config.Partners.Deprovision(ctx, s.service, s.addon)
	if cloister.KindOf(err) == cloister.Invalid { // it will never end it; for us it has ended
		c.log.Error("the provider does not end an add-on", "addon", s.addon.Name, "service", s.service.Name, "err", err)
		err = nil
	}
	if err != nil {
		return 0, err
	}
	if pending {
		return time.Minute, nil
	}
	return 0, c.forgetAddon(ctx, s)
}

// forgetAddon removes an add-on that has ended, with the drain of its provider.
func (c *Control) forgetAddon(ctx context.Context, s addonState) error {
	err := c.store.Update(ctx, func(tx *store.Tx) error {
		if d := s.addon.Secrets[givenDrain].Reveal(); d != "" {
			if err := tx.DeleteDrain(d); err != nil && cloister.KindOf(err) != cloister.NotFound {
				return err
			}
			if err := tx.Touch("app", s.addon.AppID); err != nil {
				return err
			}
		}
		return tx.DeleteAddon(s.addon.ID)
	})
	if gone(err, "add_on") {
		return nil
	}
	return err
}

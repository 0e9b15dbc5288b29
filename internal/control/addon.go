package control

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/store"
)

// addonOwner comes before the id of an add-on as the owner of its workloads.
const addonOwner = "addon/"

// An addonState is what the store knows of an add-on.
type addonState struct {
	addon       cloister.Addon
	service     cloister.AddonService
	plan        cloister.Plan
	space       cloister.Space // that it is inside of
	instances   []cloister.Instance
	credentials []cloister.Credential
}

// spec is an add-on as the kind of its service takes it.
func (s addonState) spec(zones int) addon.Spec {
	return addon.Spec{Addon: s.addon, Plan: s.plan, Space: s.space, Instances: s.instances, Credentials: s.credentials, Zones: zones}
}

// stepAddon brings an add-on closer to what its owner asked for.
func (c *Control) stepAddon(ctx context.Context, id string) (time.Duration, error) {
	s, err := c.addonState(ctx, id)
	if gone(err, "add_on") {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	if kind, ok := c.config.Kinds[s.service.Kind]; ok {
		return c.stepData(ctx, s, kind)
	}
	switch s.service.Kind {
	case "scheduler":
		return 0, c.stepScheduler(ctx, s)
	case "partner":
		return c.stepPartner(ctx, s)
	}
	return 0, cloister.Errorf(cloister.Unsupported, "Nothing here makes add-ons of %s.", s.service.Name)
}

func (c *Control) addonState(ctx context.Context, id string) (s addonState, err error) {
	err = c.store.View(ctx, func(tx *store.Tx) error {
		if s.addon, err = tx.Addon(id); err != nil {
			return err
		}
		if s.service, err = tx.Service(s.addon.ServiceID); err != nil {
			return err
		}
		if s.plan, err = tx.Plan(s.addon.ServiceID, s.addon.PlanID); err != nil {
			return err
		}
		if s.addon.SpaceID != "" {
			if s.space, err = tx.Space(s.addon.SpaceID); err != nil {
				return err
			}
		}
		if s.instances, err = tx.Instances(id); err != nil {
			return err
		}
		s.credentials, err = tx.Credentials(id)
		return err
	})
	return s, err
}

// stepScheduler looks after the scheduler of an app, which is nothing but a row: it is there, or gone, at once, and its jobs with it.
func (c *Control) stepScheduler(ctx context.Context, s addonState) error {
	return c.store.Update(ctx, func(tx *store.Tx) error {
		now, err := tx.Addon(s.addon.ID)
		switch {
		case gone(err, "add_on"):
			return nil
		case err != nil:
			return err
		case now.State == cloister.Deprovisioning:
			if err := tx.DeleteJobs(now.AppID); err != nil {
				return err
			}
			return tx.DeleteAddon(now.ID)
		case now.State == cloister.Provisioned && !now.Changing:
			return nil
		}
		now.State, now.Changing = cloister.Provisioned, false
		return tx.UpdateAddon(now)
	})
}

// bind writes what apps get of an add-on, as tx.Bind does, and returns what to say in their logs once it is so.
func (c *Control) bind(tx *store.Tx, s addonState, config map[string]map[string]cloister.Secret, why func(cloister.Attachment, []string) string) (func(), error) {
	user := s.service.Name + "@addons." + c.config.AppDomain
	bound, err := tx.Bind(s.addon, s.service, config, user, why)
	return func() {
		for _, b := range bound {
			c.logs.Platform(b.App.ID, "api", time.Now(), b.Release.Description+" by user "+user)
			c.logs.Platform(b.App.ID, "api", time.Now(), fmt.Sprintf("Release v%d created by user %s", b.Release.Version, user))
		}
	}, err
}

// completed describes the release by which the apps of an add-on hear that it is there.
func completed(addon cloister.Addon) func(cloister.Attachment, []string) string {
	return func(_ cloister.Attachment, names []string) string {
		return fmt.Sprintf("@ref:%s completed provisioning, setting %s.", addon.Name, strings.Join(names, ", "))
	}
}

// updated describes one by which they hear that it has changed.
func updated(service cloister.AddonService) func(cloister.Attachment, []string) string {
	return func(t cloister.Attachment, _ []string) string {
		return fmt.Sprintf("Update %s by %s", t.Name, service.Name)
	}
}

// stock puts those services into the catalogue that Cloister makes add-ons of itself, as far as they are not there. What
// operators have decided about them stays.
func (c *Control) stock(ctx context.Context) error {
	return c.store.Update(ctx, func(tx *store.Tx) error {
		for _, x := range cloister.Catalogue {
			if _, made := c.config.Kinds[x.Service.Kind]; !made && x.Service.Kind != "scheduler" {
				continue
			}
			s, err := tx.Service(x.Service.Name)
			if cloister.KindOf(err) == cloister.NotFound {
				s = x.Service
				s.ID, s.State, s.CreatedAt, s.UpdatedAt = cloister.NewID(), cloister.ServiceOffered, tx.Now, tx.Now
				err = tx.InsertService(s)
			}
			if err != nil {
				return err
			}
			for _, p := range x.Plans {
				if _, err := tx.Plan(s.ID, p.Name); cloister.KindOf(err) != cloister.NotFound {
					if err != nil {
						return err
					}
					continue
				}
				p.ID, p.ServiceID, p.CreatedAt, p.UpdatedAt = cloister.NewID(), s.ID, tx.Now, tx.Now
				if err := tx.PutPlan(p); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

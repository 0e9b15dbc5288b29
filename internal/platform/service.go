package platform

import (
	"context"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A PlanInfo is a plan with its service.
type PlanInfo struct {
	cloister.Plan
	Service cloister.AddonService
}

// Services lists what add-ons can be made of, by name.
func (p *Platform) Services(ctx context.Context, a cloister.Actor) (out []cloister.AddonService, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		out, err = tx.Services()
		return err
	})
	return out, err
}

// Service finds an add-on service by id or name.
func (p *Platform) Service(ctx context.Context, a cloister.Actor, ref string) (s cloister.AddonService, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		s, err = tx.Service(strings.ToLower(ref))
		return err
	})
	return s, err
}

// Plans lists the plans of a service, the cheapest first.
func (p *Platform) Plans(ctx context.Context, a cloister.Actor, service string) (out []PlanInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		s, err := tx.Service(strings.ToLower(service))
		if err != nil {
			return err
		}
		all, err := tx.Plans(s.ID)
		for _, plan := range all {
			out = append(out, PlanInfo{plan, s})
		}
		return err
	})
	return out, err
}

// Plan finds a plan of a service by its id or name: "private-0" or "heroku-postgresql:private-0".
func (p *Platform) Plan(ctx context.Context, a cloister.Actor, service, ref string) (out PlanInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		if out.Service, err = tx.Service(strings.ToLower(service)); err != nil {
			return err
		}
		out.Plan, err = tx.Plan(out.Service.ID, strings.TrimPrefix(strings.ToLower(ref), out.Service.Name+":"))
		return err
	})
	return out, err
}

// A Capability says that there is something of a service in a region, and whether inside spaces there.
type Capability struct {
	ID      string
	Service cloister.AddonService
	Region  cloister.Region
	Inside  bool
}

// Capabilities lists what there is of all services in all regions, or of one of either.
func (p *Platform) Capabilities(ctx context.Context, a cloister.Actor, service, region string) (out []Capability, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		out = nil
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		services, err := tx.Services()
		if err != nil {
			return err
		}
		if service != "" {
			one, err := tx.Service(strings.ToLower(service))
			if err != nil {
				return err
			}
			services = []cloister.AddonService{one}
		}
		regions := p.config.Regions
		if region != "" {
			one, err := p.region(region)
			if err != nil {
				return err
			}
			regions = []cloister.Region{one}
		}
		for _, s := range services {
			plans, err := tx.Plans(s.ID)
			if err != nil {
				return err
			}
			for _, r := range regions {
				here := slices.DeleteFunc(slices.Clone(plans), func(plan cloister.Plan) bool { return !plan.In(r.Name) })
				if len(here) == 0 {
					continue
				}
				out = append(out, Capability{ID: cloister.NameID("capability", s.ID+r.ID), Service: s, Region: r,
					Inside: slices.ContainsFunc(here, func(plan cloister.Plan) bool { return plan.Inside })})
			}
		}
		return nil
	})
	return out, err
}

// A ServiceSpec is what the manifest of a provider says about its service.
type ServiceSpec struct {
	Service cloister.AddonService
	Plans   []cloister.Plan
}

// PutService adds the service of a provider to the catalogue, or changes what its provider says about it. Plans that are not
// there any more go, unless there are add-ons of them.
func (p *Platform) PutService(ctx context.Context, a cloister.Actor, in ServiceSpec) (s cloister.AddonService, plans []cloister.Plan, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		was, err := tx.Service(in.Service.Name)
		s = in.Service
		switch {
		case cloister.KindOf(err) == cloister.NotFound:
			s.ID, s.State, s.CreatedAt, s.UpdatedAt = cloister.NewID(), cloister.ServiceOffered, tx.Now, tx.Now
			err = tx.InsertService(s)
		case err != nil:
		case was.Kind != "partner":
			err = cloister.Errorf(cloister.Invalid, "The service %s is Cloister's own. Give the manifest another id.", s.Name)
		default:
			s.ID, s.State, s.CreatedAt, s.UpdatedAt = was.ID, was.State, was.CreatedAt, tx.Now
			err = tx.UpdateService(s)
		}
		if err != nil {
			return err
		}
		if plans, err = putPlans(tx, s, in.Plans); err != nil {
			return err
		}
		return tx.Changed("addon_service", s.ID, "update", s.Name, was, s)
	})
	return s, plans, err
}

// putPlans has a service have just these plans.
func putPlans(tx *store.Tx, s cloister.AddonService, want []cloister.Plan) ([]cloister.Plan, error) {
	old, err := tx.Plans(s.ID)
	if err != nil {
		return nil, err
	}
	keep := map[string]bool{}
	for _, plan := range want {
		plan.ID, plan.ServiceID, plan.CreatedAt = cloister.NewID(), s.ID, tx.Now
		if err := tx.PutPlan(plan); err != nil {
			return nil, err
		}
		keep[plan.Name] = true
	}
	for _, plan := range old {
		if keep[plan.Name] {
			continue
		}
		used, err := tx.Addons(store.AddonFilter{Service: s.ID})
		if err != nil {
			return nil, err
		}
		for _, addon := range used {
			if addon.PlanID == plan.ID {
				return nil, cloister.Errorf(cloister.Invalid, "The manifest lacks plan %s, of which there are add-ons, such as %s. Keep it, or change their plan first.", plan.Name, addon.Name)
			}
		}
		if err := tx.DeletePlan(plan.ID); err != nil {
			return nil, err
		}
	}
	return tx.Plans(s.ID)
}

// RemoveService takes the service of a provider out of the catalogue, once there are no add-ons of it.
func (p *Platform) RemoveService(ctx context.Context, a cloister.Actor, ref string) (s cloister.AddonService, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		if s, err = tx.Service(strings.ToLower(ref)); err != nil {
			return err
		}
		if s.Kind != "partner" {
			return cloister.Errorf(cloister.Invalid, "The service %s is Cloister's own and stays. `addon-services:shutdown` offers no new add-ons of it.", s.Name)
		}
		used, err := tx.Addons(store.AddonFilter{Service: s.ID})
		if err != nil {
			return err
		}
		if len(used) > 0 {
			return cloister.Errorf(cloister.Invalid, "There are %d add-ons of %s, such as %s. Destroy them first.", len(used), s.Name, used[0].Name)
		}
		if err := tx.DeleteService(s.ID); err != nil {
			return err
		}
		return tx.Changed("addon_service", s.ID, "destroy", s.Name, s, nil)
	})
	return s, err
}

// OfferService says whether there are to be new add-ons of a service.
func (p *Platform) OfferService(ctx context.Context, a cloister.Actor, ref string, offered bool) (s cloister.AddonService, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		if s, err = tx.Service(strings.ToLower(ref)); err != nil {
			return err
		}
		was := s
		if s.State = cloister.ServiceShutdown; offered {
			s.State = cloister.ServiceOffered
		}
		if err := tx.UpdateService(s); err != nil {
			return err
		}
		return tx.Changed("addon_service", s.ID, "update", s.Name, was, s)
	})
	return s, err
}

// A PlanChange is what an operator decides about a plan; nil leaves it as it is.
type PlanChange struct {
	Cents   *int      // a month
	Regions *[]string // empty: everywhere
}

// ChangePlan sets the price of a plan, and where it is to be had. Add-ons that are there stay.
func (p *Platform) ChangePlan(ctx context.Context, a cloister.Actor, service, ref string, in PlanChange) (out PlanInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		if out.Service, err = tx.Service(strings.ToLower(service)); err != nil {
			return err
		}
		if out.Plan, err = tx.Plan(out.Service.ID, strings.ToLower(ref)); err != nil {
			return err
		}
		was := out.Plan
		if in.Cents != nil {
			if out.Cents = *in.Cents; out.Cents < 0 {
				return cloister.Errorf(cloister.Invalid, "A price of %d cents is below nothing.", out.Cents)
			}
		}
		if in.Regions != nil {
			for _, name := range *in.Regions {
				if _, err := p.region(name); err != nil {
					return err
				}
			}
			if out.Regions = *in.Regions; len(out.Regions) == 0 {
				out.Regions = nil
			}
		}
		if err := tx.PutPlan(out.Plan); err != nil {
			return err
		}
		return tx.Changed("plan", out.ID, "update", out.Service.Name+":"+out.Name, was, out.Plan)
	})
	return out, err
}

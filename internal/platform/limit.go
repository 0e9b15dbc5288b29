package platform

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A LimitInfo is a limit of a space, and how much of it is used.
type LimitInfo struct {
	cloister.Limit
	Value int
	Use   int // by the space, or by whichever of its apps or process types uses most
}

// Limits lists the limits of a space, for the people of its team and for operators.
func (p *Platform) Limits(ctx context.Context, a cloister.Actor, ref string) (out []LimitInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		s, err := p.limited(tx, a, ref)
		if err != nil {
			return err
		}
		out, err = p.limits(tx, s)
		return err
	})
	return out, err
}

// limited finds a space for who may look at its limits.
func (p *Platform) limited(tx *store.Tx, a cloister.Actor, ref string) (cloister.Space, error) {
	s, err := p.space(tx, a, ref, viewSpace)
	if err == nil || p.can(tx, a, administer, object{}) != nil {
		return s.Space, err
	}
	return tx.Space(ref)
}

func (p *Platform) limits(tx *store.Tx, s cloister.Space) (out []LimitInfo, err error) {
	set, err := tx.Limits(s.ID)
	if err != nil {
		return nil, err
	}
	use, err := limitUse(tx, s)
	for _, l := range cloister.Limits {
		out = append(out, LimitInfo{Limit: l, Value: set.Of(l.Name), Use: use[l.Name]})
	}
	return out, err
}

// limitUse counts what the limits are about.
func limitUse(tx *store.Tx, s cloister.Space) (map[cloister.LimitName]int, error) {
	use := map[cloister.LimitName]int{}
	apps, err := tx.Apps(store.AppFilter{Space: s.ID})
	if err != nil {
		return nil, err
	}
	use[cloister.LimitApps] = len(apps)
	types, err := tx.SpaceFormation(s.ID)
	if err != nil {
		return nil, err
	}
	perApp := map[string]int{}
	for _, t := range types {
		perApp[t.AppID]++
		use[cloister.LimitDynosPerType] = max(use[cloister.LimitDynosPerType], t.Quantity)
		use[cloister.LimitProcessTypes] = max(use[cloister.LimitProcessTypes], perApp[t.AppID])
	}
	if use[cloister.LimitDynos], err = tx.CountWanted(s.ID); err != nil {
		return nil, err
	}
	for _, size := range cloister.DynoSizes {
		n, err := tx.CountRuns(s.ID, size.Name)
		if err != nil {
			return nil, err
		}
		use[cloister.LimitOneOffs] = max(use[cloister.LimitOneOffs], n)
	}
	for _, app := range apps {
		drains, err := tx.Drains(app.ID)
		if err != nil {
			return nil, err
		}
		use[cloister.LimitDrains] = max(use[cloister.LimitDrains], len(drains))
		hooks, err := tx.Webhooks(app.ID)
		if err != nil {
			return nil, err
		}
		use[cloister.LimitWebhooks] = max(use[cloister.LimitWebhooks], len(hooks))
		jobs, err := tx.Jobs(app.ID)
		if err != nil {
			return nil, err
		}
		use[cloister.LimitJobs] = max(use[cloister.LimitJobs], len(jobs))
	}
	inside, err := tx.Addons(store.AddonFilter{Space: s.ID})
	if err != nil {
		return nil, err
	}
	use[cloister.LimitAddons] = len(inside)
	rules, err := tx.Ruleset(s.ID)
	if err != nil {
		return nil, err
	}
	use[cloister.LimitTrustedRanges] = len(rules.Sources)
	out, err := tx.EgressRuleset(s.ID)
	if err != nil && cloister.KindOf(err) != cloister.NotFound {
		return nil, err
	}
	use[cloister.LimitOutboundRules] = len(out.Rules)
	peerings, err := tx.Peerings(s.ID)
	for _, x := range peerings {
		if x.Counts(s.ID) {
			use[cloister.LimitPeerings]++
		}
	}
	return use, err
}

// SetLimits sets limits of a space; nil gives one its default again. What is above a limit now stays, and only nothing
// more is added. Operators only.
func (p *Platform) SetLimits(ctx context.Context, a cloister.Actor, ref string, change map[string]*int) (out []LimitInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		s, err := tx.Space(ref)
		if err == nil && s.State == cloister.Deleting {
			err = cloister.Missing("space")
		}
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(change)) {
			if err := setLimit(tx, s, name, change[name]); err != nil {
				return err
			}
		}
		out, err = p.limits(tx, s)
		return err
	})
	return out, err
}

func setLimit(tx *store.Tx, s cloister.Space, name string, value *int) error {
	l, err := cloister.LimitByName(name)
	if err != nil {
		return err
	}
	limits, err := tx.Limits(s.ID)
	if err != nil {
		return err
	}
	before := map[string]int{name: limits.Of(l.Name)}
	if value == nil {
		if err := tx.DeleteLimit(s.ID, l.Name); err != nil {
			return err
		}
		return tx.Changed("limit", s.ID, "destroy", name+" of "+s.Name, before, map[string]int{name: l.Default})
	}
	if err := l.Valid(*value); err != nil {
		return err
	}
	if err := tx.SetLimit(s.ID, l.Name, *value); err != nil {
		return err
	}
	return tx.Changed("limit", s.ID, "update", fmt.Sprintf("%s of %s is %d", name, s.Name, *value), before, map[string]int{name: *value})
}

// allow refuses what would take a space, or what of it is called who, over a limit.
func allow(tx *store.Tx, s cloister.Space, name cloister.LimitName, who string, use, want int) error {
	limits, err := tx.Limits(s.ID)
	if err != nil {
		return err
	}
	return limits.Allow(name, s.Name, who, use, want)
}

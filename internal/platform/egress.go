package platform

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// EgressRuleset is the newest version of the rules of a space's way out.
func (p *Platform) EgressRuleset(ctx context.Context, a cloister.Actor, space string) (s SpaceInfo, r cloister.EgressRuleset, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, space, viewSpace); err != nil {
			return err
		}
		r, err = p.egress(tx, s)
		return err
	})
	return s, r, err
}

// EgressRulesets is the history of the rules of a space's way out, newest first.
func (p *Platform) EgressRulesets(ctx context.Context, a cloister.Actor, space string) (s SpaceInfo, out []cloister.EgressRuleset, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, space, viewSpace); err != nil {
			return err
		}
		out, err = tx.EgressRulesets(s.ID)
		return err
	})
	return s, append(out, firstEgress(s)), err
}

// SetEgress replaces the rules of a space's way out as a whole. With expected, it does so only if the newest version
// is still what the caller expects; it may be asked twice. Team admins only.
func (p *Platform) SetEgress(ctx context.Context, a cloister.Actor, space string, rules []cloister.EgressSpec,
	expected func(SpaceInfo, cloister.EgressRuleset) bool) (s SpaceInfo, r cloister.EgressRuleset, err error) {
	parsed, err := cloister.ParseEgress(rules, cloister.LimitOutboundRules.Most())
	if err != nil {
		return s, r, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, space, manageSpace); err != nil {
			return err
		}
		now, err := p.egress(tx, s)
		if err != nil {
			return err
		}
		if expected != nil && !expected(s, now) {
			return overtaken("outbound rules", s, now.CreatedBy)
		}
		if err := allow(tx, s.Space, cloister.LimitOutboundRules, "Space "+s.Name, len(now.Rules), len(parsed)); err != nil {
			return err
		}
		r = cloister.EgressRuleset{ID: cloister.NewID(), SpaceID: s.ID, Rules: parsed, CreatedBy: a.User.Email, CreatedAt: tx.Now}
		if err := tx.InsertEgressRuleset(r); err != nil {
			return err
		}
		if err := tx.Changed("outbound_rule", s.ID, "update", s.Name, now, r); err != nil {
			return err
		}
		return tx.Touch("space", s.ID)
	})
	return s, r, err
}

func (p *Platform) egress(tx *store.Tx, s SpaceInfo) (cloister.EgressRuleset, error) {
	r, err := tx.EgressRuleset(s.ID)
	if cloister.KindOf(err) == cloister.NotFound {
		return firstEgress(s), nil
	}
	return r, err
}

// firstEgress is the version that every space begins with, which nobody has made.
func firstEgress(s SpaceInfo) cloister.EgressRuleset {
	return cloister.EgressRuleset{ID: cloister.NameID("outbound-ruleset", s.ID), SpaceID: s.ID, Rules: cloister.Anywhere(),
		CreatedAt: s.CreatedAt, Applied: true}
}

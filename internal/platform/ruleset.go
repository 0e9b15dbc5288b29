package platform

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Ruleset is the newest version of a space's trusted ranges.
func (p *Platform) Ruleset(ctx context.Context, a cloister.Actor, space string) (s SpaceInfo, r cloister.Ruleset, err error) {
	err = p.store.View(ctx, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, space, viewSpace); err != nil {
			return err
		}
		r, err = tx.Ruleset(s.ID)
		return err
	})
	return s, r, err
}

// Rulesets is the history of a space's trusted ranges, newest first.
func (p *Platform) Rulesets(ctx context.Context, a cloister.Actor, space string) (s SpaceInfo, out []cloister.Ruleset, err error) {
	err = p.store.View(ctx, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, space, viewSpace); err != nil {
			return err
		}
		out, err = tx.Rulesets(s.ID)
		return err
	})
	return s, out, err
}

// SetTrusted replaces a space's trusted ranges as a whole. Team admins only.
func (p *Platform) SetTrusted(ctx context.Context, a cloister.Actor, space string, sources []string) (s SpaceInfo, r cloister.Ruleset, err error) {
	ranges, err := cloister.ParseTrusted(sources, cloister.MaxTrustedRanges)
	if err != nil {
		return s, r, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, space, manageSpace); err != nil {
			return err
		}
		r = cloister.Ruleset{ID: cloister.NewID(), SpaceID: s.ID, Sources: ranges, CreatedBy: a.User.Email, CreatedAt: tx.Now}
		if err := tx.InsertRuleset(r); err != nil {
			return err
		}
		if err := tx.Event("trusted_ip", s.ID, "update", s.Name); err != nil {
			return err
		}
		return tx.Touch("space", s.ID)
	})
	return s, r, err
}

package platform

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Ruleset is the newest version of a space's trusted ranges.
func (p *Platform) Ruleset(ctx context.Context, a cloister.Actor, space string) (s SpaceInfo, r cloister.Ruleset, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
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
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, space, viewSpace); err != nil {
			return err
		}
		out, err = tx.Rulesets(s.ID)
		return err
	})
	return s, out, err
}

// SetTrusted replaces a space's trusted ranges as a whole. With expected, it does so only if the newest version is
// still what the caller expects; it may be asked twice. Team admins only.
func (p *Platform) SetTrusted(ctx context.Context, a cloister.Actor, space string, sources []string,
	expected func(SpaceInfo, cloister.Ruleset) bool) (s SpaceInfo, r cloister.Ruleset, err error) {
	ranges, err := cloister.ParseTrusted(sources, cloister.LimitTrustedRanges.Most())
	if err != nil {
		return s, r, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, space, manageSpace); err != nil {
			return err
		}
		now, err := tx.Ruleset(s.ID)
		if err != nil {
			return err
		}
		if expected != nil && !expected(s, now) {
			return overtaken("trusted IP ranges", s, now.CreatedBy)
		}
		if err := allow(tx, s.Space, cloister.LimitTrustedRanges, "Space "+s.Name, len(now.Sources), len(ranges)); err != nil {
			return err
		}
		r = cloister.Ruleset{ID: cloister.NewID(), SpaceID: s.ID, Sources: ranges, CreatedBy: a.User.Email, CreatedAt: tx.Now}
		if err := tx.InsertRuleset(r); err != nil {
			return err
		}
		if err := unlabel(tx, s.ID, ranges); err != nil {
			return err
		}
		if err := tx.Changed("trusted_ip", s.ID, "update", s.Name, now, r); err != nil {
			return err
		}
		return tx.Touch("space", s.ID)
	})
	return s, r, err
}

// overtaken is the error for who changes rules that somebody else has changed since they were read.
func overtaken(what string, s SpaceInfo, by string) error {
	if by == "" {
		by = "the platform"
	}
	return cloister.Errorf(cloister.Precondition, "The %s of %s are no longer those that you have read: %s changed them last. Nothing was changed; read them again, and then change them.", what, s.Name, by)
}

// A Rehearsal is whom a set of trusted ranges would cut off, of those who came of late.
type Rehearsal struct {
	Cut   []cloister.Client // by address
	Kept  int
	Since time.Time // since when clients are known; zero: none is
}

// RehearseTrusted tells which recent clients a set of trusted ranges would cut off, and changes nothing. Known is
// false where nobody remembers clients. Team admins only.
func (p *Platform) RehearseTrusted(ctx context.Context, a cloister.Actor, space string, sources []string) (out Rehearsal, known bool, err error) {
	ranges, err := cloister.ParseTrusted(sources, cloister.LimitTrustedRanges.Most())
	if err != nil {
		return out, false, err
	}
	var s SpaceInfo
	if err := p.view(ctx, a, func(tx *store.Tx) error {
		s, err = p.space(tx, a, space, manageSpace)
		return err
	}); err != nil || p.config.Clients == nil {
		return out, false, err
	}
	return rehearse(ranges, p.config.Clients.Recent(s.ID)), true, nil
}

func rehearse(ranges []netip.Prefix, clients []cloister.Client) Rehearsal {
	out := Rehearsal{Cut: cloister.CutOff(clients, ranges)}
	out.Kept = len(clients) - len(out.Cut)
	for _, c := range clients {
		if out.Since.IsZero() || c.First.Before(out.Since) {
			out.Since = c.First
		}
	}
	slices.SortFunc(out.Cut, func(a, b cloister.Client) int {
		return cmp.Or(a.Address.Compare(b.Address), a.First.Compare(b.First))
	})
	return out
}

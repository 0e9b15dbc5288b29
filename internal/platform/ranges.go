package platform

import (
	"context"
	"net/netip"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// SetTeamRanges says from which ranges a team's people may use it, by the API, git, terminals and pages; none: from everywhere.
// Team admins only, from inside.
func (p *Platform) SetTeamRanges(ctx context.Context, a cloister.Actor, ref string, ranges []string) (t cloister.Team, err error) {
	if len(ranges) > cloister.MaxTeamRanges {
		return t, cloister.Errorf(cloister.Invalid, "A team has at most %d trusted ranges, and this set has %d. Merge neighbouring ranges.", cloister.MaxTeamRanges, len(ranges))
	}
	trusted, err := cloister.ParseTrusted(ranges, cloister.MaxTeamRanges)
	if err != nil {
		return t, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if t, err = p.team(tx, a, ref, manageTeam); err != nil {
			return err
		}
		if after := t; len(trusted) > 0 {
			if after.Trusted = trusted; !after.Admits(a.From) {
				return cloister.Errorf(cloister.Invalid, "These ranges leave out the address that you come from, %s, and would lock you out. Add it, or make this change from inside.", a.From)
			}
		}
		return p.setRanges(tx, &t, trusted)
	})
	return t, err
}

// ClearTeamRanges lets a team's people in from everywhere, for a team that has locked itself out. Operators only.
func (p *Platform) ClearTeamRanges(ctx context.Context, a cloister.Actor, ref string) (t cloister.Team, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		if t, err = tx.Team(strings.ToLower(ref)); err != nil {
			return err
		}
		return p.setRanges(tx, &t, nil)
	})
	return t, err
}

func (p *Platform) setRanges(tx *store.Tx, t *cloister.Team, trusted []netip.Prefix) error {
	was := *t
	if t.Trusted = trusted; len(was.Trusted) == 0 && len(trusted) == 0 {
		return nil
	}
	if err := tx.SetTeamTrusted(t.ID, trusted); err != nil {
		return err
	}
	t.UpdatedAt = tx.Now
	return tx.Changed("team", t.ID, "update", "trusted ranges of "+t.Name, was, *t)
}

// shut are the teams, by id, that the actor may not use from where they are.
func shut(tx *store.Tx, a cloister.Actor) (map[string]bool, error) {
	out := map[string]bool{}
	teams, err := tx.ClosedTeams()
	for _, t := range teams {
		if !t.Admits(a.From) {
			out[t.ID] = true
		}
	}
	return out, err
}

package control

import (
	"context"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// networks are the names of the operator's networks.
func (c *Control) networks() (out []string) {
	for _, n := range c.config.Networks {
		out = append(out, n.Name)
	}
	return out
}

// settled records what is in force now that the network of a space is as it was planned: the rules of its way out, and
// its peerings.
func (c *Control) settled(ctx context.Context, s plan.SpaceState) error {
	if s.Egress.ID != "" && !s.Egress.Applied {
		if err := c.store.Update(ctx, func(tx *store.Tx) error { return tx.SetEgressApplied(s.Egress.ID) }); err != nil {
			return err
		}
	}
	now := time.Now()
	if err := c.setPeerings(ctx, s, func(p cloister.Peering) cloister.Peering { return plan.Peering(s, p, now) }); err != nil {
		return err
	}
	for _, p := range s.Peerings {
		if p.State.Ended() && p.UpdatedAt.Before(now.Add(-cloister.PeeringMemory)) {
			return c.store.Update(ctx, func(tx *store.Tx) error {
				return tx.ForgetPeerings(s.Space.ID, tx.Now.Add(-cloister.PeeringMemory))
			})
		}
	}
	return nil
}

// unpeered finds out whether the engine refuses a network because of peerings that are new in it. Then they have
// failed, and the network is made without them.
func (c *Control) unpeered(ctx context.Context, s plan.SpaceState, cause error) error {
	kind := cloister.KindOf(cause)
	fresh := slices.ContainsFunc(s.Peerings, func(p cloister.Peering) bool { return p.State == cloister.PeeringProvisioning })
	if !fresh || kind != cloister.Invalid && kind != cloister.Unsupported {
		return cause
	}
	return c.setPeerings(ctx, s, func(p cloister.Peering) cloister.Peering { return plan.Refused(p, cloister.MessageOf(cause)) })
}

// setPeerings records how far the peerings of a space are. It is judged anew by what the rows are now: what people have
// decided meanwhile holds, and so does what the Step of the other side has found.
func (c *Control) setPeerings(ctx context.Context, s plan.SpaceState, next func(cloister.Peering) cloister.Peering) error {
	for _, seen := range s.Peerings {
		if sameState(next(seen), seen) {
			continue
		}
		var was, p cloister.Peering
		err := c.store.Update(ctx, func(tx *store.Tx) (err error) {
			was, err = tx.Peering(seen.ID)
			p = next(was)
			if cloister.KindOf(err) == cloister.NotFound {
				return nil
			} else if err != nil || sameState(p, was) {
				return err
			}
			if err := tx.SetPeering(p); err != nil || !p.State.Ended() {
				return err
			}
			return touchSides(tx, p)
		})
		if err != nil {
			return err
		}
		if p.State != was.State {
			c.log.Info("peering changed", "peering", p.ID, "space", s.Space.ID, "state", p.State, "reason", p.Message)
		}
	}
	return nil
}

func sameState(a, b cloister.Peering) bool {
	return a.State == b.State && a.Ready == b.Ready && a.Other == b.Other
}

// touchSides asks for a look at both networks of a peering.
func touchSides(tx *store.Tx, p cloister.Peering) error {
	for _, id := range []string{p.SpaceID, p.PeerID} {
		if id == "" {
			continue
		}
		if err := tx.Touch("space", id); err != nil {
			return err
		}
	}
	return nil
}

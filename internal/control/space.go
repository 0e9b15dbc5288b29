package control

import (
	"context"
	"net/netip"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// Routers take a table within milliseconds, unless they are away. So a step waits for them, but not for long.
const (
	adoptGlance = 5 * time.Millisecond
	adoptWait   = 100 * time.Millisecond
)

// stepSpace makes a space's network, and puts its trusted ranges in force; or takes the network away.
func (c *Control) stepSpace(ctx context.Context, id string) (time.Duration, error) {
	s, err := c.spaceState(ctx, id)
	if gone(err, "space") {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	p := plan.Space(s)
	switch {
	case p.Waiting:
		return time.Second, nil
	case p.Delete:
		return 0, c.dropSpace(ctx, s.Space, p.Drop)
	}
	table := c.routes.setSpace(s.Space, s.Ruleset.Sources) // first of all: somebody may be waiting to be rid of a stranger
	c.names.read(s.Apps)
	if err := c.engine.EnsureSpace(ctx, p.Ensure); err != nil {
		return 0, c.unpeered(ctx, s, err)
	}
	c.names.inForce(id, s.Apps, time.Now())
	if s.Space.State == cloister.Allocating {
		if err := c.allocated(ctx, s.Space); err != nil {
			return 0, err
		}
	}
	if err := c.settled(ctx, s); err != nil {
		return 0, err
	}
	if s.Ruleset.Applied {
		return 0, nil
	}
	if !c.adopted(ctx, table) {
		return adoptWait, nil
	}
	return 0, c.store.Update(ctx, func(tx *store.Tx) error { return tx.SetRulesetApplied(s.Ruleset.ID) })
}

// allocated records that a space has its network, and asks for a look at the apps that waited for it. Somebody may
// have destroyed the space meanwhile: that holds.
func (c *Control) allocated(ctx context.Context, s cloister.Space) error {
	err := c.store.Update(ctx, func(tx *store.Tx) error {
		if now, err := tx.Space(s.ID); err != nil || now.State != cloister.Allocating {
			return err
		}
		if err := tx.SetSpaceState(s.ID, cloister.Allocated); err != nil {
			return err
		}
		return tx.TouchApps(s.ID)
	})
	if err == nil {
		c.log.Info("space allocated", "space", s.Name, "took", time.Since(s.CreatedAt))
	}
	return err
}

func (c *Control) spaceState(ctx context.Context, id string) (s plan.SpaceState, err error) {
	s.Domain = c.config.AppDomain
	err = c.store.View(ctx, func(tx *store.Tx) error {
		if s.Space, err = tx.Space(id); err != nil {
			return err
		}
		if s.Ruleset, err = tx.Ruleset(id); err != nil {
			return err
		}
		if s.Egress, err = tx.EgressRuleset(id); err != nil && cloister.KindOf(err) != cloister.NotFound {
			return err
		}
		if s.Peerings, err = tx.Peerings(id); err != nil {
			return err
		}
		if s.Apps, err = spaceApps(tx, id); err != nil {
			return err
		}
		s.Addons, err = spaceAddons(tx, id)
		return err
	})
	s.Mail, s.Networks = c.config.Mail, c.networks()
	if err == nil && s.Space.State == cloister.Deleting {
		s.Seen, err = c.engine.List(ctx, "")
	}
	return s, err
}

// adopted waits a moment for the routers to take a table.
func (c *Control) adopted(ctx context.Context, version int64) bool {
	for waited := time.Duration(0); !c.router.Drained(netip.AddrPort{}, version); waited += adoptGlance {
		if waited >= adoptWait {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(adoptGlance):
		}
	}
	return true
}

// dropSpace takes a space away, with what destroyed apps may have left in it.
func (c *Control) dropSpace(ctx context.Context, s cloister.Space, left []string) error {
	if err := c.drop(ctx, left); err != nil {
		return err
	}
	if err := c.engine.DropSpace(ctx, s.ID); err != nil {
		return err
	}
	if err := c.store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteSpace(s.ID) }); err != nil {
		return err
	}
	c.routes.dropSpace(s.ID)
	c.names.dropSpace(s.ID)
	c.log.Info("space destroyed", "space", s.ID)
	return nil
}

package control

import (
	"context"
	"net/netip"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// adoptWait is how soon to look whether the routers have taken a table.
const adoptWait = 20 * time.Millisecond

// stepSpace makes a space's network, and puts its trusted ranges in force; or takes the network away.
func (c *Control) stepSpace(ctx context.Context, id string) (time.Duration, error) {
	s, err := c.spaceState(ctx, id)
	if cloister.KindOf(err) == cloister.NotFound {
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
	table := c.routes.setTrusted(id, s.Ruleset.Sources) // first of all: somebody may be waiting to be rid of a stranger
	if err := c.engine.EnsureSpace(ctx, p.Ensure); err != nil {
		return 0, err
	}
	if s.Space.State == cloister.Allocating {
		if err := c.store.Update(ctx, func(tx *store.Tx) error { return tx.SetSpaceState(id, cloister.Allocated) }); err != nil {
			return 0, err
		}
		c.log.Info("space allocated", "space", s.Space.Name, "took", time.Since(s.Space.CreatedAt))
	}
	if s.Ruleset.Applied {
		return 0, nil
	}
	if !c.adopted(ctx, table) {
		return adoptWait, nil
	}
	return 0, c.store.Update(ctx, func(tx *store.Tx) error { return tx.SetRulesetApplied(s.Ruleset.ID) })
}

func (c *Control) spaceState(ctx context.Context, id string) (s plan.SpaceState, err error) {
	err = c.store.View(ctx, func(tx *store.Tx) error {
		if s.Space, err = tx.Space(id); err != nil {
			return err
		}
		if s.Ruleset, err = tx.Ruleset(id); err != nil {
			return err
		}
		s.Apps, err = tx.CountApps(id)
		return err
	})
	if err == nil && s.Space.State == cloister.Deleting {
		s.Seen, err = c.engine.List(ctx, "")
	}
	return s, err
}

// adopted waits a moment for the routers to take a table: they do within milliseconds, unless they are away.
func (c *Control) adopted(ctx context.Context, version int64) bool {
	for range 10 {
		if c.router.Drained(netip.AddrPort{}, version) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(adoptWait / 4):
		}
	}
	return false
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
	c.log.Info("space destroyed", "space", s.ID)
	return nil
}

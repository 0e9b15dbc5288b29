package control

import (
	"context"
	"net/netip"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/store"
)

// adoptWait is how soon to look whether the routers have taken a table.
const adoptWait = 20 * time.Millisecond

// stepSpace makes a space's network, and puts its trusted ranges in force; or takes the network away.
func (c *Control) stepSpace(ctx context.Context, id string) (time.Duration, error) {
	var s cloister.Space
	var rules cloister.Ruleset
	err := c.store.View(ctx, func(tx *store.Tx) (err error) {
		if s, err = tx.Space(id); err == nil {
			rules, err = tx.Ruleset(id)
		}
		return err
	})
	if cloister.KindOf(err) == cloister.NotFound {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	if s.State == cloister.Deleting {
		return 0, c.dropSpace(ctx, s)
	}
	if err := c.engine.EnsureSpace(ctx, engine.Space{ID: s.ID, Dynos: s.CIDR, Data: s.DataCIDR, Trusted: rules.Sources, Outbound: s.Outbound}); err != nil {
		return 0, err
	}
	if s.State == cloister.Allocating {
		if err := c.store.Update(ctx, func(tx *store.Tx) error { return tx.SetSpaceState(s.ID, cloister.Allocated) }); err != nil {
			return 0, err
		}
		c.log.Info("space allocated", "space", s.Name, "took", time.Since(s.CreatedAt))
	}
	if rules.Applied {
		return 0, nil
	}
	if !c.adopted(ctx, c.routes.setTrusted(s.ID, rules.Sources)) {
		return adoptWait, nil
	}
	return 0, c.store.Update(ctx, func(tx *store.Tx) error { return tx.SetRulesetApplied(rules.ID) })
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

func (c *Control) dropSpace(ctx context.Context, s cloister.Space) error {
	if err := c.engine.DropSpace(ctx, s.ID); err != nil {
		return err // Conflict while dynos of a destroyed app are still stopping: tried again
	}
	if err := c.store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteSpace(s.ID) }); err != nil {
		return err
	}
	c.routes.dropSpace(s.ID)
	c.log.Info("space destroyed", "space", s.ID)
	return nil
}

package control

import (
	"context"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// zones are the parts of the installation, as the engine sees them and operators declare them. When it returns, the
// router has been told of those that are lost: it leaves them before anybody plans by that.
func (c *Control) zones(ctx context.Context) ([]plan.Zone, error) {
	seen, declared, err := c.lookAtZones(ctx)
	return plan.Declared(seen, declared), err
}

// lookAtZones is zones, with what is seen and what is declared apart. While the engine is away the router is told of what
// is declared since, by what was seen last: an operator's word needs no engine.
func (c *Control) lookAtZones(ctx context.Context) (seen []plan.Zone, declared []cloister.Zone, err error) {
	c.looking.Lock() // so that it is not the older of two looks that counts
	defer c.looking.Unlock()
	nodes, away := c.engine.Nodes(ctx)
	if err := c.store.View(ctx, func(tx *store.Tx) (err error) {
		declared, err = tx.Zones()
		return err
	}); err != nil {
		return nil, nil, err
	}
	if away == nil {
		c.seen = plan.Zones(nodes)
	} else if c.seen == nil { // in this life of ours: what was recorded in an earlier one
		c.seen = plan.Seen(declared)
	}
	c.routes.lose(plan.Lost(plan.Declared(c.seen, declared)))
	return c.seen, declared, away
}

// zonesEvery is how soon the loss of a zone, or its return, is seen without a hint.
const zonesEvery = time.Second

// watchZones has everything looked at when a zone is lost or comes back, and when the engine was away: what it had to
// tell in the meantime it does not tell again.
func (c *Control) watchZones(ctx context.Context) error {
	tick := time.NewTicker(zonesEvery)
	defer tick.Stop()
	var before []plan.Zone
	for away := false; ; {
		seen, declared, err := c.lookAtZones(ctx)
		zones := plan.Declared(seen, declared)
		if err != nil {
			away = true // and with it all that is known of its zones
		} else if moved := before != nil && !slices.Equal(before, zones); moved || away || !slices.Equal(seen, plan.Seen(declared)) {
			if moved || away {
				c.log.Warn("looking at everything", "zones", zones, "engine was away", away)
			}
			if err := c.store.Update(ctx, func(tx *store.Tx) error { return observeZones(tx, seen, declared, moved || away) }); err == nil {
				before, away = zones, false
			} // else it sees the difference again
		} else {
			before = zones
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-c.stirred:
		}
	}
}

// observeZones records what is seen of the zones.
func observeZones(tx *store.Tx, seen []plan.Zone, rows []cloister.Zone, moved bool) error {
	for _, z := range seen {
		if err := tx.ObserveZone(z.Name, z.Healthy); err != nil {
			return err
		}
	}
	for _, r := range rows {
		if !slices.ContainsFunc(seen, func(z plan.Zone) bool { return z.Name == r.Name }) {
			if err := tx.DeleteZone(r.Name); err != nil {
				return err
			}
		}
	}
	if !moved {
		return nil
	}
	return tx.TouchAll()
}

package control

import (
	"context"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// How often the dynos are looked at whose apps want to know what they use, and at which of the looks that is said: every
// twenty seconds, as Heroku does (heroku-behaviours 6.4).
const (
	meterEvery = 5 * time.Second
	sayEvery   = 4
)

// meter writes what dynos use into the logs of those apps that have it so. While no app has, nothing is looked at.
func (c *Control) meter(ctx context.Context) error {
	tick := time.NewTicker(meterEvery)
	defer tick.Stop()
	loads := map[string]plan.Load{}
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var err error
		if loads, err = c.measure(ctx, loads, n%sayEvery == 0); err != nil && ctx.Err() == nil {
			c.log.Debug("could not measure dynos", "err", err) // the engine or the store is away, which others say loudly
		}
	}
}

// measure looks once, and returns the loads of those dynos that there still are.
func (c *Control) measure(ctx context.Context, loads map[string]plan.Load, say bool) (map[string]plan.Load, error) {
	dynos := map[string]cloister.Dyno{}
	if err := c.store.View(ctx, func(tx *store.Tx) error {
		apps, err := tx.AppsWith(cloister.RuntimeMetrics)
		if err != nil {
			return err
		}
		for _, app := range apps {
			formation, err := tx.Dynos(app)
			if err != nil {
				return err
			}
			for _, d := range formation {
				dynos[d.ID] = d
			}
			runs, err := tx.Runs(app)
			if err != nil {
				return err
			}
			for _, r := range runs {
				dynos[r.ID] = r.Dyno
			}
		}
		return nil
	}); err != nil || len(dynos) == 0 {
		return map[string]plan.Load{}, err
	}
	used, err := c.engine.Usage(ctx, "")
	if err != nil {
		return loads, err
	}
	now := map[string]plan.Load{}
	for _, u := range used {
		d, wanted := dynos[u.ID]
		if !wanted {
			continue
		}
		now[u.ID] = loads[u.ID].Saw(u)
		if !say {
			continue
		}
		for _, line := range plan.Metrics(d, u, now[u.ID]) {
			c.logs.Platform(d.AppID, d.Name(), u.At, line)
		}
	}
	return now, nil
}

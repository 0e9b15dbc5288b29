package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// afterMinute is how long after a minute the router's last lines of it are here.
const afterMinute = 2 * time.Second

// stepAutoscale looks at what went on in the minute that has just ended, and scales. It looks again after the next.
func (c *Control) stepAutoscale(ctx context.Context, id string) (time.Duration, error) {
	var a cloister.Autoscale
	var wanted *cloister.ProcessType
	var dynos []cloister.Dyno
	if err := c.store.View(ctx, func(tx *store.Tx) (err error) {
		if a, err = tx.Autoscale(id); err != nil {
			return err
		}
		if wanted, err = processType(tx, a); err != nil {
			return err
		}
		dynos, err = tx.Dynos(a.AppID)
		return err
	}); gone(err, "autoscale") || err == nil && !a.Active {
		c.load.forget(id)
		c.traffic.drop(kind{a.AppID, a.Type})
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	again := time.Until(time.Now().Truncate(time.Minute).Add(time.Minute + afterMinute))
	if wanted == nil {
		return again, nil // the newest code has no such process type; the next may have
	}
	now, cpu := time.Now(), 0.0
	if a.CPU > 0 {
		var err error
		if cpu, err = c.busy(ctx, a, wanted.Size, dynos); err != nil {
			return 0, err
		}
	}
	past := c.traffic.past(kind{a.AppID, a.Type}, now, wanted.Quantity, cpu)
	n, why := plan.Autoscale(a, wanted.Quantity, past, now)
	if why != "" {
		return again, c.scale(ctx, a, wanted.Quantity, n, why)
	}
	if why := plan.AtMaximum(a, wanted.Quantity, past); why != "" {
		c.logs.Platform(a.AppID, "autoscale", now, fmt.Sprintf("%s is at its maximum of %d: %s", a.Type, a.Max, why))
	}
	return again, nil
}

// processType is what is scaled, nil if the app has none of that name.
func processType(tx *store.Tx, a cloister.Autoscale) (*cloister.ProcessType, error) {
	types, err := tx.Formation(a.AppID)
	if i := slices.IndexFunc(types, func(t cloister.ProcessType) bool { return t.Type == a.Type }); err == nil && i >= 0 {
		return &types[i], nil
	}
	return nil, err
}

// scale has n dynos where there are have, unless somebody has decided otherwise meanwhile, or a limit forbids it.
func (c *Control) scale(ctx context.Context, seen cloister.Autoscale, have, n int, why string) error {
	scaled := false
	err := c.store.Update(ctx, func(tx *store.Tx) error {
		scaled = false
		a, err := tx.Autoscale(seen.ID)
		if err != nil {
			return err
		}
		t, err := processType(tx, a)
		if err != nil || t == nil || !a.Active || t.Quantity != have {
			return err
		}
		if err := allowed(tx, a.AppID, n-have); err != nil {
			return err
		}
		t.Quantity, t.UpdatedAt, a.ScaledAt = n, tx.Now, tx.Now
		scaled = true
		return errors.Join(tx.PutProcessType(*t), tx.PutAutoscale(a), tx.Touch("app", a.AppID))
	})
	switch {
	case cloister.KindOf(err) == cloister.Invalid:
		c.logs.Platform(seen.AppID, "autoscale", time.Now(), fmt.Sprintf("%s was not scaled to %d: %s", seen.Type, n, err))
		return nil
	case gone(err, "autoscale"):
		return nil
	case scaled && err == nil:
		c.logs.Platform(seen.AppID, "autoscale", time.Now(), fmt.Sprintf("Scaled %s from %d to %d: %s", seen.Type, have, n, why))
	}
	return err
}

// allowed refuses more dynos than the space may have.
func allowed(tx *store.Tx, appID string, more int) error {
	if more <= 0 {
		return nil
	}
	app, err := tx.App(appID)
	if err != nil {
		return err
	}
	space, err := tx.Space(app.SpaceID)
	if err != nil {
		return err
	}
	limits, err := tx.Limits(space.ID)
	if err != nil {
		return err
	}
	use, err := tx.CountWanted(space.ID)
	return errors.Join(err, limits.Allow(cloister.LimitDynos, space.Name, "Space "+space.Name, use, use+more))
}

// load is what dynos had used of their processors when they were last looked at, by autoscale.
type load struct {
	mu    sync.Mutex
	looks map[string]look
}

type look struct {
	at   time.Time
	used map[string]time.Duration // by dyno
}

func (l *load) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.looks, id)
}

// busy is how many percent of their processors the dynos have used since the last look, on average; 0 if that was no
// minute ago, or never.
func (c *Control) busy(ctx context.Context, a cloister.Autoscale, size string, dynos []cloister.Dyno) (float64, error) {
	all, err := c.engine.Usage(ctx, a.AppID)
	if err != nil {
		return 0, err
	}
	has, err := cloister.SizeByName(size)
	if err != nil {
		return 0, err
	}
	now, used := time.Now(), map[string]time.Duration{}
	for _, u := range all {
		if slices.ContainsFunc(dynos, func(d cloister.Dyno) bool { return d.ID == u.ID && d.Type == a.Type }) {
			used[u.ID] = u.CPU
		}
	}
	c.load.mu.Lock()
	defer c.load.mu.Unlock()
	last := c.load.looks[a.ID]
	passed := now.Sub(last.at)
	if passed < time.Minute/2 {
		return 0, nil
	}
	c.load.looks[a.ID] = look{now, used}
	if last.at.IsZero() {
		return 0, nil
	}
	return plan.Busy(last.used, used, passed, has.CPU), nil
}

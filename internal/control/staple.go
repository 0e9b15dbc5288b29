package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// An Asker asks the authorities of certificates what they say of them. *staple.Asker does.
type Asker interface {
	Ask(context.Context, cloister.Responder) (cloister.Staple, error)
}

// stepStaple keeps what authorities say of an app's certificates, where they say anything.
func (c *Control) stepStaple(ctx context.Context, appID string) (time.Duration, error) {
	var p plan.StaplePlan
	err := c.store.View(ctx, func(tx *store.Tx) error {
		all, err := tx.Endpoints(appID)
		p = plan.Staples(all, tx.Now)
		return err
	})
	if err != nil || c.config.Staples == nil || len(p.Ask)+len(p.Drop) == 0 {
		return p.Again, err
	}
	var after []cloister.Endpoint
	for _, e := range p.Drop {
		e.Staple.Text = nil
		after = append(after, e)
	}
	for _, e := range p.Ask {
		r, _ := e.Responder()
		said, err := c.config.Staples.Ask(ctx, r)
		if ctx.Err() != nil {
			return 0, ctx.Err() // it says nothing about the authority
		}
		if err != nil {
			c.log.Warn("an authority did not say what it thinks of a certificate", "certificate", e.Name, "responder", r.URL, "err", err)
		}
		after = append(after, plan.Stapled(e, said, err, time.Now()))
	}
	return time.Millisecond, c.store.Update(ctx, func(tx *store.Tx) error { return c.keepStaples(tx, appID, after) })
}

// keepStaples records what was said of certificates that are still there. A revoked one of ours is got anew.
func (c *Control) keepStaples(tx *store.Tx, appID string, after []cloister.Endpoint) error {
	all, err := tx.Endpoints(appID)
	if err != nil {
		return err
	}
	for _, e := range after {
		i := slices.IndexFunc(all, func(x cloister.Endpoint) bool { return x.ID == e.ID && x.Served == e.Served })
		if i < 0 {
			continue
		}
		if err := tx.UpdateStaple(e); err != nil {
			return err
		}
		if e.Staple.Revoked && !all[i].Staple.Revoked {
			c.log.Warn("a certificate is revoked", "certificate", e.Name, "app", appID)
			c.logs.Platform(appID, "api", tx.Now, fmt.Sprintf("Certificate %s was revoked by its authority", e.Name))
			if err := tx.Touch("acm", appID); err != nil {
				return err
			}
		}
	}
	return tx.Touch("app", appID)
}

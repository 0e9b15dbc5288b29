package platform

import (
	"context"
	"fmt"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// An AutoscaleChange changes how a process type is scaled by itself; nil leaves that part as it is.
type AutoscaleChange struct {
	Active   *bool
	Min, Max *int
	Latency  *time.Duration
	CPU      *int
}

// Autoscale is how a process type of an app is scaled by itself, or was; none is nil.
func (p *Platform) Autoscale(ctx context.Context, a cloister.Actor, ref, processType string) (app AppInfo, out *cloister.Autoscale, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, viewApp); err != nil {
			return err
		}
		out, _, err = autoscale(tx, app, processType)
		return err
	})
	return app, out, err
}

// autoscale finds a process type by its name or id, and how it is scaled by itself.
func autoscale(tx *store.Tx, app AppInfo, ref string) (*cloister.Autoscale, *cloister.ProcessType, error) {
	types, err := tx.Formation(app.ID)
	if err != nil {
		return nil, nil, err
	}
	t := find(types, ref)
	if t == nil {
		return nil, nil, cloister.Errorf(cloister.NotFound, "Couldn't find that process type (%s). %s", ref, knownTypes(types))
	}
	all, err := tx.Autoscales(app.ID)
	for i := range all {
		if all[i].Type == t.Type {
			return &all[i], t, err
		}
	}
	return nil, t, err
}

// SetAutoscale has a process type scaled by itself from now on, or changes how, or no longer. A web whose owner does not
// say what to scale by is scaled by its response time.
func (p *Platform) SetAutoscale(ctx context.Context, a cloister.Actor, ref, processType string, change AutoscaleChange) (app AppInfo, out cloister.Autoscale, err error) {
	var said string
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, operateApp); err != nil {
			return err
		}
		old, t, err := autoscale(tx, app, processType)
		if err != nil {
			return err
		}
		if old != nil {
			out = *old
		} else {
			out = cloister.Autoscale{ID: cloister.NewID(), AppID: app.ID, Type: t.Type, Active: true, CreatedAt: tx.Now}
		}
		out.UpdatedAt = tx.Now
		change.apply(&out)
		if err := out.Valid(); err != nil {
			return err
		}
		if out.Active {
			if err := allow(tx, app.Space, cloister.LimitDynosPerType, "Process type "+t.Type, t.Quantity, out.Max); err != nil {
				return err
			}
		}
		said = autoscaleLine(out)
		if err := tx.PutAutoscale(out); err != nil {
			return err
		}
		if err := tx.Changed("formation", app.ID, "update", said, before(old), out); err != nil {
			return err
		}
		return tx.Touch("autoscale", out.ID)
	})
	if err == nil {
		p.config.Log(app.ID, said+" by user "+a.User.Email)
	}
	return app, out, err
}

// before is what a change has found, for the trail; nil: nothing.
func before[T any](old *T) any {
	if old == nil {
		return nil
	}
	return *old
}

func (c AutoscaleChange) apply(a *cloister.Autoscale) {
	if c.Active != nil {
		a.Active = *c.Active
	}
	if c.Min != nil {
		a.Min = *c.Min
	}
	if c.Max != nil {
		a.Max = *c.Max
	}
	if c.CPU != nil {
		a.CPU = *c.CPU
	}
	if c.Latency != nil {
		a.Latency = *c.Latency
	} else if a.Type == "web" && a.CPU == 0 && a.Latency == 0 {
		a.Latency = cloister.DefaultLatency
	}
}

func autoscaleLine(a cloister.Autoscale) string {
	if !a.Active {
		return "Disable autoscaling of " + a.Type
	}
	line := fmt.Sprintf("Autoscale %s between %d and %d", a.Type, a.Min, a.Max)
	if a.Latency > 0 {
		line += fmt.Sprintf(", p95 below %d ms", a.Latency.Milliseconds())
	}
	if a.CPU > 0 {
		line += fmt.Sprintf(", processors below %d%%", a.CPU)
	}
	return line
}

// byHand ends the autoscaling of a process type that somebody scales. It returns a line for the app's log, if it did.
func byHand(tx *store.Tx, t cloister.ProcessType) (string, error) {
	all, err := tx.Autoscales(t.AppID)
	for _, a := range all {
		if a.Type == t.Type && a.Active {
			a.Active, a.UpdatedAt = false, tx.Now
			return autoscaleLine(a) + ", as it was scaled", tx.PutAutoscale(a)
		}
	}
	return "", err
}

// Errors counts the errors of an app that happened between two times, by the hour: of the dynos of a process type, or
// those of the router for "".
func (p *Platform) Errors(ctx context.Context, a cloister.Actor, ref, processType string, from, until time.Time) (app AppInfo, out []cloister.ErrorCount, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, viewApp); err != nil {
			return err
		}
		all, err := tx.ErrorCounts(app.ID, from.UTC().Truncate(time.Hour), until)
		out = nil
		for _, c := range all {
			if c.Type == processType {
				out = append(out, c)
			}
		}
		return err
	})
	return app, out, err
}

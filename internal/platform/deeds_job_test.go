package platform_test

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// jobDeeds are about what apps run by a schedule.
var jobDeeds = map[string]deed{
	"Jobs": {read, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Jobs(ctx, a, "quiet-garth")
		return err
	}},
	"Job": {read, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Job(ctx, a, "quiet-garth", h.job(ctx))
		return err
	}},
	"AddJob": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.clockwork(ctx, "quiet-garth")
		_, _, err := h.AddJob(ctx, a, "quiet-garth", tidies)
		return err
	}},
	"ChangeJob": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.ChangeJob(ctx, a, "quiet-garth", h.job(ctx), platform.JobChange{Schedule: new("every 1h")})
		return err
	}},
	"RemoveJob": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.RemoveJob(ctx, a, "quiet-garth", h.job(ctx))
		return err
	}},
	"RunJob": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.RunJob(ctx, a, "quiet-garth", h.job(ctx))
		return err
	}},
}

var tidies = platform.JobSpec{Command: "tidy --key=hush", Schedule: "every 10m"}

// job is the id of a scheduled job of the app that its admin has added.
func (h *house) job(ctx context.Context) string {
	_, all, _ := h.Jobs(ctx, h.admin, "quiet-garth")
	if len(all) == 0 {
		h.addJob(ctx, h.admin, "quiet-garth", tidies)
		_, all, _ = h.Jobs(ctx, h.admin, "quiet-garth")
	}
	return all[0].ID
}

// clockwork gives an app the add-on that scheduled jobs come with.
func (h *house) clockwork(ctx context.Context, app string) {
	if err := h.store.Update(ctx, func(tx *store.Tx) error {
		s, err := tx.Service("scheduler")
		if cloister.KindOf(err) == cloister.NotFound {
			s = cloister.AddonService{ID: cloister.NewID(), Name: "scheduler", Kind: "scheduler", State: cloister.ServiceOffered, CreatedAt: tx.Now, UpdatedAt: tx.Now}
			err = tx.InsertService(s)
		}
		if err != nil {
			return err
		}
		p := cloister.Plan{ID: cloister.NewID(), ServiceID: s.ID, Name: "standard", CreatedAt: tx.Now}
		if err := tx.PutPlan(p); err != nil {
			return err
		}
		if p, err = tx.Plan(s.ID, p.Name); err != nil {
			return err
		}
		of, err := tx.App(app)
		if err != nil {
			return err
		}
		id := cloister.NewID()
		return tx.InsertAddon(cloister.Addon{ID: id, Name: "scheduler-" + id, ServiceID: s.ID, PlanID: p.ID, AppID: of.ID, State: cloister.Provisioned, CreatedAt: tx.Now, UpdatedAt: tx.Now})
	}); err != nil {
		panic(err)
	}
}

// addJob is AddJob in an app that has the scheduler.
func (h *house) addJob(ctx context.Context, a cloister.Actor, app string, in platform.JobSpec) (platform.AppInfo, cloister.Job, error) {
	h.clockwork(ctx, app)
	return h.AddJob(ctx, a, app, in)
}

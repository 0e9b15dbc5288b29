package platform_test

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
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
		h.AddJob(ctx, h.admin, "quiet-garth", tidies)
		_, all, _ = h.Jobs(ctx, h.admin, "quiet-garth")
	}
	return all[0].ID
}

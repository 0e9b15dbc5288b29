package heroku

import (
	"context"
	"net/http"
)

// A ScheduledJob is a command that an app runs by a schedule. It is our own: Heroku has no API for those of its Scheduler.
type ScheduledJob struct {
	ID        string `json:"id"`
	App       Named  `json:"app"`
	Command   string `json:"command"`
	Size      string `json:"size"`
	Schedule  string `json:"schedule"` // UTC: "every 10m", "hourly at :20", "daily at 03:30" or a cron expression
	LastRun   Time   `json:"last_run"`
	NextRun   Time   `json:"next_run"`
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
}

// ScheduledJobOpts makes or changes a scheduled job; what is nil stays, or is the default.
type ScheduledJobOpts struct {
	Command  *string `json:"command,omitempty"`
	Size     *string `json:"size,omitempty"` // "": the space's default
	Schedule *string `json:"schedule,omitempty"`
}

// ScheduledJobs lists the scheduled jobs of an app.
func (c *Client) ScheduledJobs(ctx context.Context, app string) ([]ScheduledJob, error) {
	return all[ScheduledJob](ctx, c, Path("/apps/%s/scheduled-jobs", app))
}

// AddScheduledJob has an app run a command by a schedule.
func (c *Client) AddScheduledJob(ctx context.Context, app string, in ScheduledJobOpts) (ScheduledJob, error) {
	return call[ScheduledJob](ctx, c, http.MethodPost, Path("/apps/%s/scheduled-jobs", app), in)
}

// ChangeScheduledJob changes a scheduled job.
func (c *Client) ChangeScheduledJob(ctx context.Context, app, id string, in ScheduledJobOpts) (ScheduledJob, error) {
	return call[ScheduledJob](ctx, c, http.MethodPatch, Path("/apps/%s/scheduled-jobs/%s", app, id), in)
}

// RemoveScheduledJob ends a scheduled job.
func (c *Client) RemoveScheduledJob(ctx context.Context, app, id string) (ScheduledJob, error) {
	return call[ScheduledJob](ctx, c, http.MethodDelete, Path("/apps/%s/scheduled-jobs/%s", app, id), nil)
}

// RunScheduledJob runs a scheduled job now. It gives the dyno.
func (c *Client) RunScheduledJob(ctx context.Context, app, id string) (Dyno, error) {
	return call[Dyno](ctx, c, http.MethodPost, Path("/apps/%s/scheduled-jobs/%s/actions/run", app, id), nil)
}

package heroku

import (
	"context"
	"net/http"
	"time"
)

// A Monitor is Heroku's name of what scales a process type by itself. Its clients look for it at a host of its own,
// api.metrics.heroku.com.
type Monitor struct {
	ID                   string   `json:"id"`
	AppUUID              string   `json:"app_uuid"`
	ProcessType          string   `json:"process_type"`
	Name                 string   `json:"name"`
	ActionType           string   `json:"action_type"` // "scale", whatever is monitored
	IsActive             bool     `json:"is_active"`
	Op                   string   `json:"op"`
	Period               int      `json:"period"` // minutes
	MinQuantity          int      `json:"min_quantity"`
	MaxQuantity          int      `json:"max_quantity"`
	Value                int      `json:"value"` // milliseconds within which 95 of 100 requests are to be answered; 0: not looked at
	CPU                  int      `json:"cpu"`   // ours: percent of their processors below which dynos are to stay; 0: not looked at
	NotificationChannels []string `json:"notification_channels"`
	NotificationPeriod   int      `json:"notification_period"` // minutes
	CreatedAt            Time     `json:"created_at"`
	UpdatedAt            Time     `json:"updated_at"`
}

// MonitorOpts adds a monitor or changes one; what is absent stays.
type MonitorOpts struct {
	ActionType           string   `json:"action_type,omitempty"`
	Name                 string   `json:"name,omitempty"`
	IsActive             *bool    `json:"is_active,omitempty"`
	MinQuantity          *Int     `json:"min_quantity,omitempty"`
	MaxQuantity          *Int     `json:"max_quantity,omitempty"`
	Value                *Int     `json:"value,omitempty"`
	CPU                  *Int     `json:"cpu,omitempty"`
	NotificationChannels []string `json:"notification_channels,omitempty"`
}

// Monitors lists what scales a process type by itself, or did: one at most.
func (c *Client) Monitors(ctx context.Context, app, processType string) ([]Monitor, error) {
	return all[Monitor](ctx, c, Path("/apps/%s/formation/%s/monitors", app, processType))
}

// AddMonitor has a process type scaled by itself.
func (c *Client) AddMonitor(ctx context.Context, app, processType string, in MonitorOpts) (Monitor, error) {
	return call[Monitor](ctx, c, http.MethodPost, Path("/apps/%s/formation/%s/monitors", app, processType), in)
}

// UpdateMonitor changes how a process type is scaled by itself.
func (c *Client) UpdateMonitor(ctx context.Context, app, processType, id string, in MonitorOpts) (Monitor, error) {
	return call[Monitor](ctx, c, http.MethodPatch, Path("/apps/%s/formation/%s/monitors/%s", app, processType, id), in)
}

// Errors are counts by code, one for each step from StartTime until EndTime.
type Errors struct {
	StartTime time.Time        `json:"start_time"`
	EndTime   time.Time        `json:"end_time"`
	Step      string           `json:"step"`
	Data      map[string][]int `json:"data"`
}

// RouterErrors counts the errors of the router of the last hours; DynoErrors those of a process type's dynos.
func (c *Client) RouterErrors(ctx context.Context, app string, from, until time.Time) (Errors, error) {
	return call[Errors](ctx, c, http.MethodGet, Path("/apps/%s/router-metrics/errors?", app)+span(from, until), nil)
}

// DynoErrors counts the errors of a process type's dynos.
func (c *Client) DynoErrors(ctx context.Context, app, processType string, from, until time.Time) (Errors, error) {
	return call[Errors](ctx, c, http.MethodGet, Path("/apps/%s/formation/%s/metrics/errors?", app, processType)+span(from, until), nil)
}

func span(from, until time.Time) string {
	return "start_time=" + from.UTC().Format(time.RFC3339) + "&end_time=" + until.UTC().Format(time.RFC3339) + "&step=1h"
}

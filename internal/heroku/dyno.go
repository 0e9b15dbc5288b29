package heroku

import (
	"context"
	"net/http"
)

// A Dyno is one run of one process.
type Dyno struct {
	ID        string       `json:"id"`
	Name      string       `json:"name"` // "web.1"
	Type      string       `json:"type"`
	App       Named        `json:"app"`
	AttachURL *string      `json:"attach_url"`
	Command   string       `json:"command"`
	Release   *DynoRelease `json:"release"`
	Size      string       `json:"size"`
	State     string       `json:"state"` // starting, up, idle, crashed, down
	CreatedAt Time         `json:"created_at"`
	UpdatedAt Time         `json:"updated_at"`
}

// A DynoRelease is the release that a dyno runs.
type DynoRelease struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
}

// DynoCreateOpts runs a one-off dyno.
type DynoCreateOpts struct {
	Command    string `json:"command"`
	Dial       string `json:"dial,omitempty"` // ours, inside a dyno alone: "host:port" to connect to, in place of a command
	Attach     bool   `json:"attach"`
	Env        Env    `json:"env,omitempty"` // on top of the config vars; TERM, COLUMNS and LINES shape the terminal
	ForceNoTTY bool   `json:"force_no_tty,omitempty"`
	Size       string `json:"size,omitempty"`
	Type       string `json:"type,omitempty"`
	TimeToLive *Int   `json:"time_to_live,omitempty"` // seconds
}

// Dynos lists the dynos of an app.
func (c *Client) Dynos(ctx context.Context, app string) ([]Dyno, error) {
	return all[Dyno](ctx, c, Path("/apps/%s/dynos", app))
}

// CreateDyno runs a one-off dyno.
func (c *Client) CreateDyno(ctx context.Context, app string, in DynoCreateOpts) (Dyno, error) {
	return call[Dyno](ctx, c, http.MethodPost, Path("/apps/%s/dynos", app), in)
}

// RunInside runs a command inside a dyno that runs already, and gives the dyno with an address to attach to. Its id is
// that of the session.
func (c *Client) RunInside(ctx context.Context, app, dyno string, in DynoCreateOpts) (Dyno, error) {
	return call[Dyno](ctx, c, http.MethodPost, Path("/apps/%s/dynos/%s", app, dyno), in)
}

// A Window is the size of a terminal in characters.
type Window struct {
	Columns *Int `json:"columns"`
	Lines   *Int `json:"lines"`
}

// ResizeDyno sets the window of an attached one-off dyno, by its id, or of a session inside another. Heroku has no such
// call.
func (c *Client) ResizeDyno(ctx context.Context, app, id string, w Window) error {
	return c.Do(ctx, http.MethodPatch, Path("/apps/%s/dynos/%s", app, id), w, nil)
}

// RestartDynos restarts all dynos of an app.
func (c *Client) RestartDynos(ctx context.Context, app string) error {
	return c.Do(ctx, http.MethodDelete, Path("/apps/%s/dynos", app), nil, nil)
}

// RestartDyno restarts one dyno by its name or id.
func (c *Client) RestartDyno(ctx context.Context, app, dyno string) error {
	return c.Do(ctx, http.MethodDelete, Path("/apps/%s/dynos/%s", app, dyno), nil, nil)
}

// RestartType restarts all dynos of a process type.
func (c *Client) RestartType(ctx context.Context, app, processType string) error {
	return c.Do(ctx, http.MethodDelete, Path("/apps/%s/formations/%s", app, processType), nil, nil)
}

// StopDyno stops one dyno. One that belongs to the formation is replaced.
func (c *Client) StopDyno(ctx context.Context, app, dyno string) error {
	return c.Do(ctx, http.MethodPost, Path("/apps/%s/dynos/%s/actions/stop", app, dyno), nil, nil)
}

// StopType stops all dynos of a process type.
func (c *Client) StopType(ctx context.Context, app, processType string) error {
	return c.Do(ctx, http.MethodPost, Path("/apps/%s/formations/%s/actions/stop", app, processType), nil, nil)
}

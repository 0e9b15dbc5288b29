package heroku

import (
	"context"
	"net/http"
)

// A LogDrain is a place outside that gets every line of an app's log.
type LogDrain struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	Token     string `json:"token"` // "d.<uuid>"
	App       Named  `json:"app"`
	Addon     *Named `json:"addon"` // whose drain it is, if it is an add-on's
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
}

// LogDrainCreateOpts adds a drain.
type LogDrainCreateOpts struct {
	URL string `json:"url"`
}

// LogDrains lists the drains of an app.
func (c *Client) LogDrains(ctx context.Context, app string) ([]LogDrain, error) {
	return all[LogDrain](ctx, c, Path("/apps/%s/log-drains", app))
}

// AddLogDrain adds a drain to an app.
func (c *Client) AddLogDrain(ctx context.Context, app, url string) (LogDrain, error) {
	return call[LogDrain](ctx, c, http.MethodPost, Path("/apps/%s/log-drains", app), LogDrainCreateOpts{URL: url})
}

// RemoveLogDrain takes a drain from an app, by its id, URL or token.
func (c *Client) RemoveLogDrain(ctx context.Context, app, drain string) (LogDrain, error) {
	return call[LogDrain](ctx, c, http.MethodDelete, Path("/apps/%s/log-drains/%s", app, drain), nil)
}

// A SpaceLogDrain is a place outside that gets every line of the logs of all apps of a space.
type SpaceLogDrain struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	Token     string `json:"token"` // "d.<uuid>"
	Addon     *Named `json:"addon"`
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
}

// SpaceLogDrain is the drain of a space.
func (c *Client) SpaceLogDrain(ctx context.Context, space string) (SpaceLogDrain, error) {
	return get[SpaceLogDrain](ctx, c, Path("/spaces/%s/log-drain", space))
}

// SetSpaceLogDrain gives a space another drain.
func (c *Client) SetSpaceLogDrain(ctx context.Context, space, url string) (SpaceLogDrain, error) {
	return call[SpaceLogDrain](ctx, c, http.MethodPut, Path("/spaces/%s/log-drain", space), LogDrainCreateOpts{URL: url})
}

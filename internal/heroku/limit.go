package heroku

import (
	"context"
	"net/http"
)

// A Limit is how much of something a space can have. It is ours: Heroku's are raised by a ticket.
type Limit struct {
	Name        string `json:"name"`
	Value       Int    `json:"value"`
	Use         Int    `json:"use"` // by whichever uses most, of what has a limit of its own
	Default     Int    `json:"default"`
	Most        Int    `json:"most"` // that Value can be set to
	Description string `json:"description"`
}

// Limits lists the limits of a space.
func (c *Client) Limits(ctx context.Context, space string) ([]Limit, error) {
	return all[Limit](ctx, c, Path("/spaces/%s/limits", space))
}

// SetLimits sets limits of a space by name; nil gives one its default again. Only operators may.
func (c *Client) SetLimits(ctx context.Context, space string, in map[string]*Int) ([]Limit, error) {
	return call[[]Limit](ctx, c, http.MethodPatch, Path("/spaces/%s/limits", space), in)
}

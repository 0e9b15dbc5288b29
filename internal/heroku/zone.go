package heroku

import (
	"context"
	"net/http"
)

// A Zone is a part of the installation that fails on its own. It is ours: Heroku shows nobody theirs.
type Zone struct {
	Name     string `json:"name"`
	State    string `json:"state"`  // "healthy" or "failed"
	Reason   string `json:"reason"` // why it has failed
	Dynos    Int    `json:"dynos"`  // that are there
	FailedAt Time   `json:"failed_at"`
	FailedBy string `json:"failed_by"` // who has declared it failed
}

// Zones lists the zones. Only operators may.
func (c *Client) Zones(ctx context.Context) ([]Zone, error) { return all[Zone](ctx, c, "/zones") }

// FailZone declares a zone failed.
func (c *Client) FailZone(ctx context.Context, zone string) (Zone, error) {
	return call[Zone](ctx, c, http.MethodPost, Path("/zones/%s/actions/fail", zone), nil)
}

// HealZone takes that back.
func (c *Client) HealZone(ctx context.Context, zone string) (Zone, error) {
	return call[Zone](ctx, c, http.MethodPost, Path("/zones/%s/actions/heal", zone), nil)
}

package heroku

import (
	"context"
	"net/http"
)

// A Rehearsal is whom a set of trusted ranges would cut off.
type Rehearsal struct {
	Cut     List[RecentClient] `json:"cut"`
	Kept    int                `json:"kept"`              // how many recent clients it would not
	Since   Time               `json:"since"`             // since when clients are known; null: none is
	Message string             `json:"message,omitempty"` // why this is not the whole truth
}

// A RecentClient is somebody who came to the apps of a space of late.
type RecentClient struct {
	Address  string `json:"address"`
	Requests int64  `json:"requests"`
	First    Time   `json:"first_seen"`
	Last     Time   `json:"last_seen"`
	Open     int    `json:"open_connections"`
}

// RehearseRuleset tells whom rules would cut off, and changes nothing.
func (c *Client) RehearseRuleset(ctx context.Context, space string, in RulesetUpdateOpts) (Rehearsal, error) {
	return call[Rehearsal](ctx, c, http.MethodPost, Path("/spaces/%s/inbound-ruleset/actions/dry-run", space), in)
}

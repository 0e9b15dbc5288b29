package heroku

import (
	"context"
	"net/http"
)

// A Ruleset is the trusted IP ranges of a space.
type Ruleset struct {
	ID        string     `json:"id"`
	Space     Named      `json:"space"`
	Rules     List[Rule] `json:"rules"`
	CreatedBy string     `json:"created_by"` // e-mail
	CreatedAt Time       `json:"created_at"`
	Applied   *bool      `json:"applied,omitempty"` // whether it is in force; absent: not told
}

// A Rule admits one range. Action is "allow".
type Rule struct {
	Action string `json:"action"`
	Source string `json:"source"`
}

// RulesetUpdateOpts replaces the rules of a space. Clients send the whole Ruleset that they read: the other keys of it
// are ignored.
type RulesetUpdateOpts struct {
	Rules List[Rule] `json:"rules"`
}

// Ruleset is the newest ruleset of a space.
func (c *Client) Ruleset(ctx context.Context, space string) (Ruleset, error) {
	r, _, err := c.RulesetTagged(ctx, space)
	return r, err
}

// RulesetTagged is the newest ruleset and its ETag, for If-Match.
func (c *Client) RulesetTagged(ctx context.Context, space string) (r Ruleset, tag string, err error) {
	h, err := c.send(ctx, http.MethodGet, Path("/spaces/%s/inbound-ruleset", space), nil, &r)
	return r, h.Get("ETag"), err
}

// Rulesets lists the rulesets that a space has had.
func (c *Client) Rulesets(ctx context.Context, space string) ([]Ruleset, error) {
	return all[Ruleset](ctx, c, Path("/spaces/%s/inbound-rulesets", space))
}

// SetRuleset replaces the rules of a space; with a header If-Match, only if nobody was faster.
func (c *Client) SetRuleset(ctx context.Context, space string, in RulesetUpdateOpts, opts ...Option) (r Ruleset, err error) {
	err = c.Do(ctx, http.MethodPut, Path("/spaces/%s/inbound-ruleset", space), in, &r, opts...)
	return r, err
}

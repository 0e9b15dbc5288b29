package heroku

import (
	"context"
	"net/http"
)

// An OutboundRuleset says where the dynos of a space may go outside.
type OutboundRuleset struct {
	ID        string             `json:"id"`
	Space     Named              `json:"space"`
	Rules     List[OutboundRule] `json:"rules"`
	CreatedBy string             `json:"created_by"` // e-mail
	CreatedAt Time               `json:"created_at"`
	Applied   *bool              `json:"applied,omitempty"` // whether it is in force; absent: not told
}

// An OutboundRule lets dynos out to a target. Protocol is tcp, udp, icmp, any or a number; with icmp the ports are
// types. In a request, ports that are left out are all of them.
type OutboundRule struct {
	Target   string `json:"target"`
	Protocol string `json:"protocol"`
	FromPort *Int   `json:"from_port"`
	ToPort   *Int   `json:"to_port"`
}

// OutboundUpdateOpts replaces the rules of a space's way out.
type OutboundUpdateOpts struct {
	Rules List[OutboundRule] `json:"rules"`
}

// OutboundRuleset is the newest ruleset of a space's way out.
func (c *Client) OutboundRuleset(ctx context.Context, space string) (OutboundRuleset, error) {
	r, _, err := c.OutboundRulesetTagged(ctx, space)
	return r, err
}

// OutboundRulesetTagged is the newest ruleset and its ETag, for If-Match.
func (c *Client) OutboundRulesetTagged(ctx context.Context, space string) (r OutboundRuleset, tag string, err error) {
	h, err := c.send(ctx, http.MethodGet, Path("/spaces/%s/outbound-ruleset", space), nil, &r)
	return r, h.Get("ETag"), err
}

// SetOutboundRuleset replaces the rules of a space's way out; with a header If-Match, only if nobody was faster.
func (c *Client) SetOutboundRuleset(ctx context.Context, space string, in OutboundUpdateOpts, opts ...Option) (r OutboundRuleset, err error) {
	err = c.Do(ctx, http.MethodPut, Path("/spaces/%s/outbound-ruleset", space), in, &r, opts...)
	return r, err
}

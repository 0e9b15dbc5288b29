package heroku

import (
	"context"
	"net/http"
)

// A Peering joins a space to another network. What is told is of the other side.
type Peering struct {
	ID           string       `json:"pcx_id"`
	Type         string       `json:"type"` // heroku-managed, customer-managed
	Status       string       `json:"status"`
	CIDRBlocks   List[string] `json:"cidr_blocks"`
	VPCID        string       `json:"aws_vpc_id"`
	AccountID    string       `json:"aws_account_id"`
	Region       string       `json:"aws_region"`
	Expires      Time         `json:"expires"`                  // null: never
	Space        *Named       `json:"space,omitempty"`          // the other side
	Network      string       `json:"network,omitempty"`        // or it is a network of the operator's
	StatusReason string       `json:"status_message,omitempty"` // why it failed
}

// A PeeringInfo tells what another network needs to know of a space to be peered with it.
type PeeringInfo struct {
	AccountID       string       `json:"aws_account_id"`
	Region          string       `json:"aws_region"`
	VPCID           string       `json:"vpc_id"`
	VPCCIDR         string       `json:"vpc_cidr"`
	DynoCIDRs       List[string] `json:"dyno_cidr_blocks"`
	SpaceCIDRs      List[string] `json:"space_cidr_blocks"`
	UnavailableCIDR List[string] `json:"unavailable_cidr_blocks"`
}

// A PeeringAcceptOpts names a peering to accept, or, as no other server knows it, a space to ask for one.
type PeeringAcceptOpts struct {
	ID    string `json:"pcx_id,omitempty"`
	Space Ref    `json:"space,omitempty"`
}

// PeeringInfo tells what is needed to peer with a space.
func (c *Client) PeeringInfo(ctx context.Context, space string) (PeeringInfo, error) {
	return get[PeeringInfo](ctx, c, Path("/spaces/%s/peering-info", space))
}

// Peerings lists the peerings of a space.
func (c *Client) Peerings(ctx context.Context, space string) ([]Peering, error) {
	return all[Peering](ctx, c, Path("/spaces/%s/peerings", space))
}

// RequestPeering asks another space for a peering.
func (c *Client) RequestPeering(ctx context.Context, space, other string) (Peering, error) {
	return call[Peering](ctx, c, http.MethodPost, Path("/spaces/%s/peerings", space), PeeringAcceptOpts{Space: Ref(other)})
}

// AcceptPeering accepts a peering.
func (c *Client) AcceptPeering(ctx context.Context, space, id string) (Peering, error) {
	return call[Peering](ctx, c, http.MethodPost, Path("/spaces/%s/peerings", space), PeeringAcceptOpts{ID: id})
}

// DeletePeering ends a peering, or turns it down.
func (c *Client) DeletePeering(ctx context.Context, space, id string) (Peering, error) {
	return call[Peering](ctx, c, http.MethodDelete, Path("/spaces/%s/peerings/%s", space, id), nil)
}

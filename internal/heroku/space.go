package heroku

import (
	"context"
	"net/http"
)

// A Space is an isolated network for apps.
type Space struct {
	ID           string       `json:"id"`
	Name         string       `json:"name"`
	State        string       `json:"state"` // allocating, allocated, deleting
	Team         Named        `json:"team"`
	Organization Named        `json:"organization"` // the team again, as older clients call it
	Region       SpaceRegion  `json:"region"`
	Shield       bool         `json:"shield"`
	CIDR         string       `json:"cidr"`
	DataCIDR     string       `json:"data_cidr"`
	Generation   Named        `json:"generation"`
	IngressIPs   List[string] `json:"ingress_ips"` // addresses that lead to this space alone; Heroku has none
	CreatedAt    Time         `json:"created_at"`
	UpdatedAt    Time         `json:"updated_at"`
}

// A SpaceRegion is the region of a space. Description is always told: the official CLI prints nothing else.
type SpaceRegion struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// SpaceCreateOpts makes a space.
type SpaceCreateOpts struct {
	Name        string   `json:"name"`
	Team        Ref      `json:"team"`
	Region      Ref      `json:"region,omitempty"`
	CIDR        string   `json:"cidr,omitempty"`
	DataCIDR    string   `json:"data_cidr,omitempty"`
	Shield      bool     `json:"shield,omitempty"`
	Generation  Ref      `json:"generation,omitempty"`
	LogDrainURL string   `json:"log_drain_url,omitempty"`
	Features    []string `json:"features,omitempty"`
}

// SpaceUpdateOpts renames a space.
type SpaceUpdateOpts struct {
	Name *string `json:"name,omitempty"`
}

// SpaceTransferOpts gives a space to another team.
type SpaceTransferOpts struct {
	NewOwner Ref `json:"new_owner"`
}

// A NAT tells the stable outbound addresses of a space.
type NAT struct {
	State     string       `json:"state"` // disabled, updating, enabled
	Sources   List[string] `json:"sources"`
	CreatedAt Time         `json:"created_at"`
	UpdatedAt Time         `json:"updated_at"`
}

// SpaceDynos are the dynos of one app in a space.
type SpaceDynos struct {
	AppID   string     `json:"app_id"`
	AppName string     `json:"app_name"`
	Dynos   List[Dyno] `json:"dynos"`
}

// A SpaceMember is what a member of the team may do in a space.
type SpaceMember struct {
	ID          string           `json:"id"`
	Space       Named            `json:"space"`
	User        Person           `json:"user"`
	Permissions List[Permission] `json:"permissions"`
	CreatedAt   Time             `json:"created_at"`
	UpdatedAt   Time             `json:"updated_at"`
}

// A Permission is one thing that somebody may do.
type Permission struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// SpaceMemberUpdateOpts sets the permissions of a member in a space.
type SpaceMemberUpdateOpts struct {
	Permissions List[Ref] `json:"permissions"`
}

// Spaces lists the spaces that the caller sees.
func (c *Client) Spaces(ctx context.Context) ([]Space, error) {
	return all[Space](ctx, c, "/spaces")
}

// Space is one space by its name or id.
func (c *Client) Space(ctx context.Context, space string) (Space, error) {
	return get[Space](ctx, c, Path("/spaces/%s", space), Expand("region"))
}

// CreateSpace asks for a space; it is there once its state is allocated.
func (c *Client) CreateSpace(ctx context.Context, in SpaceCreateOpts) (Space, error) {
	return call[Space](ctx, c, http.MethodPost, "/spaces", in)
}

// UpdateSpace renames a space.
func (c *Client) UpdateSpace(ctx context.Context, space string, in SpaceUpdateOpts) (Space, error) {
	return call[Space](ctx, c, http.MethodPatch, Path("/spaces/%s", space), in)
}

// DeleteSpace destroys an empty space.
func (c *Client) DeleteSpace(ctx context.Context, space string) (Space, error) {
	return call[Space](ctx, c, http.MethodDelete, Path("/spaces/%s", space), nil)
}

// TransferSpace gives a space to another team.
func (c *Client) TransferSpace(ctx context.Context, space string, in SpaceTransferOpts) (Space, error) {
	return call[Space](ctx, c, http.MethodPost, Path("/spaces/%s/transfer", space), in)
}

// NAT tells the outbound addresses of a space.
func (c *Client) NAT(ctx context.Context, space string) (NAT, error) {
	return get[NAT](ctx, c, Path("/spaces/%s/nat", space))
}

// SpaceDynos lists the dynos of a space, app by app.
func (c *Client) SpaceDynos(ctx context.Context, space string) ([]SpaceDynos, error) {
	return all[SpaceDynos](ctx, c, Path("/spaces/%s/dynos", space))
}

// SpaceMembers lists who may do what in a space.
func (c *Client) SpaceMembers(ctx context.Context, space string) ([]SpaceMember, error) {
	return all[SpaceMember](ctx, c, Path("/spaces/%s/members", space))
}

// SetSpaceMember sets the permissions of a member of the team in a space.
func (c *Client) SetSpaceMember(ctx context.Context, space, email string, in SpaceMemberUpdateOpts) (SpaceMember, error) {
	return call[SpaceMember](ctx, c, http.MethodPatch, Path("/spaces/%s/members/%s", space, email), in)
}

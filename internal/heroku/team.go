package heroku

import (
	"context"
	"net/http"
)

// A Team owns spaces and apps.
type Team struct {
	ID                    string            `json:"id"`
	Name                  string            `json:"name"`
	Type                  string            `json:"type"` // "enterprise" or "team"
	Role                  *string           `json:"role"` // of the caller
	Default               bool              `json:"default"`
	CreditCardCollections bool              `json:"credit_card_collections"`
	ProvisionedLicenses   bool              `json:"provisioned_licenses"`
	MembershipLimit       *int              `json:"membership_limit"`
	EnterpriseAccount     *Named            `json:"enterprise_account"`
	IdentityProvider      *IdentityProvider `json:"identity_provider"`
	SuspendedAt           Time              `json:"suspended_at"`   // ours; null: it is not
	TrustedRanges         List[string]      `json:"trusted_ranges"` // ours: from where it is used; none: from everywhere
	CreatedAt             Time              `json:"created_at"`
	UpdatedAt             Time              `json:"updated_at"`
}

// TeamCreateOpts makes a team. What Heroku asks for an invoice is accepted and ignored.
type TeamCreateOpts struct {
	Name string `json:"name"`
}

// TeamUpdateOpts changes a team; what is nil stays.
type TeamUpdateOpts struct {
	Name    *string `json:"name,omitempty"`
	Default *bool   `json:"default,omitempty"`
}

// TeamRangesOpts says from where a team is used. It is ours.
type TeamRangesOpts struct {
	TrustedRanges *[]string `json:"trusted_ranges"`
}

// A TeamInvitation asks somebody to join a team.
type TeamInvitation struct {
	ID        string         `json:"id"`
	Role      string         `json:"role"`
	Team      Named          `json:"team"`
	InvitedBy TeamMemberUser `json:"invited_by"`
	User      TeamMemberUser `json:"user"`
	AcceptURL string         `json:"accept_url,omitempty"` // ours: of the page on which it is accepted, told once
	ExpiresAt Time           `json:"expires_at"`           // ours
	CreatedAt Time           `json:"created_at"`
	UpdatedAt Time           `json:"updated_at"`
}

// A TeamMember is an account's place in a team.
type TeamMember struct {
	ID                      string            `json:"id"`
	Email                   string            `json:"email"`
	Role                    string            `json:"role"` // admin, member, viewer, collaborator
	Federated               bool              `json:"federated"`
	TwoFactorAuthentication bool              `json:"two_factor_authentication"`
	IdentityProvider        *IdentityProvider `json:"identity_provider"`
	User                    TeamMemberUser    `json:"user"`
	CreatedAt               Time              `json:"created_at"`
	UpdatedAt               Time              `json:"updated_at"`
}

// TeamMemberUser is the account of a member.
type TeamMemberUser struct {
	ID    string  `json:"id"`
	Email string  `json:"email"`
	Name  *string `json:"name"`
}

// TeamMemberOpts adds a member or sets the role of one.
type TeamMemberOpts struct {
	Email     string `json:"email"`
	Role      string `json:"role"`
	Federated bool   `json:"federated,omitempty"`
}

// A PermissionEntity tells who may do what with an app or a space of a team.
type PermissionEntity struct {
	ID     string                 `json:"id"`
	Name   string                 `json:"name"`
	TeamID string                 `json:"team_id"`
	Type   string                 `json:"type"` // "app" or "space"
	Users  List[PermissionHolder] `json:"users"`
}

// A PermissionHolder is one person of a PermissionEntity.
type PermissionHolder struct {
	ID          string       `json:"id"`
	Email       string       `json:"email"`
	Permissions List[string] `json:"permissions"`
}

// Teams lists the teams that the caller belongs to.
func (c *Client) Teams(ctx context.Context) ([]Team, error) {
	return all[Team](ctx, c, "/teams")
}

// Team is one team by its name or id.
func (c *Client) Team(ctx context.Context, team string) (Team, error) {
	return get[Team](ctx, c, Path("/teams/%s", team))
}

// CreateTeam makes a team with the caller as its administrator.
func (c *Client) CreateTeam(ctx context.Context, in TeamCreateOpts) (Team, error) {
	return call[Team](ctx, c, http.MethodPost, "/teams", in)
}

// UpdateTeam renames a team.
func (c *Client) UpdateTeam(ctx context.Context, team string, in TeamUpdateOpts) (Team, error) {
	return call[Team](ctx, c, http.MethodPatch, Path("/teams/%s", team), in)
}

// DeleteTeam deletes an empty team.
func (c *Client) DeleteTeam(ctx context.Context, team string) (Team, error) {
	return call[Team](ctx, c, http.MethodDelete, Path("/teams/%s", team), nil)
}

// Members lists the members of a team.
func (c *Client) Members(ctx context.Context, team string) ([]TeamMember, error) {
	return all[TeamMember](ctx, c, Path("/teams/%s/members", team))
}

// AddMember adds a member, or sets the role of one who is there already.
func (c *Client) AddMember(ctx context.Context, team string, in TeamMemberOpts) (TeamMember, error) {
	return call[TeamMember](ctx, c, http.MethodPut, Path("/teams/%s/members", team), in)
}

// SetMember changes the role of a member.
func (c *Client) SetMember(ctx context.Context, team string, in TeamMemberOpts) (TeamMember, error) {
	return call[TeamMember](ctx, c, http.MethodPatch, Path("/teams/%s/members", team), in)
}

// Invitations lists who is invited to a team.
func (c *Client) Invitations(ctx context.Context, team string) ([]TeamInvitation, error) {
	return all[TeamInvitation](ctx, c, Path("/teams/%s/invitations", team))
}

// Invite asks somebody to join a team.
func (c *Client) Invite(ctx context.Context, team string, in TeamMemberOpts) (TeamInvitation, error) {
	return call[TeamInvitation](ctx, c, http.MethodPut, Path("/teams/%s/invitations", team), in)
}

// Uninvite takes an invitation back, by its id or the e-mail address that it is for.
func (c *Client) Uninvite(ctx context.Context, team, whom string) error {
	return c.Do(ctx, http.MethodDelete, Path("/teams/%s/invitations/%s", team, whom), nil, nil)
}

// SetTeamRanges says from which ranges a team is used. It is ours.
func (c *Client) SetTeamRanges(ctx context.Context, team string, ranges []string) (Team, error) {
	return call[Team](ctx, c, http.MethodPut, Path("/teams/%s/trusted-ranges", team), TeamRangesOpts{TrustedRanges: &ranges})
}

// ClearTeamRanges lets a team be used from everywhere. It is ours, and only operators may.
func (c *Client) ClearTeamRanges(ctx context.Context, team string) (Team, error) {
	return call[Team](ctx, c, http.MethodDelete, Path("/teams/%s/trusted-ranges", team), nil)
}

// RemoveMember takes a member out of a team.
func (c *Client) RemoveMember(ctx context.Context, team, email string) error {
	return c.Do(ctx, http.MethodDelete, Path("/teams/%s/members/%s", team, email), nil, nil)
}

// SuspendTeam holds a team as it is. It is ours, and only operators may.
func (c *Client) SuspendTeam(ctx context.Context, team string) (Team, error) {
	return call[Team](ctx, c, http.MethodPost, Path("/teams/%s/actions/suspend", team), nil)
}

// RestoreTeam lets a team go on.
func (c *Client) RestoreTeam(ctx context.Context, team string) (Team, error) {
	return call[Team](ctx, c, http.MethodPost, Path("/teams/%s/actions/restore", team), nil)
}

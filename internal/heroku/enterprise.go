package heroku

import (
	"context"
	"encoding/json"
	"net/http"
)

// An EnterpriseAccount owns teams. An installation is one.
type EnterpriseAccount struct {
	ID               string            `json:"id"`
	Name             string            `json:"name"`
	Permissions      List[string]      `json:"permissions"` // of the caller
	Trial            bool              `json:"trial"`
	PartnerBenefits  bool              `json:"partner_benefits"`
	IdentityProvider *IdentityProvider `json:"identity_provider"`
	CreatedAt        Time              `json:"created_at"`
	UpdatedAt        Time              `json:"updated_at"`
}

// EnterpriseAccountUpdateOpts renames an enterprise account.
type EnterpriseAccountUpdateOpts struct {
	Name string `json:"name"`
}

// An EnterpriseAccountMember is a person with permissions of the enterprise account: an operator.
type EnterpriseAccountMember struct {
	ID                      string                            `json:"id"`
	EnterpriseAccount       Named                             `json:"enterprise_account"`
	User                    Person                            `json:"user"`
	Permissions             List[EnterpriseAccountPermission] `json:"permissions"`
	TwoFactorAuthentication bool                              `json:"two_factor_authentication"`
	IdentityProvider        *IdentityProvider                 `json:"identity_provider"`
}

// An EnterpriseAccountPermission is one of view, create, manage, billing.
type EnterpriseAccountPermission struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// EnterpriseAccountMemberOpts makes somebody a member, or says what one may.
type EnterpriseAccountMemberOpts struct {
	User        string       `json:"user,omitempty"`
	Permissions List[string] `json:"permissions"`
	Federated   bool         `json:"federated,omitempty"`
}

// EnterpriseAccounts lists the enterprise accounts that the caller is a member of.
func (c *Client) EnterpriseAccounts(ctx context.Context) ([]EnterpriseAccount, error) {
	return all[EnterpriseAccount](ctx, c, "/enterprise-accounts")
}

// EnterpriseAccountMembers lists the members of an enterprise account.
func (c *Client) EnterpriseAccountMembers(ctx context.Context, account string) ([]EnterpriseAccountMember, error) {
	return all[EnterpriseAccountMember](ctx, c, Path("/enterprise-accounts/%s/members", account))
}

// AddEnterpriseAccountMember makes somebody a member of an enterprise account.
func (c *Client) AddEnterpriseAccountMember(ctx context.Context, account string, in EnterpriseAccountMemberOpts) (EnterpriseAccountMember, error) {
	return call[EnterpriseAccountMember](ctx, c, http.MethodPost, Path("/enterprise-accounts/%s/members", account), in)
}

// RemoveEnterpriseAccountMember takes somebody's permissions of an enterprise account away.
func (c *Client) RemoveEnterpriseAccountMember(ctx context.Context, account, user string) error {
	return c.Do(ctx, http.MethodDelete, Path("/enterprise-accounts/%s/members/%s", account, user), nil, nil)
}

// A TrailEvent is an entry of the audit trail in Heroku's form.
type TrailEvent struct {
	ID                string       `json:"id"`
	Type              string       `json:"type"`
	Action            string       `json:"action"`
	Actor             TrailActor   `json:"actor"`
	App               TrailNamed   `json:"app"`
	Owner             TrailActor   `json:"owner"` // of the app
	EnterpriseAccount Named        `json:"enterprise_account"`
	Team              TrailNamed   `json:"team"`
	Request           TrailRequest `json:"request"`
	Data              TrailData    `json:"data"`
	CreatedAt         Time         `json:"created_at"`
}

// A TrailNamed is what an event was about; {} if it was about none, or that is gone.
type TrailNamed struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// A TrailActor is who did it. The platform itself has neither; who has no account any more has no id.
type TrailActor struct {
	ID    string `json:"id,omitempty"`
	Email string `json:"email,omitempty"`
}

// A TrailRequest is where it was asked for.
type TrailRequest struct {
	IPAddress string `json:"ip_address,omitempty"`
	ID        string `json:"id,omitempty"` // ours
}

// TrailData is what our own events have beside what Heroku's have.
type TrailData struct {
	Seq     int64           `json:"seq"`
	ID      string          `json:"id"` // of what it was about
	Text    string          `json:"text"`
	Changes json.RawMessage `json:"changes"` // {"field": [before, after], …}, or null
	Seal    string          `json:"seal"`
}

// An Archive is a month of the audit trail. A list of them has neither address nor size.
type Archive struct {
	Year      int    `json:"year"`
	Month     string `json:"month"` // "01" to "12"
	CreatedAt Time   `json:"created_at"`
	URL       string `json:"url,omitempty"`      // good for some minutes, without credentials
	Checksum  string `json:"checksum,omitempty"` // SHA-256, hexadecimal
	Size      int64  `json:"size,omitempty"`     // bytes
}

// Archives lists the months of the audit trail.
func (c *Client) Archives(ctx context.Context, account string) ([]Archive, error) {
	return all[Archive](ctx, c, Path("/enterprise-accounts/%s/archives", account))
}

// Archive is a month of the audit trail, with where to get it.
func (c *Client) Archive(ctx context.Context, account, year, month string) (Archive, error) {
	return call[Archive](ctx, c, http.MethodGet, Path("/enterprise-accounts/%s/archives/%s/%s", account, year, month), nil)
}

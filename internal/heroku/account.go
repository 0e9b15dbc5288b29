package heroku

import (
	"context"
	"net/http"
)

// An Account is a person who can sign in.
type Account struct {
	ID                      string            `json:"id"`
	Email                   string            `json:"email"`
	Name                    *string           `json:"name"`
	AllowTracking           bool              `json:"allow_tracking"`
	Beta                    bool              `json:"beta"`
	Federated               bool              `json:"federated"`
	Verified                bool              `json:"verified"`
	TwoFactorAuthentication bool              `json:"two_factor_authentication"`
	SMSNumber               *string           `json:"sms_number"`
	CountryOfResidence      *string           `json:"country_of_residence"`
	IdentityProvider        *IdentityProvider `json:"identity_provider"`
	DefaultOrganization     *Named            `json:"default_organization"`
	DefaultTeam             *Named            `json:"default_team"`
	LastLogin               Time              `json:"last_login"`
	SuspendedAt             Time              `json:"suspended_at"`
	DelinquentAt            Time              `json:"delinquent_at"`
	CreatedAt               Time              `json:"created_at"`
	UpdatedAt               Time              `json:"updated_at"`
}

// An IdentityProvider is where a federated account signs in.
type IdentityProvider struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Team         *Named `json:"team"`
	Organization *Named `json:"organization"`
}

// AccountUpdateOpts changes an account; what is nil stays.
type AccountUpdateOpts struct {
	AllowTracking *bool   `json:"allow_tracking,omitempty"`
	Beta          *bool   `json:"beta,omitempty"`
	Name          *string `json:"name,omitempty"`
}

// A RateLimit is how many calls the token has left in this hour.
type RateLimit struct {
	Remaining int `json:"remaining"`
}

// A Key is a public SSH key of an account.
type Key struct {
	ID          string `json:"id"`
	Email       string `json:"email"`
	Comment     string `json:"comment"`
	Fingerprint string `json:"fingerprint"`
	PublicKey   string `json:"public_key"`
	CreatedAt   Time   `json:"created_at"`
	UpdatedAt   Time   `json:"updated_at"`
}

// KeyCreateOpts adds a key in the format of an authorized_keys line.
type KeyCreateOpts struct {
	PublicKey string `json:"public_key"`
}

// Account is the account of the client's token.
func (c *Client) Account(ctx context.Context) (Account, error) {
	return get[Account](ctx, c, "/account")
}

// RateLimit is what is left of this hour's calls.
func (c *Client) RateLimit(ctx context.Context) (RateLimit, error) {
	return get[RateLimit](ctx, c, "/account/rate-limits")
}

// Keys lists the account's SSH keys.
func (c *Client) Keys(ctx context.Context) ([]Key, error) {
	return all[Key](ctx, c, "/account/keys")
}

// CreateKey adds an SSH key.
func (c *Client) CreateKey(ctx context.Context, in KeyCreateOpts) (Key, error) {
	return call[Key](ctx, c, http.MethodPost, "/account/keys", in)
}

// DeleteKey removes an SSH key by its id.
func (c *Client) DeleteKey(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, Path("/account/keys/%s", id), nil, nil)
}

// User finds the caller, or somebody of their teams, by id or e-mail address.
func (c *Client) User(ctx context.Context, user string) (Account, error) {
	return call[Account](ctx, c, http.MethodGet, Path("/users/%s", user), nil)
}

// SuspendUser keeps a person out. It is ours, and only operators may.
func (c *Client) SuspendUser(ctx context.Context, email string) (Account, error) {
	return call[Account](ctx, c, http.MethodPost, Path("/users/%s/actions/suspend", email), nil)
}

// RestoreUser lets a person in again.
func (c *Client) RestoreUser(ctx context.Context, email string) (Account, error) {
	return call[Account](ctx, c, http.MethodPost, Path("/users/%s/actions/restore", email), nil)
}

package heroku

import (
	"context"
	"net/http"
)

// An Authorization is an API token: what it may do, and for whom.
type Authorization struct {
	ID           string        `json:"id"`
	Description  string        `json:"description"`
	Scope        List[string]  `json:"scope"`
	AccessToken  *Token        `json:"access_token"`
	RefreshToken *Token        `json:"refresh_token"`
	Client       *OAuthClient  `json:"client"`
	Grant        *Grant        `json:"grant"`
	Session      *ID           `json:"session"`
	User         AuthorizedFor `json:"user"`
	CreatedAt    Time          `json:"created_at"`
	UpdatedAt    Time          `json:"updated_at"`
}

// AuthorizedFor is the account that a token stands for.
type AuthorizedFor struct {
	ID       string  `json:"id"`
	Email    string  `json:"email"`
	FullName *string `json:"full_name"`
}

// A Token is a credential. Only the answer to the call that made it has the whole text; lists hide most of it behind
// asterisks.
type Token struct {
	ID        string `json:"id"`
	Token     string `json:"token"`
	ExpiresIn *int   `json:"expires_in"` // seconds from now; null: never
}

// An OAuthClient is a program that asked for a token.
type OAuthClient struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	RedirectURI string `json:"redirect_uri"`
}

// An OAuthClientInfo is a client as its owner sees it.
type OAuthClientInfo struct {
	OAuthClient
	IgnoresDelinquent *bool  `json:"ignores_delinquent"` // null
	Secret            string `json:"secret"`
	CreatedAt         Time   `json:"created_at"`
	UpdatedAt         Time   `json:"updated_at"`
}

// OAuthClientOpts makes or changes a client; what is nil stays.
type OAuthClientOpts struct {
	Name        *string `json:"name,omitempty"`
	RedirectURI *string `json:"redirect_uri,omitempty"`
}

// A Grant is the code that a token was exchanged for.
type Grant struct {
	ID        string `json:"id"`
	Code      string `json:"code"`
	ExpiresIn int    `json:"expires_in"`
}

// AuthorizationCreateOpts makes a token.
type AuthorizationCreateOpts struct {
	Description string   `json:"description,omitempty"`
	Scope       []string `json:"scope,omitempty"`
	ExpiresIn   *Int     `json:"expires_in,omitempty"` // seconds; nil: never
	Client      Ref      `json:"client,omitempty"`
}

// AuthorizationUpdateOpts changes a token's description; what is nil stays.
type AuthorizationUpdateOpts struct {
	Description *string `json:"description,omitempty"`
	Client      *Ref    `json:"client,omitempty"`
}

// A Session is a sign-in of a browser.
type Session struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	ExpiresIn   *int   `json:"expires_in"`
	CreatedAt   Time   `json:"created_at"`
	UpdatedAt   Time   `json:"updated_at"`
}

// SignIn exchanges an e-mail address and a password for a token. The client's own token is not sent. code is the
// second factor, asked for by an error with the id ErrTwoFactor; it may be "".
func (c *Client) SignIn(ctx context.Context, email, password, code string, in AuthorizationCreateOpts) (Authorization, error) {
	opts := []Option{Basic(email, password)}
	if code != "" {
		opts = append(opts, Header("Heroku-Two-Factor-Code", code))
	}
	return call[Authorization](ctx, c, http.MethodPost, "/oauth/authorizations", in, opts...)
}

// Authorizations lists the account's tokens, with their texts hidden.
func (c *Client) Authorizations(ctx context.Context) ([]Authorization, error) {
	return all[Authorization](ctx, c, "/oauth/authorizations")
}

// Authorization is one token by its id; "~" is the one in use.
func (c *Client) Authorization(ctx context.Context, id string) (Authorization, error) {
	return get[Authorization](ctx, c, Path("/oauth/authorizations/%s", id))
}

// CreateAuthorization makes a token beside the one in use.
func (c *Client) CreateAuthorization(ctx context.Context, in AuthorizationCreateOpts) (Authorization, error) {
	return call[Authorization](ctx, c, http.MethodPost, "/oauth/authorizations", in)
}

// UpdateAuthorization changes a token's description.
func (c *Client) UpdateAuthorization(ctx context.Context, id string, in AuthorizationUpdateOpts) (Authorization, error) {
	return call[Authorization](ctx, c, http.MethodPatch, Path("/oauth/authorizations/%s", id), in)
}

// RotateAuthorization gives a token a new text; the old one is void at once.
func (c *Client) RotateAuthorization(ctx context.Context, id string) (Authorization, error) {
	return call[Authorization](ctx, c, http.MethodPost, Path("/oauth/authorizations/%s/actions/regenerate-tokens", id), nil)
}

// DeleteAuthorization makes a token void.
func (c *Client) DeleteAuthorization(ctx context.Context, id string) (Authorization, error) {
	return call[Authorization](ctx, c, http.MethodDelete, Path("/oauth/authorizations/%s", id), nil)
}

// DeleteSession ends a session; "~" is the one in use.
func (c *Client) DeleteSession(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, Path("/oauth/sessions/%s", id), nil, nil)
}

// OAuthTokenOpts is how a client asks for its tokens.
type OAuthTokenOpts struct {
	Client struct {
		Secret string `json:"secret"`
	} `json:"client"`
	Grant        OAuthGrant `json:"grant"`
	RefreshToken struct {
		Token string `json:"token"`
	} `json:"refresh_token"`
}

// An OAuthGrant is what a client shows for its tokens.
type OAuthGrant struct {
	Code string `json:"code"`
	Type string `json:"type"` // "authorization_code" or "refresh_token"
}

// An OAuthToken is a client's access token and the token by which it gets the next one.
type OAuthToken struct {
	ID            string     `json:"id"`
	AccessToken   Token      `json:"access_token"`
	RefreshToken  Token      `json:"refresh_token"`
	Authorization ID         `json:"authorization"`
	Client        *struct{}  `json:"client"` // whose secret it keeps to itself
	Grant         OAuthGrant `json:"grant"`
	Session       ID         `json:"session"`
	User          ID         `json:"user"`
	CreatedAt     Time       `json:"created_at"`
	UpdatedAt     Time       `json:"updated_at"`
}

package heroku

import (
	"context"
	"net/http"
)

// A MutualTLS says who alone may come to a domain: clients whose certificate one of the authorities has signed. It is of our own;
// Heroku has the like for its data services.
type MutualTLS struct {
	Domain      MutualTLSDomain `json:"domain"`
	Enabled     bool            `json:"enabled"`
	CA          *string         `json:"ca"` // PEM; null: anybody may come
	Authorities []Authority     `json:"authorities"`
}

// A MutualTLSDomain is the domain that it is about.
type MutualTLSDomain struct {
	ID       string `json:"id"`
	Hostname string `json:"hostname"`
}

// An Authority is one whose word is taken on who a client is.
type Authority struct {
	Subject      string `json:"subject"`
	SerialNumber string `json:"serial_number"` // hex
	ExpiresAt    Time   `json:"expires_at"`
}

// MutualTLSOpts closes a domain to all but known clients.
type MutualTLSOpts struct {
	CA string `json:"ca"` // PEM
}

// MutualTLS says who may come to a domain.
func (c *Client) MutualTLS(ctx context.Context, app, hostname string) (MutualTLS, error) {
	return get[MutualTLS](ctx, c, Path("/apps/%s/domains/%s/mtls", app, hostname))
}

// SetMutualTLS closes a domain to all but the clients of some authorities.
func (c *Client) SetMutualTLS(ctx context.Context, app, hostname string, in MutualTLSOpts) (MutualTLS, error) {
	return call[MutualTLS](ctx, c, http.MethodPut, Path("/apps/%s/domains/%s/mtls", app, hostname), in)
}

// UnsetMutualTLS opens a domain again.
func (c *Client) UnsetMutualTLS(ctx context.Context, app, hostname string) (MutualTLS, error) {
	return call[MutualTLS](ctx, c, http.MethodDelete, Path("/apps/%s/domains/%s/mtls", app, hostname), nil)
}

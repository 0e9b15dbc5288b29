package heroku

import (
	"context"
	"net/http"
)

// A Domain is a host name of an app.
type Domain struct {
	ID              string  `json:"id"`
	App             Named   `json:"app"`
	Hostname        string  `json:"hostname"`
	Kind            string  `json:"kind"`   // heroku or custom
	CNAME           *string `json:"cname"`  // what the name's DNS record must point to
	Status          string  `json:"status"` // none, pending, succeeded, failed
	ACMStatus       *string `json:"acm_status"`
	ACMStatusReason *string `json:"acm_status_reason"`
	SNIEndpoint     *Named  `json:"sni_endpoint"`
	CreatedAt       Time    `json:"created_at"`
	UpdatedAt       Time    `json:"updated_at"`
}

// DomainCreateOpts adds a domain. sni_endpoint is sent as null when there is none: the schema requires the key.
type DomainCreateOpts struct {
	Hostname    string `json:"hostname"`
	SNIEndpoint *Ref   `json:"sni_endpoint"`
}

// DomainUpdateOpts gives a domain another certificate.
type DomainUpdateOpts struct {
	SNIEndpoint *Ref `json:"sni_endpoint"`
}

// Domains lists the domains of an app.
func (c *Client) Domains(ctx context.Context, app string) ([]Domain, error) {
	return all[Domain](ctx, c, Path("/apps/%s/domains", app))
}

// Domain is one domain by its host name or id.
func (c *Client) Domain(ctx context.Context, app, hostname string) (Domain, error) {
	return get[Domain](ctx, c, Path("/apps/%s/domains/%s", app, hostname))
}

// AddDomain adds a domain to an app.
func (c *Client) AddDomain(ctx context.Context, app string, in DomainCreateOpts) (Domain, error) {
	return call[Domain](ctx, c, http.MethodPost, Path("/apps/%s/domains", app), in)
}

// UpdateDomain has a domain served with another certificate.
func (c *Client) UpdateDomain(ctx context.Context, app, hostname string, in DomainUpdateOpts) (Domain, error) {
	return call[Domain](ctx, c, http.MethodPatch, Path("/apps/%s/domains/%s", app, hostname), in)
}

// RemoveDomain takes a domain from an app.
func (c *Client) RemoveDomain(ctx context.Context, app, hostname string) (Domain, error) {
	return call[Domain](ctx, c, http.MethodDelete, Path("/apps/%s/domains/%s", app, hostname), nil)
}

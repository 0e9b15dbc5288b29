package heroku

import (
	"context"
	"net/http"
)

// An SNIEndpoint is a certificate of an app that some of its domains are served with. Its key is never told.
type SNIEndpoint struct {
	ID               string       `json:"id"`
	Name             string       `json:"name"`
	DisplayName      *string      `json:"display_name"`
	App              Named        `json:"app"`
	CertificateChain string       `json:"certificate_chain"` // PEM, as it was given
	Domains          List[string] `json:"domains"`           // ids
	SSLCert          SSLCert      `json:"ssl_cert"`
	CreatedAt        Time         `json:"created_at"`
	UpdatedAt        Time         `json:"updated_at"`
}

// An SSLCert tells of a certificate.
type SSLCert struct {
	ID          string       `json:"id"`
	ACM         bool         `json:"acm"`
	CASigned    bool         `json:"ca_signed?"`
	SelfSigned  bool         `json:"self_signed?"`
	CertDomains List[string] `json:"cert_domains"`
	Issuer      string       `json:"issuer"`  // "/C=US/O=Let's Encrypt/CN=R3"
	Subject     string       `json:"subject"` // "/CN=www.example.com"
	StartsAt    Time         `json:"starts_at"`
	ExpiresAt   Time         `json:"expires_at"`
}

// SNIEndpointOpts adds or changes a certificate; what is nil stays.
type SNIEndpointOpts struct {
	CertificateChain *string `json:"certificate_chain,omitempty"`
	PrivateKey       *string `json:"private_key,omitempty"`
	DisplayName      *string `json:"display_name,omitempty"`
}

// SNIEndpoints lists the certificates of an app.
func (c *Client) SNIEndpoints(ctx context.Context, app string) ([]SNIEndpoint, error) {
	return all[SNIEndpoint](ctx, c, Path("/apps/%s/sni-endpoints", app))
}

// SNIEndpoint is one certificate by its name or id.
func (c *Client) SNIEndpoint(ctx context.Context, app, name string) (SNIEndpoint, error) {
	return get[SNIEndpoint](ctx, c, Path("/apps/%s/sni-endpoints/%s", app, name))
}

// AddSNIEndpoint gives an app a certificate.
func (c *Client) AddSNIEndpoint(ctx context.Context, app string, in SNIEndpointOpts) (SNIEndpoint, error) {
	return call[SNIEndpoint](ctx, c, http.MethodPost, Path("/apps/%s/sni-endpoints", app), in)
}

// UpdateSNIEndpoint puts another certificate in the place of one.
func (c *Client) UpdateSNIEndpoint(ctx context.Context, app, name string, in SNIEndpointOpts) (SNIEndpoint, error) {
	return call[SNIEndpoint](ctx, c, http.MethodPatch, Path("/apps/%s/sni-endpoints/%s", app, name), in)
}

// RemoveSNIEndpoint takes a certificate from an app.
func (c *Client) RemoveSNIEndpoint(ctx context.Context, app, name string) error {
	return c.Do(ctx, http.MethodDelete, Path("/apps/%s/sni-endpoints/%s", app, name), nil, nil)
}

// ACMOpts has the certificates that were not had tried again.
type ACMOpts struct {
	ACMRefresh *bool `json:"acm_refresh"`
}

// EnableACM has the platform get certificates for an app's domains.
func (c *Client) EnableACM(ctx context.Context, app string) (App, error) {
	return call[App](ctx, c, http.MethodPost, Path("/apps/%s/acm", app), struct{}{})
}

// RefreshACM has the certificates that were not had tried again.
func (c *Client) RefreshACM(ctx context.Context, app string) (App, error) {
	return call[App](ctx, c, http.MethodPatch, Path("/apps/%s/acm", app), ACMOpts{ACMRefresh: Pointer(true)})
}

// DisableACM ends that.
func (c *Client) DisableACM(ctx context.Context, app string) (App, error) {
	return call[App](ctx, c, http.MethodDelete, Path("/apps/%s/acm", app), nil)
}

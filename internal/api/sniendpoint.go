package api

import (
	"bytes"
	"crypto/x509/pkix"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) sniEndpointRoutes(r chi.Router) {
	r.Get("/apps/{app}/sni-endpoints", a.do(a.sniEndpointList))
	r.Post("/apps/{app}/sni-endpoints", a.do(a.sniEndpointCreate))
	r.Get("/apps/{app}/sni-endpoints/{endpoint}", a.do(a.sniEndpointInfo))
	r.Patch("/apps/{app}/sni-endpoints/{endpoint}", a.do(a.sniEndpointUpdate))
	r.Delete("/apps/{app}/sni-endpoints/{endpoint}", a.do(a.sniEndpointDelete))
}

func (a *API) sniEndpointList(r *request) (reply, error) {
	app, all, err := a.platform.Endpoints(r.Context(), r.actor, r.param("app"))
	return list(each(all, func(e platform.EndpointInfo) heroku.SNIEndpoint { return sniEndpoint(app, e) }), byID(func(e heroku.SNIEndpoint) string { return e.ID }),
		byName(func(e heroku.SNIEndpoint) string { return e.Name })), err
}

func (a *API) sniEndpointCreate(r *request) (reply, error) {
	in, err := certificate(r)
	if err != nil {
		return reply{}, err
	}
	app, e, err := a.platform.AddEndpoint(r.Context(), r.actor, r.param("app"), in)
	return created(sniEndpoint(app, e)).warn(e.Warnings), err
}

func (a *API) sniEndpointInfo(r *request) (reply, error) {
	app, e, err := a.platform.Endpoint(r.Context(), r.actor, r.param("app"), r.param("endpoint"))
	return ok(sniEndpoint(app, e)), err
}

func (a *API) sniEndpointUpdate(r *request) (reply, error) {
	in, err := certificate(r)
	if err != nil {
		return reply{}, err
	}
	app, e, err := a.platform.ChangeEndpoint(r.Context(), r.actor, r.param("app"), r.param("endpoint"), in)
	return ok(sniEndpoint(app, e)).warn(e.Warnings), err
}

func (a *API) sniEndpointDelete(r *request) (reply, error) {
	app, e, err := a.platform.RemoveEndpoint(r.Context(), r.actor, r.param("app"), r.param("endpoint"))
	return ok(sniEndpoint(app, e)), err
}

// certificate reads what was uploaded. Clients send an empty display name for none.
func certificate(r *request) (platform.EndpointSpec, error) {
	in, err := decode[heroku.SNIEndpointOpts](r)
	out := platform.EndpointSpec{Chain: in.CertificateChain, Label: in.DisplayName}
	if in.PrivateKey != nil {
		key := cloister.Secret(*in.PrivateKey)
		out.Key = &key
	}
	return out, err
}

func (r reply) warn(warnings []string) reply {
	r.warning = strings.Join(warnings, " ")
	return r
}

func sniEndpoint(app platform.AppInfo, e platform.EndpointInfo) heroku.SNIEndpoint {
	out := heroku.SNIEndpoint{ID: e.ID, Name: e.Name, DisplayName: optional(e.Label), App: appName(app), CertificateChain: e.Chain,
		Domains: each(e.Domains, func(d cloister.Domain) string { return d.ID }), CreatedAt: heroku.At(e.CreatedAt), UpdatedAt: heroku.At(e.UpdatedAt)}
	leaf, err := e.Leaf()
	if err != nil {
		return out // it was read before it was kept
	}
	self := bytes.Equal(leaf.RawIssuer, leaf.RawSubject)
	out.SSLCert = heroku.SSLCert{ID: e.ID, ACM: e.ACM, CASigned: !self, SelfSigned: self, CertDomains: leaf.DNSNames, Issuer: distinguished(leaf.Issuer), Subject: distinguished(leaf.Subject),
		StartsAt: heroku.At(leaf.NotBefore), ExpiresAt: heroku.At(leaf.NotAfter)}
	return out
}

// distinguished is a name as openssl writes it on one line: "/C=US/O=Example/CN=www.example.com".
func distinguished(n pkix.Name) string {
	var b strings.Builder
	for _, part := range []struct {
		key    string
		values []string
	}{{"C", n.Country}, {"ST", n.Province}, {"L", n.Locality}, {"O", n.Organization}, {"OU", n.OrganizationalUnit}, {"CN", []string{n.CommonName}}} {
		for _, v := range part.values {
			if v != "" {
				b.WriteString("/" + part.key + "=" + v)
			}
		}
	}
	return b.String()
}

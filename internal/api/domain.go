package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) domainRoutes(r chi.Router) {
	r.Get("/apps/{app}/domains", a.do(a.domainList))
	r.Post("/apps/{app}/domains", a.do(a.domainCreate))
	r.Get("/apps/{app}/domains/{domain}", a.do(a.domainInfo))
	r.Patch("/apps/{app}/domains/{domain}", a.do(a.domainUpdate))
	r.Delete("/apps/{app}/domains/{domain}", a.do(a.domainDelete))
}

func (a *API) domainList(r *request) (reply, error) {
	app, all, err := a.platform.Domains(r.Context(), r.actor, r.param("app"))
	return list(each(all, func(d platform.DomainInfo) heroku.Domain { return domain(app, d) }), byID(func(d heroku.Domain) string { return d.ID }),
		column[heroku.Domain]{name: "hostname", value: func(d heroku.Domain) string { return d.Hostname }}), err
}

func (a *API) domainCreate(r *request) (reply, error) {
	in, err := decode[heroku.DomainCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	app, d, err := a.platform.AddDomain(r.Context(), r.actor, r.param("app"), in.Hostname, reference(in.SNIEndpoint))
	return created(domain(app, d)), err
}

func (a *API) domainInfo(r *request) (reply, error) {
	app, d, err := a.platform.Domain(r.Context(), r.actor, r.param("app"), r.param("domain"))
	return ok(domain(app, d)), err
}

// domainUpdate without an endpoint takes the domain's from it.
func (a *API) domainUpdate(r *request) (reply, error) {
	in, err := decode[heroku.DomainUpdateOpts](r)
	if err != nil {
		return reply{}, err
	}
	app, d, err := a.platform.PinDomain(r.Context(), r.actor, r.param("app"), r.param("domain"), reference(in.SNIEndpoint))
	return ok(domain(app, d)), err
}

func (a *API) domainDelete(r *request) (reply, error) {
	app, d, err := a.platform.RemoveDomain(r.Context(), r.actor, r.param("app"), r.param("domain"))
	return ok(domain(app, d)), err
}

func reference(r *heroku.Ref) string {
	if r == nil {
		return ""
	}
	return string(*r)
}

func domain(app platform.AppInfo, d platform.DomainInfo) heroku.Domain {
	out := heroku.Domain{ID: d.ID, App: appName(app), Hostname: d.Hostname, Kind: "custom", CNAME: optional(d.Target), Status: "pending",
		ACMStatus: optional(d.ACMStatus), ACMStatusReason: optional(d.ACMReason), CreatedAt: heroku.At(d.CreatedAt), UpdatedAt: heroku.At(d.UpdatedAt)}
	if d.Default {
		out.Kind = "heroku"
	}
	if d.Ready {
		out.Status = "succeeded"
	}
	if d.EndpointID != "" {
		out.SNIEndpoint = &heroku.Named{ID: d.EndpointID, Name: d.EndpointName}
	}
	return out
}

// ownDomain is a domain as webhooks are told of it.
func (a *API) ownDomain(app platform.AppInfo, d cloister.Domain) heroku.Domain {
	return domain(app, platform.DomainInfo{Domain: d, Target: a.platform.DNSTarget(app)})
}

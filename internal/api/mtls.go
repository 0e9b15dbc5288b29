package api

import (
	"fmt"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) mtlsRoutes(r chi.Router) {
	r.Get("/apps/{app}/domains/{domain}/mtls", a.do(a.mtlsInfo))
	r.Put("/apps/{app}/domains/{domain}/mtls", a.do(a.mtlsSet))
	r.Delete("/apps/{app}/domains/{domain}/mtls", a.do(a.mtlsUnset))
}

func (a *API) mtlsInfo(r *request) (reply, error) {
	_, d, err := a.platform.Domain(r.Context(), r.actor, r.param("app"), r.param("domain"))
	return mtls(d, err)
}

func (a *API) mtlsSet(r *request) (reply, error) {
	in, err := decode[heroku.MutualTLSOpts](r)
	if err != nil {
		return reply{}, err
	}
	if in.CA == "" {
		return reply{}, cloister.Errorf(cloister.Invalid, "Give ca, the certificates of those who sign the clients' ones, PEM. To let anybody come, DELETE this.")
	}
	return mtls(a.platform.SetClients(r.Context(), r.actor, r.param("app"), r.param("domain"), in.CA))
}

func (a *API) mtlsUnset(r *request) (reply, error) {
	return mtls(a.platform.SetClients(r.Context(), r.actor, r.param("app"), r.param("domain"), ""))
}

func mtls(d platform.DomainInfo, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	out := heroku.MutualTLS{Domain: heroku.MutualTLSDomain{ID: d.ID, Hostname: d.Hostname}, Enabled: d.Clients != "", CA: optional(d.Clients), Authorities: []heroku.Authority{}}
	all, err := d.Authorities()
	for _, x := range all {
		out.Authorities = append(out.Authorities, heroku.Authority{Subject: x.Subject.String(), SerialNumber: fmt.Sprintf("%x", x.SerialNumber), ExpiresAt: heroku.At(x.NotAfter)})
	}
	return ok(out), err
}

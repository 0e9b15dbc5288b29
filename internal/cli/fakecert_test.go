package cli_test

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func (f *fake) certRoutes(mux *http.ServeMux) {
	mux.HandleFunc("PATCH /apps/{app}/domains/{host}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.DomainUpdateOpts](w, r)
		if !ok {
			return
		}
		for i, d := range f.domains[a.ID] {
			if d.Hostname == r.PathValue("host") {
				f.domains[a.ID][i].SNIEndpoint = &heroku.Named{ID: id(8400), Name: string(*in.SNIEndpoint)}
				reply(w, 200, f.domains[a.ID][i])
				return
			}
		}
		missing(w, "domain")
	}))
	closed := map[string]heroku.MutualTLS{}
	mtls := func(change func(*heroku.MutualTLS, *http.Request)) http.HandlerFunc {
		return f.on(func(w http.ResponseWriter, r *http.Request, _ *heroku.App) {
			m := closed[r.PathValue("host")]
			m.Domain.Hostname = r.PathValue("host")
			change(&m, r)
			closed[r.PathValue("host")] = m
			reply(w, 200, m)
		})
	}
	mux.HandleFunc("GET /apps/{app}/domains/{host}/mtls", mtls(func(*heroku.MutualTLS, *http.Request) {}))
	mux.HandleFunc("DELETE /apps/{app}/domains/{host}/mtls", mtls(func(m *heroku.MutualTLS, _ *http.Request) { *m = heroku.MutualTLS{Domain: m.Domain} }))
	mux.HandleFunc("PUT /apps/{app}/domains/{host}/mtls", mtls(func(m *heroku.MutualTLS, r *http.Request) {
		in, _ := read[heroku.MutualTLSOpts](nil, r)
		m.Enabled, m.Authorities = true, []heroku.Authority{{Subject: strings.TrimSpace(in.CA), SerialNumber: "7", ExpiresAt: heroku.At(fakeNow)}}
	}))
	path := "/apps/{app}/sni-endpoints"
	mux.HandleFunc("GET "+path, f.on(func(w http.ResponseWriter, _ *http.Request, a *heroku.App) {
		reply(w, 200, heroku.List[heroku.SNIEndpoint](f.certs[a.ID]))
	}))
	mux.HandleFunc("POST "+path, f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.SNIEndpointOpts](w, r)
		if !ok {
			return
		}
		if strings.TrimSpace(*in.PrivateKey) != "key" {
			problem(w, 422, "invalid_params", "The key does not belong to the certificate.", "")
			return
		}
		e := heroku.SNIEndpoint{ID: id(8400), Name: "quiet-garth-12345", SSLCert: heroku.SSLCert{CertDomains: strings.Fields(*in.CertificateChain), ExpiresAt: heroku.At(fakeNow)}}
		f.certs[a.ID] = append(f.certs[a.ID], e)
		reply(w, 201, e)
	}))
	mux.HandleFunc("PATCH "+path+"/{name}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.SNIEndpointOpts](w, r)
		if ok {
			f.certs[a.ID][0].SSLCert.CertDomains = strings.Fields(*in.CertificateChain)
			reply(w, 200, f.certs[a.ID][0])
		}
	}))
	mux.HandleFunc("DELETE "+path+"/{name}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		f.certs[a.ID] = slices.DeleteFunc(f.certs[a.ID], func(e heroku.SNIEndpoint) bool { return e.Name == r.PathValue("name") })
		reply(w, 200, struct{}{})
	}))
	acm := func(change func(a *heroku.App)) http.HandlerFunc {
		return f.on(func(w http.ResponseWriter, _ *http.Request, a *heroku.App) {
			change(a)
			reply(w, 200, a)
		})
	}
	mux.HandleFunc("POST /apps/{app}/acm", acm(func(a *heroku.App) {
		a.ACM = true
		for i := range f.domains[a.ID] {
			f.domains[a.ID][i].ACMStatus, f.domains[a.ID][i].ACMStatusReason = heroku.Pointer("failing"), heroku.Pointer("No DNS.")
		}
	}))
	mux.HandleFunc("PATCH /apps/{app}/acm", acm(func(a *heroku.App) {
		for i := range f.domains[a.ID] {
			f.domains[a.ID][i].ACMStatus, f.domains[a.ID][i].ACMStatusReason = heroku.Pointer("cert issued"), nil
		}
	}))
	mux.HandleFunc("DELETE /apps/{app}/acm", acm(func(a *heroku.App) { a.ACM = false }))
}

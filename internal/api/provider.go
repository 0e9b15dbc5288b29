package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/partner"
	"github.com/cloister-dev/cloister/internal/platform"
)

// providerRoutes are for the providers of add-ons, but for the manifest, by which an operator makes one known, and for sso, by
// which people go to them.
func (a *API) providerRoutes(r chi.Router) {
	r.Patch("/addons/{addon}/config", a.byVendor(a.vendConfig))
	r.Post("/addons/{addon}/actions/provision", a.byVendor(a.vendProvision))
	r.Post("/addons/{addon}/actions/deprovision", a.byVendor(a.vendDeprovision))
	r.Post("/addon-services", a.do(a.serviceCreate)) // Cloister's own: the body is a manifest
	r.Get("/apps/{app}/addons/{addon}/sso", a.do(a.addonSSO))
}

// byVendor makes a handler for the provider of an add-on.
func (a *API) byVendor(h func(*request, platform.Vendor) (reply, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := a.vendor(r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		note(r, v.Service.Name)
		out, err := h(&request{Request: r}, v)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		a.write(w, r, out)
	}
}

// vendor finds out which provider calls.
func (a *API) vendor(r *http.Request) (platform.Vendor, error) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch id, password, ok := basic(r); {
	case ok && id != "":
		return a.platform.Vendor(r.Context(), caller(r), id, password)
	case strings.EqualFold(scheme, "Bearer") && strings.TrimSpace(rest) != "":
		return a.platform.Vendor(r.Context(), caller(r), "", cloister.Secret(strings.TrimSpace(rest)))
	}
	return platform.Vendor{}, unauthorized()
}

// orVendor makes a handler for people into one that the provider of an add-on may call too.
func (a *API) orVendor(h handler, vendor func(*request, platform.Vendor) (reply, error)) http.HandlerFunc {
	people, providers := a.do(h), a.byVendor(vendor)
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := a.vendor(r); err == nil {
			providers(w, r)
			return
		}
		people(w, r)
	}
}

func (a *API) vendedInfo(r *request, v platform.Vendor) (reply, error) {
	x, _, err := a.platform.Vended(r.Context(), v, r.param("addon"))
	return ok(addon(x)), err
}

func (a *API) vendedConfig(r *request, v platform.Vendor) (reply, error) {
	_, vars, err := a.platform.Vended(r.Context(), v, r.param("addon"))
	return ok(addonVars(vars)), err
}

func (a *API) vendConfig(r *request, v platform.Vendor) (reply, error) {
	in, err := decode[heroku.AddonConfigOpts](r)
	if err != nil {
		return reply{}, err
	}
	change := map[string]*cloister.Secret{}
	for _, c := range in.Config {
		change[c.Name] = (*cloister.Secret)(c.Value)
	}
	vars, err := a.platform.Vend(r.Context(), v, r.param("addon"), change)
	return ok(addonVars(vars)), err
}

func (a *API) vendProvision(r *request, v platform.Vendor) (reply, error) {
	x, err := a.platform.Vending(r.Context(), v, r.param("addon"), true)
	return ok(addon(x)), err
}

func (a *API) vendDeprovision(r *request, v platform.Vendor) (reply, error) {
	x, err := a.platform.Vending(r.Context(), v, r.param("addon"), false)
	return ok(addon(x)), err
}

// serviceCreate makes a provider known, or what it says of itself anew.
func (a *API) serviceCreate(r *request) (reply, error) {
	text, err := r.body()
	if err != nil {
		return reply{}, err
	}
	m, err := partner.ParseManifest(text)
	if err != nil {
		return reply{}, err
	}
	s, _, err := a.platform.PutService(r.Context(), r.actor, serviceSpec(m))
	return created(addonService(s)), err
}

// serviceSpec is what a manifest says.
func serviceSpec(m partner.Manifest) platform.ServiceSpec {
	requires := map[string]bool{}
	for _, x := range m.API.Requires {
		requires[x] = true
	}
	out := platform.ServiceSpec{Service: cloister.AddonService{Name: m.ID, HumanName: m.Name, Kind: "partner", Prefix: m.API.Prefix, First: m.API.Prefix,
		Many: requires["many_per_app"], Shared: requires["attachable"], Provider: cloister.Provider{Slug: m.ID, URL: m.API.Production.BaseURL,
			SSOURL: m.API.Production.SSOURL, Password: m.API.Password, Salt: m.API.Salt, Vars: m.API.ConfigVars, Requires: m.API.Requires}}}
	for i, p := range m.Plans {
		out.Plans = append(out.Plans, cloister.Plan{Name: p.Name, HumanName: p.Name, Description: p.Description, Cents: int(p.Price.Cents), Default: i == 0, Outside: true,
			Regions: spaceRegions(m.API.Regions)})
	}
	return out
}

// spaceRegions are the regions of spaces that a manifest means: "us" and "eu" are Heroku's common ones, which for a space are
// as good as everywhere.
func spaceRegions(names []string) []string {
	if len(names) == 0 || slices.Contains(names, "us") || slices.Contains(names, "eu") {
		return nil
	}
	return names
}

// manifest is what of a provider's manifest signing people in takes.
func manifest(s cloister.AddonService) (m partner.Manifest) {
	m.ID, m.Name, m.API.Salt, m.API.Production.SSOURL = s.Name, s.HumanName, s.Provider.Salt, s.Provider.SSOURL
	return m
}

// addonSSO is how a browser goes to the page of an add-on at its provider: what it posts, and where.
func (a *API) addonSSO(r *request) (reply, error) {
	visit, err := a.platform.AddonSSO(r.Context(), r.actor, r.param("app"), r.param("addon"))
	if err != nil {
		return reply{}, err
	}
	x := visit.Addon
	to, form, err := manifest(x.Service).SSO(partner.Visit{ResourceID: x.ID, ProviderID: x.ProviderID, Email: visit.User.Email, App: x.App.Name, UserID: visit.User.ID}, time.Now())
	if err != nil {
		return reply{}, err
	}
	fields := map[string]string{}
	for name := range form {
		fields[name] = form.Get(name)
	}
	return ok(heroku.AddonSSO{Method: http.MethodPost, Action: to, Params: fields}), nil
}

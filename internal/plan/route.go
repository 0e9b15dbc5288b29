package plan

import (
	"net/url"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
)

// RouteInput is what is known of an app that the router may have to answer for.
type RouteInput struct {
	App       cloister.App
	Host      string // its default name
	Domains   []cloister.Domain
	Endpoints []cloister.Endpoint
	Deployed  bool // its current release has code
	Dynos     []cloister.Dyno
}

// Route is an app's entry in the router's table, but for the trusted ranges and the addresses of its space. Equal
// states give equal entries.
func Route(in RouteInput) cloister.Route {
	r := cloister.Route{AppID: in.App.ID, AppName: in.App.Name, SpaceID: in.App.SpaceID,
		Internal: in.App.InternalRouting, Maintenance: in.App.Maintenance, Blank: !in.Deployed,
		TLS: in.App.TLS(), ErrorPage: pageURL(in.App, "ERROR_PAGE_URL"), MaintenancePage: pageURL(in.App, "MAINTENANCE_PAGE_URL")}
	r.Hosts = append(r.Hosts, strings.ToLower(in.Host))
	for _, d := range in.Domains {
		r.Hosts = append(r.Hosts, d.Hostname)
		if d.Clients != "" {
			r.Clients = append(r.Clients, cloister.Clients{Host: d.Hostname, Authorities: []byte(d.Clients)})
		}
	}
	slices.Sort(r.Hosts)
	for _, e := range in.Endpoints {
		var names []string
		for _, d := range in.Domains {
			if d.EndpointID == e.ID {
				names = append(names, d.Hostname)
			}
		}
		if len(names) > 0 {
			r.Certificates = append(r.Certificates, e.Certificate(names))
		}
	}
	dynos := slices.Clone(in.Dynos)
	slices.SortFunc(dynos, byAge)
	for _, d := range dynos {
		if d.Type != web || d.Retired() {
			continue
		}
		switch d.State {
		case cloister.DynoUp:
			if d.Endpoint.IsValid() {
				r.Dynos = append(r.Dynos, cloister.RouteDyno{ID: d.ID, Name: d.Name(), Zone: d.Zone, Endpoint: d.Endpoint})
			}
		case cloister.DynoCrashed:
			r.Crashed = true
		case cloister.DynoStarting:
			r.Starting = true
		}
	}
	if len(r.Dynos) > 0 {
		r.Crashed, r.Starting = false, false
	}
	return r
}

// pageURL is where a page is that a config var names, "" if that is no address of a page.
func pageURL(a cloister.App, name string) string {
	u, err := url.Parse(a.Config[name].Reveal())
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.String()
}

// RouteWithout is an entry without the dynos of lost zones. An app that is left with none waits for their successors.
func RouteWithout(r cloister.Route, lost []string) cloister.Route {
	if len(lost) == 0 || len(r.Dynos) == 0 {
		return r
	}
	r.Dynos = slices.DeleteFunc(slices.Clone(r.Dynos), func(d cloister.RouteDyno) bool { return slices.Contains(lost, d.Zone) })
	r.Starting = len(r.Dynos) == 0
	return r
}

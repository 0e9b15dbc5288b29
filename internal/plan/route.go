package plan

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
)

// RouteInput is what is known of an app that the router may have to answer for.
type RouteInput struct {
	App      cloister.App
	Hosts    []string       // names it answers to
	Trusted  []netip.Prefix // the ranges of its space
	Deployed bool           // its current release has code
	Dynos    []cloister.Dyno
}

// Routes is the router's table of these apps, sorted by app and dyno, so that equal states give equal tables. Version
// is left to the caller.
func Routes(in []RouteInput) cloister.Routes {
	var out cloister.Routes
	for _, i := range in {
		out.Apps = append(out.Apps, Route(i))
	}
	slices.SortFunc(out.Apps, func(a, b cloister.Route) int { return cmp.Compare(a.AppID, b.AppID) })
	return out
}

// Route is one app's entry of the table.
func Route(in RouteInput) cloister.Route {
	r := cloister.Route{AppID: in.App.ID, AppName: in.App.Name, SpaceID: in.App.SpaceID, Trusted: in.Trusted,
		Internal: in.App.InternalRouting, Maintenance: in.App.Maintenance, Blank: !in.Deployed}
	for _, h := range in.Hosts {
		r.Hosts = append(r.Hosts, strings.ToLower(h))
	}
	slices.Sort(r.Hosts)
	dynos := slices.Clone(in.Dynos)
	slices.SortFunc(dynos, byAge)
	for _, d := range dynos {
		if d.Type != web || d.Retired() {
			continue
		}
		switch d.State {
		case cloister.DynoUp:
			if d.Endpoint.IsValid() {
				r.Dynos = append(r.Dynos, cloister.RouteDyno{ID: d.ID, Name: d.Name(), Endpoint: d.Endpoint})
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

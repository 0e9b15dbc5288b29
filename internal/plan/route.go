package plan

import "github.com/cloister-dev/cloister"

// Route is the router's entry of one app, but for the trusted ranges, which are its space's: its default host name,
// the web dynos that take requests, and why there are none. web is nil when the app has no web process type.
func Route(domain string, app cloister.App, web *cloister.ProcessType, dynos []cloister.Dyno) cloister.Route {
	r := cloister.Route{AppID: app.ID, AppName: app.Name, SpaceID: app.SpaceID, Hosts: []string{app.Host(domain)},
		Internal: app.InternalRouting, Maintenance: app.Maintenance, Blank: app.ReleasedAt.IsZero() || app.SlugSize == 0}
	crashed, starting := false, false
	for _, d := range dynos {
		if d.Type != "web" || d.Retired() {
			continue
		}
		switch d.State {
		case cloister.DynoUp:
			if d.Endpoint.IsValid() {
				r.Dynos = append(r.Dynos, cloister.RouteDyno{ID: d.ID, Name: d.Name(), Endpoint: d.Endpoint})
			}
		case cloister.DynoStarting:
			starting = true
		case cloister.DynoCrashed:
			crashed = true
		}
	}
	if len(r.Dynos) == 0 {
		// With dynos wanted and no row yet, one is about to start.
		wanted := web != nil && web.Quantity > 0
		r.Starting = starting || wanted && !crashed
		r.Crashed = crashed && !r.Starting
	}
	return r
}

package control

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// routes keeps the router's table. It is read from the store once, at start; from then on each Step puts in what it
// has just recorded. Changes that come together are published together, so ten thousand apps may change at once.
type routes struct {
	router Router
	config Config

	mu      sync.Mutex // guards what is wanted
	apps    map[string]cloister.Route
	trusted map[string][]netip.Prefix // by space
	version int64                     // of what is wanted: every change counts it up

	publishing sync.Mutex // one table at a time, in order
	published  int64
}

func newRoutes(r Router, c Config) *routes {
	return &routes{router: r, config: c, apps: map[string]cloister.Route{}, trusted: map[string][]netip.Prefix{}}
}

// load reads the whole table from the store and publishes it. Versions go on from the present time, so that they
// count up through restarts: the router goes by them.
func (r *routes) load(ctx context.Context, s *store.Store) error {
	err := s.View(ctx, func(tx *store.Tx) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.version = tx.Now.UnixMicro()
		return r.read(tx)
	})
	if err != nil {
		return err
	}
	r.publish()
	return nil
}

func (r *routes) read(tx *store.Tx) error {
	spaces, err := tx.Spaces()
	if err != nil {
		return err
	}
	for _, s := range spaces {
		rules, err := tx.Ruleset(s.ID)
		if err != nil {
			return err
		}
		r.trusted[s.ID] = rules.Sources
	}
	all, err := tx.WebDynos()
	if err != nil {
		return err
	}
	dynos := map[string][]cloister.Dyno{}
	for _, d := range all {
		dynos[d.AppID] = append(dynos[d.AppID], d)
	}
	apps, err := tx.Apps(store.AppFilter{})
	if err != nil {
		return err
	}
	for _, a := range apps {
		r.apps[a.ID] = plan.Route(plan.RouteInput{App: a, Hosts: []string{a.Host(r.config.AppDomain)}, Deployed: a.SlugSize > 0, Dynos: dynos[a.ID]})
	}
	return nil
}

// setApp puts an app's entry in, and publishes the table if that changes it. It returns the version of the table
// that has the entry.
func (r *routes) setApp(route cloister.Route) int64 {
	return r.change(func() bool {
		if old, ok := r.apps[route.AppID]; ok && equalRoutes(old, route) {
			return false
		}
		r.apps[route.AppID] = route
		return true
	})
}

// dropApp takes an app out.
func (r *routes) dropApp(id string) int64 {
	return r.change(func() bool {
		_, had := r.apps[id]
		delete(r.apps, id)
		return had
	})
}

// setTrusted puts the trusted ranges of a space in.
func (r *routes) setTrusted(space string, ranges []netip.Prefix) int64 {
	return r.change(func() bool {
		if old, ok := r.trusted[space]; ok && slices.Equal(old, ranges) {
			return false
		}
		r.trusted[space] = ranges
		return true
	})
}

// dropSpace forgets a space. It has no apps any more.
func (r *routes) dropSpace(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.trusted, id)
}

func (r *routes) change(fn func() bool) int64 {
	r.mu.Lock()
	changed := fn()
	if changed {
		r.version++
	}
	version := r.version
	r.mu.Unlock()
	if changed {
		r.publish()
	}
	return version
}

// publish hands the table to the router, unless somebody else has done so since.
func (r *routes) publish() {
	r.mu.Lock()
	want := r.version
	r.mu.Unlock()
	r.publishing.Lock()
	defer r.publishing.Unlock()
	if r.published >= want {
		return
	}
	r.mu.Lock()
	table := cloister.Routes{Version: r.version, Certificates: r.config.Certificates, Balancers: r.config.Balancers,
		Apps: make([]cloister.Route, 0, len(r.apps))}
	for _, id := range slices.Sorted(maps.Keys(r.apps)) {
		route := r.apps[id]
		route.Trusted = r.trusted[route.SpaceID]
		table.Apps = append(table.Apps, route)
	}
	r.mu.Unlock()
	r.router.Publish(table)
	r.published = table.Version
}

func equalRoutes(a, b cloister.Route) bool {
	return a.AppName == b.AppName && a.SpaceID == b.SpaceID && slices.Equal(a.Hosts, b.Hosts) && a.Internal == b.Internal &&
		a.Maintenance == b.Maintenance && a.Blank == b.Blank && a.Crashed == b.Crashed && a.Starting == b.Starting &&
		slices.Equal(a.Dynos, b.Dynos)
}

package control

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// routes keeps the router's table. It is read from the store once, at start; from then on each Step puts in what it
// has just recorded. Changes that come together are published together, so ten thousand apps may change at once.
type routes struct {
	router Router
	config Config

	mu     sync.Mutex               // guards what is wanted
	apps   []*entry[cloister.Route] // sorted by id
	spaces map[string]entry[way]    // by id
	lost   []string                 // zones whose dynos are left out

	challenges []cloister.Challenge
	version    int64         // of what is wanted: every change counts it up, from 1 in each life of ours
	changed    chan struct{} // there may be something to publish

	publishing sync.Mutex // one table at a time, in order
	published  int64
}

// A way is what a space says about the way in to its apps.
type way struct {
	trusted []netip.Prefix
	ingress []netip.Addr
}

// An entry is a part of the table, and the version of the first table that has it as it is.
type entry[T any] struct {
	value   T
	version int64
}

func newRoutes(r Router, c Config) *routes {
	return &routes{router: r, config: c, spaces: map[string]entry[way]{}, changed: make(chan struct{}, 1)}
}

// load reads the whole table from the store and publishes it.
func (r *routes) load(ctx context.Context, s *store.Store) error {
	if err := s.View(ctx, r.read); err != nil {
		return err
	}
	r.publish()
	return nil
}

func (r *routes) read(tx *store.Tx) error {
	rules, err := tx.NewestRulesets()
	if err != nil {
		return err
	}
	spaces, err := tx.Spaces()
	if err != nil {
		return err
	}
	ingress := map[string][]netip.Addr{}
	for _, s := range spaces {
		ingress[s.ID] = s.Ingress
	}
	deployed, err := tx.DeployedApps()
	if err != nil {
		return err
	}
	all, err := tx.WebDynos()
	if err != nil {
		return err
	}
	apps, err := tx.Apps(store.AppFilter{})
	if err != nil {
		return err
	}
	domains, err := tx.AllDomains()
	if err != nil {
		return err
	}
	endpoints, err := tx.AllEndpoints()
	if err != nil {
		return err
	}
	in := map[string]*plan.RouteInput{}
	of := func(appID string) *plan.RouteInput {
		if in[appID] == nil {
			in[appID] = &plan.RouteInput{}
		}
		return in[appID]
	}
	for _, d := range all {
		of(d.AppID).Dynos = append(of(d.AppID).Dynos, d)
	}
	for _, d := range domains {
		of(d.AppID).Domains = append(of(d.AppID).Domains, d)
	}
	for _, e := range endpoints {
		of(e.AppID).Endpoints = append(of(e.AppID).Endpoints, e)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.version = 1
	for _, s := range rules {
		r.spaces[s.SpaceID] = entry[way]{way{s.Sources, ingress[s.SpaceID]}, r.version}
	}
	for _, a := range apps {
		x := of(a.ID)
		x.App, x.Host = a, a.Host(r.config.AppDomain)
		_, x.Deployed = slices.BinarySearch(deployed, a.ID)
		r.apps = append(r.apps, &entry[cloister.Route]{plan.Route(*x), r.version})
	}
	slices.SortFunc(r.apps, func(a, b *entry[cloister.Route]) int { return strings.Compare(a.value.AppID, b.value.AppID) })
	return nil
}

// find is where an app is in the list, or belongs. The lock is held.
func (r *routes) find(id string) (int, bool) {
	return slices.BinarySearchFunc(r.apps, id, func(e *entry[cloister.Route], id string) int { return strings.Compare(e.value.AppID, id) })
}

// The rest after a table, in which changes gather, is so many times as long as the table took, but not longer than
// that: a large one takes no more than a quarter of a processor, and a small one makes nobody wait.
const (
	rest        = 3
	longestRest = time.Second
)

// run publishes the changes of apps, until ctx is done.
func (r *routes) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.changed:
		}
		began := time.Now()
		r.publish()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(rest*time.Since(began), longestRest)):
		}
	}
}

// setApp puts an app's entry in; run publishes it if that changes the table. It returns the version of the first
// table that has the entry.
func (r *routes) setApp(route cloister.Route) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, known := r.find(route.AppID)
	if known && equalRoutes(r.apps[i].value, route) {
		return r.apps[i].version
	}
	r.version++
	if e := (&entry[cloister.Route]{route, r.version}); known {
		r.apps[i] = e
	} else {
		r.apps = slices.Insert(r.apps, i, e)
	}
	select {
	case r.changed <- struct{}{}:
	default:
	}
	return r.version
}

// lose leaves the dynos of lost zones out from now on, of all apps at once, and returns when that is published.
func (r *routes) lose(zones []string) {
	r.mu.Lock()
	same := slices.Equal(r.lost, zones)
	if !same {
		r.lost = zones
		r.version++
	}
	r.mu.Unlock()
	if !same {
		r.publish()
	}
}

// dropApp takes an app out, and returns when that is published.
func (r *routes) dropApp(id string) {
	r.mu.Lock()
	if i, had := r.find(id); had {
		r.apps = slices.Delete(r.apps, i, i+1)
		r.version++
	}
	r.mu.Unlock()
	r.publish()
}

// setSpace puts a space's addresses and trusted ranges in, and returns when they are published: the version of the
// first table that has them.
func (r *routes) setSpace(s cloister.Space, trusted []netip.Prefix) int64 {
	r.mu.Lock()
	e, known := r.spaces[s.ID]
	if !known || !slices.Equal(e.value.trusted, trusted) || !slices.Equal(e.value.ingress, s.Ingress) {
		r.version++
		e = entry[way]{way{trusted, s.Ingress}, r.version}
		r.spaces[s.ID] = e
	}
	r.mu.Unlock()
	r.publish()
	return e.version
}

// dropSpace forgets a space. It has no apps any more.
func (r *routes) dropSpace(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.spaces, id)
}

// ask has certificate authorities answered as a challenge says from now on, and returns the version of the first table that
// does.
func (r *routes) ask(c cloister.Challenge) int64 {
	r.mu.Lock()
	r.challenges = append(slices.Clone(r.challenges), c)
	r.version++
	version := r.version
	r.mu.Unlock()
	r.publish()
	return version
}

// unask ends the challenges of a name. Where there are none, no router needs another table.
func (r *routes) unask(host string) {
	of := func(c cloister.Challenge) bool { return c.Host == host }
	r.mu.Lock()
	if slices.ContainsFunc(r.challenges, of) {
		r.challenges = slices.DeleteFunc(slices.Clone(r.challenges), of)
		r.version++
	}
	r.mu.Unlock()
	r.publish() // nothing, if it is as it was
}

// publish hands the table to the router, unless it has it already.
func (r *routes) publish() {
	r.mu.Lock()
	want := r.version
	r.mu.Unlock()
	r.publishing.Lock()
	defer r.publishing.Unlock()
	if r.published >= want {
		return // somebody else did, while this one waited
	}
	table := r.table()
	r.router.Publish(table)
	r.published = table.Version
}

func (r *routes) table() cloister.Routes {
	r.mu.Lock()
	defer r.mu.Unlock()
	table := cloister.Routes{Version: r.version, Certificates: r.config.Certificates, Challenges: r.challenges, Balancers: r.config.Balancers,
		ProxyProtocol: r.config.ProxyProtocol, Apps: make([]cloister.Route, 0, len(r.apps))}
	for _, e := range r.apps {
		route := plan.RouteWithout(e.value, r.lost)
		space := r.spaces[route.SpaceID].value
		route.Trusted, route.Ingress = space.trusted, space.ingress
		table.Apps = append(table.Apps, route)
	}
	return table
}

func equalRoutes(a, b cloister.Route) bool {
	return a.AppName == b.AppName && a.SpaceID == b.SpaceID && slices.Equal(a.Hosts, b.Hosts) && a.Internal == b.Internal &&
		a.Maintenance == b.Maintenance && a.Blank == b.Blank && a.Crashed == b.Crashed && a.Starting == b.Starting &&
		a.ErrorPage == b.ErrorPage && a.MaintenancePage == b.MaintenancePage &&
		slices.Equal(a.Dynos, b.Dynos) && slices.EqualFunc(a.Certificates, b.Certificates, equalCertificates) &&
		a.TLS == b.TLS && slices.EqualFunc(a.Clients, b.Clients, equalClients)
}

func equalCertificates(a, b cloister.Certificate) bool {
	return a.Sum == b.Sum && slices.Equal(a.Names, b.Names)
}

func equalClients(a, b cloister.Clients) bool {
	return a.Host == b.Host && bytes.Equal(a.Authorities, b.Authorities)
}

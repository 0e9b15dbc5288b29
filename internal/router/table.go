package router

import (
	"crypto/tls"
	"net/netip"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
)

// A table is cloister.Routes, ready to be looked up. It never changes; a new one takes its place.
type table struct {
	version   int64
	proxied   bool             // balancers speak the PROXY protocol
	hosts     map[string]place // by normalised name; "*.example.com" stands for every name below
	wild      bool             // there are such names
	apps      map[string]*app  // by id
	dynos     map[dynoKey]*dyno
	balancers []netip.Prefix
	ingress   map[netip.Addr]string // whose space an address of ours is; others are nobody's
	certs     certificates
	policies  map[policyKey]*policy
	open      *policy                     // of those who name nobody
	answers   map[string]string           // to challenges, by host name and path
	proofs    map[string]*tls.Certificate // to challenges in TLS, by host name
	replaced  chan struct{}               // closed when there is a newer one
}

// A place is what a name leads to; zero: nothing.
type place struct {
	app    *app
	policy *policy
}

// An app is a route and its dynos.
type app struct {
	cloister.Route
	everyone bool // who asks need not be looked at
	dynos    []*dyno
	own      map[string]string // pages of the app's own, by the names of those that they stand for
}

// fewDynos are counted up for each request; of more, chance tells enough.
const fewDynos = 16

// backlogged reports whether the app has as many requests as it may: most for each of its dynos, 0 being no limit. Where it
// has many dynos they are counted up only if one that was picked at random has half of its share.
func (a *app) backlogged(picked *dyno, most int64) bool {
	if most == 0 || len(a.dynos) > fewDynos && picked.pending() < most/2 {
		return false
	}
	var n int64
	for _, d := range a.dynos {
		n += d.pending()
	}
	return n >= most*int64(len(a.dynos))
}

// page is what a client sees of a failure; a may be nil.
func (a *app) page(f *failure) string {
	if a != nil && f.code != "" && a.own[f.page] != "" {
		return a.own[f.page]
	}
	return pages[f.page]
}

// newTable makes a table of routes. What dynos and certificates it shares with old is taken over, with connections
// and all. Complaints are about what had to be left out.
func (r *Router) newTable(routes cloister.Routes, old *table) (t *table, complaints []error) {
	t = &table{
		version: routes.Version, hosts: map[string]place{}, policies: map[policyKey]*policy{}, apps: map[string]*app{}, dynos: map[dynoKey]*dyno{},
		ingress: map[netip.Addr]string{}, replaced: make(chan struct{}), balancers: routes.Balancers, proxied: routes.ProxyProtocol,
	}
	t.open = t.policy(r, old, policyKey{}, nil)
	for _, route := range routes.Apps {
		a := &app{Route: route, own: ownPages(route)}
		a.everyone = !route.Internal && trustsAll(route.Trusted)
		for _, d := range route.Dynos {
			key := dynoKey{app: route.AppID, id: d.ID, endpoint: d.Endpoint}
			dy := old.dyno(key)
			if dy == nil {
				dy = newDyno(key, d.Name, r.drained)
			}
			t.dynos[key] = dy
			a.dynos = append(a.dynos, dy)
		}
		t.apps[route.AppID] = a
		open := t.policy(r, old, policyKey{profile: route.TLS}, nil)
		for _, address := range route.Ingress {
			t.ingress[bare(address)] = route.SpaceID
		}
		for _, h := range route.Hosts {
			name := normalHost(h)
			if other := t.hosts[name].app; name == "" || other != nil && other != a {
				complaints = append(complaints, cloister.Errorf(cloister.Conflict, "host %q of app %s is not valid or taken", h, route.AppName))
				continue
			}
			t.hosts[name] = place{a, open}
			t.wild = t.wild || name[0] == '*'
		}
		complaints = append(complaints, t.close(r, old, a)...)
	}
	var previous *certificates
	if old != nil {
		previous = &old.certs
	}
	var bad []error
	all := slices.Clone(routes.Certificates)
	for _, route := range routes.Apps {
		all = append(all, route.Certificates...)
	}
	t.certs, bad = newCertificates(all, previous)
	t.challenge(routes.Challenges)
	return t, append(complaints, bad...)
}

func (t *table) dyno(key dynoKey) *dyno {
	if t == nil {
		return nil
	}
	return t.dynos[key]
}

// lookup finds what a normalised host name leads to: by the whole name, then by the nearest wildcard above it.
func (t *table) lookup(name []byte) place {
	if p := t.hosts[string(name)]; p.app != nil || !t.wild {
		return p
	}
	star := append(make([]byte, 0, 256), '*')
	for i, b := range name {
		if b == '.' {
			if p := t.hosts[string(append(star[:1], name[i:]...))]; p.app != nil {
				return p
			}
		}
	}
	return place{}
}

// reach finds what a name leads to, if a connection's way in leads there.
func (t *table) reach(name []byte, from *origin) place {
	if p := t.lookup(name); p.app != nil && t.leads(from, p.app) {
		return p
	}
	return place{}
}

// reachSNI finds what the name that a TLS client has given leads to.
func (t *table) reachSNI(name string, from *origin) place {
	if name == "" || from.balancer {
		return place{} // what a balancer names is about the balancer
	}
	return t.reach([]byte(strings.TrimSuffix(strings.ToLower(name), ".")), from)
}

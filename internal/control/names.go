package control

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// names knows what the spaces were told of their apps, so that a space is looked at when that changes and not
// otherwise; and since when retired dynos are not in it any more. After a restart it is learnt again: every space is
// looked at first.
type names struct {
	domain string

	mu   sync.Mutex
	told map[string][sha256.Size]byte    // by app: what its space knows of it, or is about to
	left map[string]map[string]time.Time // by space and dyno: since when a retired dyno has had no name
}

func newNames(domain string) *names {
	return &names{domain: domain, told: map[string][sha256.Size]byte{}, left: map[string]map[string]time.Time{}}
}

// news is what there is to tell of an app; changed is false if its space knows it already.
func (n *names) news(a plan.SpaceApp) (sum [sha256.Size]byte, changed bool) {
	one := []plan.SpaceApp{a}
	sum = sha256.Sum256(fmt.Append(plan.Topology(one, n.domain), plan.Names(one, nil, n.domain, netip.Addr{})))
	n.mu.Lock()
	defer n.mu.Unlock()
	return sum, n.told[a.App.ID] != sum
}

// tell remembers what a space knows of an app, or will when its next Step is done.
func (n *names) tell(app string, sum [sha256.Size]byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told[app] = sum
}

// read is called with what a space's Step is about to put in force.
func (n *names) read(apps []plan.SpaceApp) {
	for _, a := range apps {
		sum, _ := n.news(a)
		n.tell(a.App.ID, sum)
	}
}

// inForce is called when it is.
func (n *names) inForce(space string, apps []plan.SpaceApp, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	was, is := n.left[space], map[string]time.Time{}
	for _, a := range apps {
		for _, d := range a.Dynos {
			if d.Retired() {
				since, known := was[d.ID]
				if !known {
					since = now
				}
				is[d.ID] = since
			}
		}
	}
	n.left[space] = is
}

// since is when a retired dyno was taken out of the names of its space; zero: not yet.
func (n *names) since(d cloister.Dyno) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.left[d.SpaceID][d.ID]
}

func (n *names) dropApp(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.told, id)
}

func (n *names) dropSpace(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.left, id)
}

// spaceApps reads the apps of a space with what runs of them.
func spaceApps(tx *store.Tx, space string) ([]plan.SpaceApp, error) {
	apps, err := tx.Apps(store.AppFilter{Space: space})
	if err != nil {
		return nil, err
	}
	types, err := tx.SpaceFormation(space)
	if err != nil {
		return nil, err
	}
	dynos, err := tx.SpaceDynos(space)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(apps, func(a, b cloister.App) int { return cmp.Compare(a.ID, b.ID) })
	out := make([]plan.SpaceApp, len(apps))
	for i, a := range apps {
		out[i].App = a
	}
	of := func(id string) *plan.SpaceApp {
		i, ok := slices.BinarySearchFunc(out, id, func(a plan.SpaceApp, id string) int { return cmp.Compare(a.App.ID, id) })
		if !ok {
			return &plan.SpaceApp{}
		}
		return &out[i]
	}
	for _, t := range types {
		a := of(t.AppID)
		a.Types = append(a.Types, t)
	}
	for _, d := range dynos {
		a := of(d.AppID)
		a.Dynos = append(a.Dynos, d)
	}
	return out, nil
}

// spaceAddons are the add-ons inside a space with what runs of them.
func spaceAddons(tx *store.Tx, space string) (out []plan.SpaceAddon, err error) {
	all, err := tx.Addons(store.AddonFilter{Space: space})
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		instances, err := tx.Instances(a.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, plan.SpaceAddon{Addon: a, Instances: instances})
	}
	return out, nil
}

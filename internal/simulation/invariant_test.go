package simulation

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/store"
)

// A view is everything there is at one moment.
type view struct {
	apps   []cloister.App
	types  map[string][]cloister.ProcessType // by app
	dynos  map[string][]cloister.Dyno        // by app
	latest map[string]cloister.Release       // by app
	all    map[string][]cloister.Release     // by app, newest first
	work   []store.Work
	rules  map[string]cloister.Ruleset // by space
	space  map[string]cloister.Space
	seen   map[string]engine.Status
	table  cloister.Routes
	failed []string // zones that operators say have failed
}

// look takes a view. It sees the engine also while it is broken for control.
func (s *server) look(ctx context.Context) (v view, err error) {
	v = view{types: map[string][]cloister.ProcessType{}, dynos: map[string][]cloister.Dyno{}, rules: map[string]cloister.Ruleset{},
		latest: map[string]cloister.Release{}, all: map[string][]cloister.Release{}, space: map[string]cloister.Space{}, seen: map[string]engine.Status{}}
	if v.table, err = s.router.state(); err != nil {
		return v, err
	}
	for _, st := range s.fake.Everything() {
		v.seen[st.ID] = st
	}
	return v, s.store.View(ctx, func(tx *store.Tx) error {
		zones, err := tx.Zones()
		if err != nil {
			return err
		}
		for _, z := range zones {
			if !z.FailedAt.IsZero() {
				v.failed = append(v.failed, z.Name)
			}
		}
		all, err := tx.Spaces()
		for _, sp := range all {
			v.space[sp.ID] = sp
			r, rerr := tx.Ruleset(sp.ID)
			v.rules[sp.ID], err = r, errors.Join(err, rerr)
		}
		if err != nil {
			return err
		}
		if v.apps, err = tx.Apps(store.AppFilter{}); err != nil {
			return err
		}
		for _, a := range v.apps {
			if v.types[a.ID], err = tx.Formation(a.ID); err != nil {
				return err
			}
			if v.dynos[a.ID], err = tx.Dynos(a.ID); err != nil {
				return err
			}
			if v.latest[a.ID], err = tx.CurrentRelease(a.ID); err != nil {
				return err
			}
			if v.all[a.ID], err = tx.Releases(a.ID); err != nil {
				return err
			}
		}
		v.work, err = tx.Work()
		return err
	})
}

// always checks what must hold at every moment.
func (v view) always() error {
	addresses, ends := map[string]string{}, map[netip.AddrPort]string{}
	for id, st := range v.seen {
		if st.Phase != engine.Exited {
			key := st.Space + " " + st.Address.String()
			if other, twice := addresses[key]; twice {
				return fmt.Errorf("dynos %s and %s share the address %s", id, other, key)
			}
			addresses[key] = id
		}
		if st.Endpoint.IsValid() {
			if other, twice := ends[st.Endpoint]; twice {
				return fmt.Errorf("dynos %s and %s share the endpoint %s", id, other, st.Endpoint)
			}
			ends[st.Endpoint] = id
		}
	}
	owners := map[string]string{}
	for _, a := range v.apps {
		owners[a.ID] = a.SpaceID
		for i, r := range v.all[a.ID] {
			if r.Automatic && v.all[a.ID][i+1].Automatic {
				return fmt.Errorf("v%d of %s, which was made by going back, was gone back from", r.Version-1, a.Name)
			}
		}
		slots := map[string]int{}
		status := map[string]cloister.ReleaseStatus{}
		for _, r := range v.all[a.ID] {
			status[r.ID] = r.Status
		}
		for _, d := range v.dynos[a.ID] {
			if status[d.ReleaseID] != cloister.ReleaseSucceeded {
				return fmt.Errorf("%s of %s runs v%d, whose status is %s", d.Name(), a.Name, d.Version, status[d.ReleaseID])
			}
			if st, ok := v.seen[d.ID]; ok && (st.Space != a.SpaceID || st.Owner != a.ID) {
				return fmt.Errorf("%s of %s runs in the space %s of %s", d.Name(), a.Name, st.Space, st.Owner)
			}
			if !d.Retired() {
				slots[d.Name()]++
				if slots[d.Name()] > 2 {
					return fmt.Errorf("%d dynos are wanted as %s of %s", slots[d.Name()], d.Name(), a.Name)
				}
			}
		}
	}
	for _, r := range v.table.Apps {
		for _, d := range r.Dynos {
			if st, ok := v.seen[d.ID]; ok && (st.Owner != r.AppID || st.Endpoint != d.Endpoint) {
				return fmt.Errorf("requests for %s go to a dyno of %s", r.AppName, st.Owner)
			}
		}
		if space, ok := owners[r.AppID]; ok && space != r.SpaceID {
			return fmt.Errorf("the router thinks that %s is in %s", r.AppName, r.SpaceID)
		}
		if rules := v.rules[r.SpaceID]; rules.Applied && !slices.Equal(rules.Sources, r.Trusted) {
			return fmt.Errorf("the trusted ranges %v are said to be in force, but the router has %v", rules.Sources, r.Trusted)
		}
	}
	return nil
}

// answers counts the dynos of a type that do their work: for web, those that requests reach.
func (v view) answers(app cloister.App, typ string) int { return v.answersOutside(nil, app, typ) }

// answersOutside counts those that are not in certain zones.
func (v view) answersOutside(zones []string, app cloister.App, typ string) int {
	up := map[int]bool{}
	routed := map[string]bool{}
	for _, id := range endpoints(v.table) {
		routed[id] = true
	}
	for _, d := range v.dynos[app.ID] {
		st := v.seen[d.ID]
		if d.Type == typ && d.State == cloister.DynoUp && !d.Retired() && st.Phase == engine.Running &&
			(typ != "web" || st.Listening && routed[d.ID]) && !slices.Contains(zones, d.Zone) {
			up[d.Number] = true
		}
	}
	return len(up)
}

// calm remembers which process types were complete since something last went wrong, by app and type. A dyno in a zone
// that was declared failed may be taken away at any time: it runs on only until the engine is back, or another zone is.
type calm map[string]bool

// check fails when a type that was complete, and to which nothing happened, has fewer than three quarters.
func (c calm) check(v view) error {
	for _, a := range v.apps {
		for _, t := range v.types[a.ID] {
			key, up := a.ID+" "+t.Type, v.answers(a, t.Type)
			switch {
			case v.latest[a.ID].SlugID == "":
			case v.answersOutside(v.failed, a, t.Type) == t.Quantity:
				c[key] = true
			case c[key] && up < t.Quantity-t.Quantity/4:
				return fmt.Errorf("only %d of %d %s of %s answer", up, t.Quantity, t.Type, a.Name)
			}
		}
	}
	return nil
}

// rest checks that everything is as it is wanted, and that nobody wants to do anything; nil means it is.
func (v view) rest() error {
	if len(v.work) > 0 {
		return fmt.Errorf("there is still work: %+v", v.work)
	}
	known := map[string]bool{}
	for _, a := range v.apps {
		n := 0
		for _, t := range v.types[a.ID] {
			n += t.Quantity
			if up := v.answers(a, t.Type); up != t.Quantity && v.latest[a.ID].SlugID != "" {
				return fmt.Errorf("%d of %d %s of %s answer", up, t.Quantity, t.Type, a.Name)
			}
		}
		if r := v.all[a.ID][0]; r.Status == cloister.ReleasePending {
			return fmt.Errorf("v%d of %s is still pending", r.Version, a.Name)
		}
		if len(v.dynos[a.ID]) != n {
			return fmt.Errorf("%s has %d rows for %d dynos", a.Name, len(v.dynos[a.ID]), n)
		}
		for _, d := range v.dynos[a.ID] {
			known[d.ID] = true
			if d.ReleaseID != v.latest[a.ID].ID || d.Restart {
				return fmt.Errorf("%s of %s is still v%d", d.Name(), a.Name, d.Version)
			}
		}
	}
	for id, st := range v.seen {
		if !known[id] {
			return fmt.Errorf("a dyno runs that nobody wants: %+v", st)
		}
	}
	for _, r := range v.table.Apps {
		if !slices.ContainsFunc(v.apps, func(a cloister.App) bool { return a.ID == r.AppID }) {
			return fmt.Errorf("the router still knows the app %s", r.AppName)
		}
	}
	for id, s := range v.space {
		if s.State != cloister.Allocated || !v.rules[id].Applied {
			return fmt.Errorf("space %s is %s, its ranges applied: %v", s.Name, s.State, v.rules[id].Applied)
		}
	}
	return nil
}

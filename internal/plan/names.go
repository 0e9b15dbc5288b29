package plan

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A SpaceApp is an app of a space with what runs of it.
type SpaceApp struct {
	App   cloister.App
	Types []cloister.ProcessType // in any order
	Dynos []cloister.Dyno        // in any order
}

// maxLabel is how long a part of a name may be. A process type with a longer one has no name.
const maxLabel = 63

// Names are the names that a space's resolver knows of its own, and what they lead to: dynos that are up, by app, by
// process type and one by one; for an app with internal routing its host name, which leads to the router inside the space; and
// add-ons.
func Names(apps []SpaceApp, addons []SpaceAddon, domain string, internal netip.Addr) []engine.Name {
	all := map[string][]netip.Addr{}
	add := func(name string, a netip.Addr) { all[name+"."] = append(all[name+"."], a) }
	for _, a := range apps {
		if a.App.InternalRouting {
			add(strings.ToLower(a.App.Host(domain)), internal)
		}
		for _, d := range a.Dynos {
			if !d.Named() {
				continue
			}
			add(a.App.LocalName(), d.Address)
			if len(d.Type) <= maxLabel {
				add(a.App.FormationName(d.Type), d.Address)
				add(a.App.DynoName(d.Type, d.Number), d.Address)
			}
		}
	}
	for _, a := range addons {
		dataNames(a, func(name string, i cloister.Instance) { add(name, i.Address) })
	}
	var out []engine.Name
	for _, name := range slices.Sorted(maps.Keys(all)) {
		slices.SortFunc(all[name], netip.Addr.Compare)
		out = append(out, engine.Name{Name: name, Addresses: slices.Compact(all[name])})
	}
	return out
}

// The document that tells the dynos of a space: what they read as /etc/heroku/space-topology.json, and what the API
// answers. Clients of the API read formations, and most scripts on dynos formation: it has both.
type (
	topology struct {
		Version int           `json:"version"`
		Apps    []topologyApp `json:"apps"`
	}
	topologyApp struct {
		ID         string         `json:"id"`
		Domains    []string       `json:"domains"`
		Formation  []topologyType `json:"formation"`
		Formations []topologyType `json:"formations"`
	}
	topologyType struct {
		ID    string         `json:"id"`
		Type  string         `json:"process_type"`
		Dynos []topologyDyno `json:"dynos"`
	}
	topologyDyno struct {
		ID       string     `json:"id"`
		Number   int        `json:"number"`
		Address  netip.Addr `json:"private_ip"`
		Hostname string     `json:"hostname"`
	}
)

// Topology is the document about the apps of a space. It tells of the same dynos as Names, and of all process types
// that are scaled up.
func Topology(apps []SpaceApp, domain string) []byte {
	t := topology{Version: 1, Apps: []topologyApp{}}
	for _, a := range apps {
		t.Apps = append(t.Apps, describe(a, domain))
	}
	slices.SortFunc(t.Apps, func(a, b topologyApp) int { return cmp.Compare(a.ID, b.ID) })
	text, err := json.Marshal(t)
	if err != nil {
		panic(err) // strings and addresses can always be written
	}
	return text
}

func describe(a SpaceApp, domain string) topologyApp {
	out := topologyApp{ID: a.App.ID, Domains: []string{a.App.Host(domain)}, Formation: []topologyType{}}
	dynos := slices.SortedFunc(slices.Values(a.Dynos), byAge)
	for _, t := range a.Types {
		if t.Type == cloister.ReleaseType {
			continue
		}
		if t.Quantity == 0 {
			continue
		}
		typ := topologyType{ID: t.ID, Type: t.Type, Dynos: []topologyDyno{}}
		for _, d := range dynos {
			if d.Type == t.Type && d.Named() {
				typ.Dynos = append(typ.Dynos, topologyDyno{ID: d.ID, Number: d.Number, Address: d.Address, Hostname: hostname(a.App, d)})
			}
		}
		out.Formation = append(out.Formation, typ)
	}
	slices.SortFunc(out.Formation, func(a, b topologyType) int { return cmp.Compare(a.Type, b.Type) })
	out.Formations = out.Formation
	return out
}

func hostname(a cloister.App, d cloister.Dyno) string {
	if len(d.Type) > maxLabel {
		return ""
	}
	return a.DynoName(d.Type, d.Number)
}

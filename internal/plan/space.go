package plan

import (
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// SpaceState is all that a space is planned from.
type SpaceState struct {
	Space   cloister.Space
	Ruleset cloister.Ruleset // the newest
	Apps    []SpaceApp       // that live in it
	Addons  []SpaceAddon     // that are inside it
	Domain  string           // apps' host names are under it
	Seen    []engine.Status  // workloads of the engine, of any space

	Egress   cloister.EgressRuleset // the newest; without an id it was never changed
	Peerings []cloister.Peering     // of either side
	Networks []string               // of the operator's, that there are
	Mail     bool                   // the operator lets mail out
}

// SpacePlan is what to do about a space: make its network as Ensure says, or, with Delete, drop the workloads that
// are left over, the network, and then the row. Waiting means that something has to go first.
type SpacePlan struct {
	Ensure  engine.Space
	Delete  bool
	Drop    []string // workloads that are still in a space to be deleted, in the order of Seen
	Waiting bool
}

// Space plans the next step of a space. One that is being deleted goes when its last app and add-on have gone.
func Space(s SpaceState) SpacePlan {
	if s.Space.State != cloister.Deleting {
		return SpacePlan{Ensure: network(s)}
	}
	if len(s.Apps)+len(s.Addons) > 0 {
		return SpacePlan{Waiting: true}
	}
	p := SpacePlan{Delete: true}
	for _, w := range s.Seen {
		if w.Space == s.Space.ID {
			p.Drop = append(p.Drop, w.ID)
		}
	}
	return p
}

// network is the whole wanted network of a space. The router is inside it only where an app needs it to be.
func network(s SpaceState) engine.Space {
	n := engine.Space{ID: s.Space.ID, Dynos: s.Space.CIDR, Data: s.Space.DataCIDR, Trusted: s.Ruleset.Sources,
		Ingress: s.Space.Ingress, Outbound: s.Space.Outbound, Egress: passes(s.Egress), Mail: s.Mail, Peers: peers(s)}
	if slices.ContainsFunc(s.Apps, func(a SpaceApp) bool { return a.App.InternalRouting }) {
		n.Internal = s.Space.Internal()
	}
	n.Names, n.Topology = Names(s.Apps, s.Addons, s.Domain, n.Internal), Topology(s.Apps, s.Domain)
	return n
}

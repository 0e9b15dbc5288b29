package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// peers are the networks that a space is joined to: of its peerings that live, without those of networks that the
// operator has taken away.
func peers(s SpaceState) (out []engine.Peer) {
	for _, p := range s.Peerings {
		if !p.State.Live() || withdrawn(s, p) {
			continue
		}
		id, blocks := p.Across(s.Space.ID)
		out = append(out, engine.Peer{ID: p.ID, Space: id, Network: p.Network, Prefixes: blocks})
	}
	slices.SortFunc(out, func(a, b engine.Peer) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func withdrawn(s SpaceState, p cloister.Peering) bool {
	return p.Network != "" && !slices.Contains(s.Networks, p.Network)
}

// Peering is a peering of a space as it is to be written, once the network is as Space planned it from the same state.
func Peering(s SpaceState, p cloister.Peering, now time.Time) cloister.Peering {
	switch {
	case p.State.Live() && withdrawn(s, p):
		p.State, p.Message = cloister.PeeringFailed, "The operator has taken the network "+p.Network+" away."
	case p.StateFor(s.Space.ID, now) == cloister.PeeringExpired:
		p.State = cloister.PeeringExpired
	case p.State == cloister.PeeringProvisioning:
		asked := p.Asked(s.Space.ID)
		p.Ready, p.Other = p.Ready || !asked, p.Other || asked || p.Network != ""
		if p.Ready && p.Other {
			p.State = cloister.PeeringActive
		}
	}
	return p
}

// Refused is a peering of a space whose network the engine refuses: one that it never had fails.
func Refused(p cloister.Peering, reason string) cloister.Peering {
	if p.State == cloister.PeeringProvisioning {
		p.State, p.Message = cloister.PeeringFailed, reason
	}
	return p
}

package cloister

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"time"
)

// A PeeringState is how far a peering is, in the API's words.
type PeeringState string

const (
	PeeringInitiating   PeeringState = "initiating-request" // pending, as the side that asked sees it
	PeeringPending      PeeringState = "pending-acceptance"
	PeeringProvisioning PeeringState = "provisioning"
	PeeringActive       PeeringState = "active"
	PeeringFailed       PeeringState = "failed"
	PeeringExpired      PeeringState = "expired"
	PeeringRejected     PeeringState = "rejected"
	PeeringDeleted      PeeringState = "deleted"
)

// Live reports whether the network has, or is to get, the peering.
func (s PeeringState) Live() bool { return s == PeeringProvisioning || s == PeeringActive }

// Ended reports whether nothing will come of the peering any more.
func (s PeeringState) Ended() bool { return !s.Live() && s != PeeringPending }

// How long a request for a peering waits, and how long a peering that has ended is still told of.
const (
	PeeringPatience = 7 * 24 * time.Hour // until a request expires
	PeeringMemory   = 7 * 24 * time.Hour
)

// A Peering joins a space to another space, or to a network of the operator's. Who asks sees it as initiating, who is
// asked accepts. It goes one step only: peers of a peer are not reached.
type Peering struct {
	// Spec: written by platform.
	ID          string // "pcx-" and 17 hexadecimal digits
	SpaceID     string // the side that asked
	PeerID      string // the space that was asked; "" for a network
	Network     string // the network; "" for a space
	SpaceBlocks []netip.Prefix
	PeerBlocks  []netip.Prefix
	CreatedBy   string // e-mail
	ExpiresAt   time.Time
	CreatedAt   time.Time
	UpdatedAt   time.Time

	// Status: written by control, once platform has written that it is pending, accepted or over.
	State   PeeringState
	Message string // why it failed
	Ready   bool   // the network of the side that asked has it
	Other   bool   // and so has that of the other side
}

// Asked reports whether the space is the side that was asked.
func (p Peering) Asked(space string) bool { return p.PeerID == space }

// Across is the space on the other side ("" for a network), and the addresses over there.
func (p Peering) Across(space string) (id string, blocks []netip.Prefix) {
	if p.Asked(space) {
		return p.SpaceID, p.SpaceBlocks
	}
	return p.PeerID, p.PeerBlocks
}

// StateFor is how far the peering is at now, as seen from a space.
func (p Peering) StateFor(space string, now time.Time) PeeringState {
	switch {
	case p.State != PeeringPending:
		return p.State
	case !p.ExpiresAt.IsZero() && !now.Before(p.ExpiresAt): // an operator's offer has no end
		return PeeringExpired
	case p.Network == "" && !p.Asked(space):
		return PeeringInitiating
	}
	return PeeringPending
}

// Counts reports whether a peering counts towards the limit of a space: it lives, or the space has asked for it. What
// others ask for does not, or they could use up the limit.
func (p Peering) Counts(space string) bool {
	return p.State.Live() || p.State == PeeringPending && !p.Asked(space)
}

// A Network is one of the operator's that spaces may be peered with.
type Network struct {
	Name     string
	Prefixes []netip.Prefix
	Spaces   []string // names of spaces and of teams that may use it
}

// For reports whether the network is there for a space of a team.
func (n Network) For(s Space, team Team) bool {
	return slices.Contains(n.Spaces, s.Name) || slices.Contains(n.Spaces, team.Name)
}

// Offer is the peering of a network with a space that nobody has accepted yet. Its id is always the same.
func (n Network) Offer(s Space) Peering {
	return Peering{ID: hashID("pcx", "network", n.Name, s.ID), SpaceID: s.ID, Network: n.Name, SpaceBlocks: s.Routable(),
		PeerBlocks: n.Prefixes, State: PeeringPending}
}

// VPCID is what a space's network is called by those who peer with it.
func (s Space) VPCID() string { return hashID("vpc", "space", s.ID) }

// VPCID is what a network is called by those who peer with it.
func (n Network) VPCID() string { return hashID("vpc", "network", n.Name) }

// DataPeeringID is what the peering of a space with its own data network is called.
func (s Space) DataPeeringID() string { return hashID("pcx", "data", s.ID) }

// DataVPCID is what the space's data network is called.
func (s Space) DataVPCID() string { return hashID("vpc", "data", s.ID) }

// NewPeeringID returns a random id of a peering.
func NewPeeringID() string { return "pcx-" + RandomHex(9)[:17] }

// hashID is an id in the form of the provider's that is always the same.
func hashID(kind string, of ...string) string {
	h := sha256.New()
	for _, s := range of {
		h.Write(append([]byte(s), 0))
	}
	return kind + "-" + hex.EncodeToString(h.Sum(nil))[:17]
}

// Taken are the networks that a new peer of a space may not touch, beside the space's own: that of data services, the
// reserved ones, and those of its peers.
func (s Space) Taken(peers []Peering) []netip.Prefix {
	out := append([]netip.Prefix{s.DataCIDR}, reserved...)
	for _, p := range peers {
		if p.State.Live() {
			_, blocks := p.Across(s.ID)
			out = append(out, blocks...)
		}
	}
	return out
}

// CanPeer reports why a space with these peerings cannot have another one, with blocks, or nil.
func CanPeer(s Space, limits SpaceLimits, peers []Peering, blocks []netip.Prefix) error {
	n := 0
	for _, p := range peers {
		if p.Counts(s.ID) {
			n++
		}
	}
	if err := limits.Allow(LimitPeerings, s.Name, "Space "+s.Name, n, n+1); err != nil {
		return err
	}
	for _, b := range blocks {
		if !IsPrivate(b) {
			return Errorf(Invalid, "The network %s of the peer is not private. A peer has addresses inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16.", b)
		}
		if b.Overlaps(s.CIDR) {
			return Errorf(Invalid, "The network %s of the peer overlaps %s, that of space %s. Peer spaces whose ranges are apart: a new space takes another one with --cidr.", b, s.CIDR, s.Name)
		}
		for _, u := range s.Taken(peers) {
			if b.Overlaps(u) {
				return Errorf(Invalid, "The network %s of the peer overlaps %s, which is not available in space %s. Its peering info lists what is not.", b, u, s.Name)
			}
		}
	}
	return nil
}

// IsPrivate reports whether a range is inside the private ones (RFC 1918).
func IsPrivate(p netip.Prefix) bool {
	return slices.ContainsFunc(private, func(r netip.Prefix) bool { return r.Bits() <= p.Bits() && r.Contains(p.Addr()) })
}

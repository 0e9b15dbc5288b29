package platform

import (
	"context"
	"net/netip"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A PeeringInfo is a peering as one of its sides sees it.
type PeeringInfo struct {
	cloister.Peering
	Side  cloister.PeeringState // how far it is, for this side
	Space SpaceInfo             // this side
	Peer  *SpaceInfo            // the other one; nil: a network, or a space that is gone
}

// Peerings lists the peerings of a space, and networks of the operator's that it may be peered with.
func (p *Platform) Peerings(ctx context.Context, a cloister.Actor, space string) (s SpaceInfo, out []PeeringInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, space, viewSpace); err != nil {
			return err
		}
		out, err = p.peerings(tx, s)
		return err
	})
	return s, out, err
}

func (p *Platform) peerings(tx *store.Tx, s SpaceInfo) (out []PeeringInfo, err error) {
	all, err := tx.Peerings(s.ID)
	if err != nil {
		return nil, err
	}
	for _, n := range p.config.Networks {
		offer := n.Offer(s.Space)
		if n.For(s.Space, s.Team) && !slices.ContainsFunc(all, func(x cloister.Peering) bool { return x.ID == offer.ID }) {
			all = append(all, offer)
		}
	}
	for _, x := range all {
		info, err := p.peeringInfo(tx, s, x)
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	return out, nil
}

// peeringInfo is a peering as the space s sees it.
func (p *Platform) peeringInfo(tx *store.Tx, s SpaceInfo, x cloister.Peering) (PeeringInfo, error) {
	info := PeeringInfo{Peering: x, Side: x.StateFor(s.ID, tx.Now), Space: s}
	id, _ := x.Across(s.ID)
	if id == "" {
		return info, nil
	}
	other, err := tx.Space(id)
	if cloister.KindOf(err) == cloister.NotFound || err == nil && other.State == cloister.Deleting {
		return info, nil
	} else if err != nil {
		return info, err
	}
	peer, err := p.spaceInfo(tx, other)
	info.Peer = &peer
	return info, err
}

// RequestPeering asks for a peering with another space, which a team admin there has to accept. The other space is
// named as the actor sees it, or by the VPC id that its peering info tells: who was told it was meant to know. Team
// admins only.
func (p *Platform) RequestPeering(ctx context.Context, a cloister.Actor, space, other string) (out PeeringInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		s, err := p.space(tx, a, space, manageSpace)
		if err != nil {
			return err
		}
		o, err := p.otherSpace(tx, a, other)
		if err != nil {
			return err
		}
		if o.ID == s.ID {
			return cloister.Errorf(cloister.Invalid, "Space %s cannot be peered with itself. Its dynos reach one another as it is.", s.Name)
		}
		mine, err := tx.Peerings(s.ID)
		if err != nil {
			return err
		}
		for _, x := range mine {
			if id, _ := x.Across(s.ID); id == o.ID {
				if err := p.inTheWay(tx, s, x); err != nil {
					return err
				}
			}
		}
		if err := canPeer(tx, s.Space, mine, o.Routable()); err != nil {
			return err
		}
		x := cloister.Peering{ID: cloister.NewPeeringID(), SpaceID: s.ID, PeerID: o.ID, SpaceBlocks: s.Routable(),
			PeerBlocks: o.Routable(), CreatedBy: a.User.Email, ExpiresAt: tx.Now.Add(cloister.PeeringPatience),
			State: cloister.PeeringPending, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := tx.InsertPeering(x); err != nil {
			return err
		}
		if err := tx.Changed("peering", x.ID, "create", s.Name, nil, x); err != nil {
			return err
		}
		out, err = p.peeringInfo(tx, s, x)
		return err
	})
	return out, err
}

// inTheWay is the error for asking again, unless the peering has ended.
func (p *Platform) inTheWay(tx *store.Tx, s SpaceInfo, x cloister.Peering) error {
	switch now := x.StateFor(s.ID, tx.Now); {
	case now == cloister.PeeringExpired && !x.State.Ended():
		x.State = cloister.PeeringExpired
		return tx.SetPeering(x)
	case now == cloister.PeeringPending:
		return cloister.Errorf(cloister.Invalid, "That space has asked for this peering already. Accept %s.", x.ID)
	case now == cloister.PeeringInitiating:
		return cloister.Errorf(cloister.Invalid, "This peering was asked for already: %s. An administrator of the other space's team has to accept it.", x.ID)
	case now.Live():
		return cloister.Errorf(cloister.Invalid, "The two spaces are peered already: %s is %s.", x.ID, now)
	}
	return nil
}

// otherSpace finds the space to ask: one that the actor sees, or by its VPC id.
func (p *Platform) otherSpace(tx *store.Tx, a cloister.Actor, ref string) (cloister.Space, error) {
	s, err := p.space(tx, a, ref, viewSpace)
	if err == nil || cloister.KindOf(err) != cloister.NotFound {
		return s.Space, err
	}
	spaces, listing := tx.Spaces()
	if listing != nil {
		return cloister.Space{}, listing
	}
	for _, s := range spaces {
		if s.VPCID() == ref && s.State != cloister.Deleting {
			return s, nil
		}
	}
	return cloister.Space{}, err
}

// AcceptPeering lets a peering be made that another space has asked for, or that the operator offers. It is active
// when the networks of both sides have it. Team admins only.
func (p *Platform) AcceptPeering(ctx context.Context, a cloister.Actor, space, id string) (out PeeringInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		s, x, err := p.peering(tx, a, space, id, manageSpace)
		if err != nil {
			return err
		}
		if x.State.Live() { // somebody accepts it twice
			out, err = p.peeringInfo(tx, s, x)
			return err
		}
		if err := p.acceptable(tx, s, x); err != nil {
			return err
		}
		was := x
		x.State, x.Message, x.Ready, x.Other, x.UpdatedAt = cloister.PeeringProvisioning, "", false, false, tx.Now
		if x.CreatedAt.IsZero() {
			x.CreatedAt, x.CreatedBy = tx.Now, a.User.Email
			err = tx.InsertPeering(x)
		} else {
			err = tx.SetPeering(x)
		}
		if err != nil {
			return err
		}
		if err := tx.Changed("peering", x.ID, "accept", s.Name, was, x); err != nil {
			return err
		}
		if err := touchSides(tx, x); err != nil {
			return err
		}
		out, err = p.peeringInfo(tx, s, x)
		return err
	})
	return out, err
}

// acceptable reports why a peering cannot be accepted by a space, or nil.
func (p *Platform) acceptable(tx *store.Tx, s SpaceInfo, x cloister.Peering) error {
	state := x.StateFor(s.ID, tx.Now)
	if x.Network != "" && state == cloister.PeeringFailed {
		state = cloister.PeeringPending // the operator still offers it: try again
	}
	switch state {
	case cloister.PeeringPending:
	case cloister.PeeringInitiating:
		return cloister.Errorf(cloister.Invalid, "Space %s asked for this peering itself. An administrator of the other space's team has to accept it.", s.Name)
	default:
		return cloister.Errorf(cloister.Invalid, "This peering is %s. Ask for a new one.", state)
	}
	other, blocks := x.Across(s.ID)
	mine, err := without(tx, s.ID, x.ID)
	if err != nil {
		return err
	}
	if err := canPeer(tx, s.Space, mine, blocks); err != nil || other == "" {
		return err
	}
	o, err := tx.Space(other)
	if err != nil {
		return err
	}
	theirs, err := without(tx, o.ID, x.ID)
	if err != nil {
		return err
	}
	return canPeer(tx, o, theirs, x.PeerBlocks)
}

func canPeer(tx *store.Tx, s cloister.Space, peers []cloister.Peering, blocks []netip.Prefix) error {
	limits, err := tx.Limits(s.ID)
	if err != nil {
		return err
	}
	return cloister.CanPeer(s, limits, peers, blocks)
}

// without lists the peerings of a space but one.
func without(tx *store.Tx, space, id string) ([]cloister.Peering, error) {
	all, err := tx.Peerings(space)
	return slices.DeleteFunc(all, func(x cloister.Peering) bool { return x.ID == id }), err
}

// DestroyPeering ends a peering from either side, or turns a request down, or takes it back. Team admins only.
func (p *Platform) DestroyPeering(ctx context.Context, a cloister.Actor, space, id string) (out PeeringInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		s, x, err := p.peering(tx, a, space, id, manageSpace)
		if err != nil {
			return err
		}
		if x.CreatedAt.IsZero() {
			return cloister.Errorf(cloister.Invalid, "There is nothing to destroy: peering %s with network %s was never accepted.", x.ID, x.Network)
		}
		was := x
		if err := endPeering(tx, s.ID, &x); err != nil {
			return err
		}
		if err := tx.Changed("peering", x.ID, "destroy", s.Name, was, x); err != nil {
			return err
		}
		out, err = p.peeringInfo(tx, s, x)
		return err
	})
	return out, err
}

// endPeering ends a peering on behalf of one of its spaces. The row stays for a while to tell the other side; that of a
// network goes, so that it is on offer again.
func endPeering(tx *store.Tx, space string, x *cloister.Peering) error {
	pending := x.State == cloister.PeeringPending
	switch {
	case pending && x.Asked(space):
		x.State = cloister.PeeringRejected
	case !x.State.Ended():
		x.State = cloister.PeeringDeleted
	}
	x.Message = ""
	if x.Network == "" {
		if err := tx.SetPeering(*x); err != nil {
			return err
		}
	} else {
		if err := tx.DeletePeering(x.ID); err != nil {
			return err
		}
		x.State = cloister.PeeringDeleted
	}
	if pending {
		return nil
	}
	return touchSides(tx, *x)
}

// endPeerings ends all that a space has, because it goes itself.
func endPeerings(tx *store.Tx, space string) error {
	all, err := tx.Peerings(space)
	if err != nil {
		return err
	}
	for _, x := range all {
		if x.State.Ended() && x.Network == "" {
			continue
		}
		if err := endPeering(tx, space, &x); err != nil {
			return err
		}
	}
	return nil
}

func touchSides(tx *store.Tx, x cloister.Peering) error {
	for _, id := range []string{x.SpaceID, x.PeerID} {
		if id == "" {
			continue
		}
		if err := tx.Touch("space", id); err != nil {
			return err
		}
	}
	return nil
}

// peering finds a peering of a space, or an offer of the operator's.
func (p *Platform) peering(tx *store.Tx, a cloister.Actor, space, id string, v verb) (SpaceInfo, cloister.Peering, error) {
	s, err := p.space(tx, a, space, v)
	if err != nil {
		return s, cloister.Peering{}, err
	}
	if id == s.DataPeeringID() {
		return s, cloister.Peering{}, cloister.Errorf(cloister.Invalid, "Peering %s joins the space to its own data network, and is the platform's. It is always there.", id)
	}
	x, err := tx.Peering(id)
	if err == nil && (x.SpaceID == s.ID || x.Asked(s.ID)) {
		return s, x, nil
	}
	if err != nil && cloister.KindOf(err) != cloister.NotFound {
		return s, x, err
	}
	for _, n := range p.config.Networks {
		if offer := n.Offer(s.Space); offer.ID == id && n.For(s.Space, s.Team) {
			return s, offer, nil
		}
	}
	return s, cloister.Peering{}, cloister.Missing("peering")
}

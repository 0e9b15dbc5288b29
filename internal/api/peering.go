package api

import (
	"cmp"
	"net/netip"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) peeringRoutes(r chi.Router) {
	r.Get("/spaces/{space}/peering-info", a.do(a.peeringInfo))
	r.Get("/spaces/{space}/peerings", a.do(a.peeringList))
	r.Post("/spaces/{space}/peerings", a.do(a.peeringCreate))
	r.Get("/spaces/{space}/peerings/{peering}", a.do(a.peeringShow))
	r.Post("/spaces/{space}/peerings/{peering}/actions/accept", a.do(a.peeringAccept))
	r.Delete("/spaces/{space}/peerings/{peering}", a.do(a.peeringDestroy))
}

func (a *API) peeringInfo(r *request) (reply, error) {
	s, peers, err := a.platform.Peerings(r.Context(), r.actor, r.param("space"))
	if err != nil {
		return reply{}, err
	}
	taken := s.Taken(each(peers, func(p platform.PeeringInfo) cloister.Peering { return p.Peering }))
	return ok(heroku.PeeringInfo{AccountID: s.Team.ID, Region: provided(s.Region), VPCID: s.VPCID(), VPCCIDR: s.CIDR.String(),
		DynoCIDRs: texts(s.DynoSubnets()), SpaceCIDRs: texts(s.Routable()), UnavailableCIDR: texts(taken)}), nil
}

func (a *API) peeringList(r *request) (reply, error) {
	s, peers, err := a.platform.Peerings(r.Context(), r.actor, r.param("space"))
	if err != nil {
		return reply{}, err
	}
	return list(append(each(peers, peering), dataPeering(s)), byID(func(p heroku.Peering) string { return p.ID }),
		column[heroku.Peering]{name: "pcx_id", value: func(p heroku.Peering) string { return p.ID }}), nil
}

func (a *API) peeringShow(r *request) (reply, error) {
	s, peers, err := a.platform.Peerings(r.Context(), r.actor, r.param("space"))
	if err != nil {
		return reply{}, err
	}
	for _, p := range append(each(peers, peering), dataPeering(s)) {
		if p.ID == r.param("peering") {
			return ok(p), nil
		}
	}
	return reply{}, cloister.Missing("peering")
}

// peeringCreate accepts a peering, as the official CLI asks for it, or, which is ours alone, asks a space for one.
func (a *API) peeringCreate(r *request) (reply, error) {
	in, err := decode[heroku.PeeringAcceptOpts](r)
	switch {
	case err != nil:
		return reply{}, err
	case (in.ID == "") == (in.Space == ""):
		return reply{}, cloister.Errorf(cloister.Invalid, "Say either pcx_id, of a peering to accept, or space, which is to be asked for one.")
	case in.Space != "":
		p, err := a.platform.RequestPeering(r.Context(), r.actor, r.param("space"), string(in.Space))
		return created(peering(p)), err
	}
	p, err := a.platform.AcceptPeering(r.Context(), r.actor, r.param("space"), in.ID)
	return accepted(peering(p)), err
}

func (a *API) peeringAccept(r *request) (reply, error) {
	p, err := a.platform.AcceptPeering(r.Context(), r.actor, r.param("space"), r.param("peering"))
	return accepted(peering(p)), err
}

func (a *API) peeringDestroy(r *request) (reply, error) {
	p, err := a.platform.DestroyPeering(r.Context(), r.actor, r.param("space"), r.param("peering"))
	return accepted(peering(p)), err
}

// peering tells a peering as its side sees it: account, network and addresses are of the other side.
func peering(p platform.PeeringInfo) heroku.Peering {
	id, blocks := p.Across(p.Space.ID)
	out := heroku.Peering{ID: p.ID, Type: "customer-managed", Status: string(p.Side), CIDRBlocks: texts(blocks),
		Region: provided(p.Space.Region), Network: p.Network, StatusReason: p.Message}
	if p.State == cloister.PeeringPending {
		out.Expires = heroku.At(p.ExpiresAt)
	}
	if p.Network != "" {
		n := cloister.Network{Name: p.Network}
		out.VPCID, out.AccountID = n.VPCID(), cloister.NameID("account", "operator")
		return out
	}
	out.VPCID = cloister.Space{ID: id}.VPCID()
	if p.Peer != nil {
		out.AccountID, out.Region = p.Peer.Team.ID, provided(p.Peer.Region)
		out.Space = &heroku.Named{ID: p.Peer.ID, Name: p.Peer.Name}
	}
	return out
}

// dataPeering is how dynos reach data services: it comes with every space.
func dataPeering(s platform.SpaceInfo) heroku.Peering {
	status := cloister.PeeringActive
	if s.State == cloister.Allocating {
		status = cloister.PeeringProvisioning
	}
	return heroku.Peering{ID: s.DataPeeringID(), Type: "heroku-managed", Status: string(status), VPCID: s.DataVPCID(),
		CIDRBlocks: heroku.List[string]{s.DataCIDR.String()}, AccountID: cloister.NameID("account", "operator"), Region: provided(s.Region)}
}

// provided is what a region is called by who provides it, as the schema wants it; an operator's own has one name only.
func provided(r cloister.Region) string { return cmp.Or(r.ProviderRegion, r.Name) }

func texts(ps []netip.Prefix) heroku.List[string] {
	return each(ps, func(p netip.Prefix) string { return p.String() })
}

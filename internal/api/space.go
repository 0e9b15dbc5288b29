package api

import (
	"net/netip"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) spaceRoutes(r chi.Router) {
	r.Get("/spaces", a.do(a.spaceList))
	r.Post("/spaces", a.do(a.spaceCreate))
	r.Get("/spaces/{space}", a.do(a.spaceInfo))
	r.Patch("/spaces/{space}", a.do(a.spaceUpdate))
	r.Delete("/spaces/{space}", a.do(a.spaceDestroy))
	r.Get("/spaces/{space}/nat", a.do(a.spaceNAT))
	r.Post("/spaces/{space}/transfer", a.do(a.spaceTransfer))
}

func (a *API) spaceList(r *request) (reply, error) {
	spaces, err := a.platform.Spaces(r.Context(), r.actor)
	return spaceReply(each(spaces, space)), err
}

func spaceReply(spaces []heroku.Space) reply {
	return list(spaces, byName(func(s heroku.Space) string { return s.Name }), byID(func(s heroku.Space) string { return s.ID }))
}

// A spaceOrder is what clients send for a new space, with the keys that only some of them know.
type spaceOrder struct {
	heroku.SpaceCreateOpts
	KPIURL  string `json:"kpi_url"`
	Channel string `json:"channel_name"`
}

func (a *API) spaceCreate(r *request) (reply, error) {
	in, err := decode[spaceOrder](r)
	if err != nil {
		return reply{}, err
	}
	if err := in.possible(); err != nil {
		return reply{}, err
	}
	s, err := a.platform.CreateSpace(r.Context(), r.actor, platform.SpaceSpec{Name: in.Name, Team: string(in.Team),
		Region: string(in.Region), CIDR: in.CIDR, DataCIDR: in.DataCIDR, Shield: in.Shield, LogDrainURL: in.LogDrainURL})
	return created(space(s)), err
}

// possible refuses what would otherwise be dropped in silence. The list of features is Heroku's own, and ignored.
func (in spaceOrder) possible() error {
	switch in.Generation {
	case "", "cedar", heroku.Ref(cedar().ID):
	case "fir":
		return cloister.Errorf(cloister.Unsupported, "Spaces of the generation fir are not in this version. Create the space with generation cedar.")
	default:
		return cloister.Errorf(cloister.Invalid, "Generation %q is not known. Use cedar.", in.Generation)
	}
	for name, value := range map[string]string{"kpi_url": in.KPIURL, "channel_name": in.Channel} {
		if value != "" {
			return cloister.Errorf(cloister.Unsupported, "%s is not in this version. Create the space without it.", name)
		}
	}
	return nil
}

func (a *API) spaceInfo(r *request) (reply, error) {
	s, err := a.platform.Space(r.Context(), r.actor, r.param("space"))
	return ok(space(s)), err
}

func (a *API) spaceUpdate(r *request) (reply, error) {
	in, err := decode[heroku.SpaceUpdateOpts](r)
	if err != nil {
		return reply{}, err
	}
	if in.Name == nil {
		return a.spaceInfo(r)
	}
	s, err := a.platform.RenameSpace(r.Context(), r.actor, r.param("space"), *in.Name)
	return ok(space(s)), err
}

func (a *API) spaceTransfer(r *request) (reply, error) {
	in, err := decode[heroku.SpaceTransferOpts](r)
	if err != nil {
		return reply{}, err
	}
	s, err := a.platform.TransferSpace(r.Context(), r.actor, r.param("space"), string(in.NewOwner))
	return ok(space(s)), err
}

func (a *API) spaceDestroy(r *request) (reply, error) {
	s, err := a.platform.DestroySpace(r.Context(), r.actor, r.param("space"))
	out := ok(space(s))
	if err == nil {
		out.warning = released(s)
	}
	return out, err
}

// released warns that the addresses of a space that goes will be others'.
func released(s platform.SpaceInfo) (out string) {
	if len(s.Outbound) > 0 {
		out = "The outbound IPs of this space will be used again by others: " + addresses(s.Outbound) +
			". Remove them from the allowlists of the services that trust them."
	}
	if len(s.Ingress) > 0 {
		out = strings.TrimSpace(out + " So will its ingress IPs: " + addresses(s.Ingress) + ". Remove DNS records that lead to them.")
	}
	return out
}

func addresses(all []netip.Addr) string { return strings.Join(addrTexts(all), ", ") }

func addrTexts(all []netip.Addr) []string { return each(all, netip.Addr.String) }

func (a *API) spaceNAT(r *request) (reply, error) {
	s, err := a.platform.Space(r.Context(), r.actor, r.param("space"))
	return ok(nat(s)), err
}

func space(s platform.SpaceInfo) heroku.Space {
	return heroku.Space{ID: s.ID, Name: s.Name, State: string(s.State), Team: teamName(s.Team), Organization: teamName(s.Team),
		Region: heroku.SpaceRegion{ID: s.Region.ID, Name: s.Region.Name, Description: s.Region.Description},
		Shield: s.Shield, CIDR: s.CIDR.String(), DataCIDR: s.DataCIDR.String(), Generation: cedar(), IngressIPs: addrTexts(s.Ingress),
		CreatedAt: heroku.At(s.CreatedAt), UpdatedAt: heroku.At(s.UpdatedAt)}
}

// nat is disabled where the operator has given no pool of outbound addresses: the outside then sees the machine's.
func nat(s platform.SpaceInfo) heroku.NAT {
	out := heroku.NAT{State: "enabled", CreatedAt: heroku.At(s.CreatedAt), UpdatedAt: heroku.At(s.UpdatedAt)}
	out.Sources = addrTexts(s.Outbound)
	switch {
	case len(s.Outbound) == 0:
		out.State = "disabled"
	case s.State == cloister.Allocating:
		out.State = "updating"
	}
	return out
}

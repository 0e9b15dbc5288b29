package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) serviceRoutes(r chi.Router) {
	r.Get("/addon-services", a.do(a.serviceList))
	r.Get("/addon-services/{service}", a.do(a.serviceInfo))
	r.Patch("/addon-services/{service}", a.do(a.serviceUpdate)) // Cloister's own, as all that changes the catalogue
	r.Delete("/addon-services/{service}", a.do(a.serviceDelete))
	r.Get("/addon-services/{service}/plans", a.do(a.planList))
	r.Get("/addon-services/{service}/plans/{plan}", a.do(a.planInfo))
	r.Patch("/addon-services/{service}/plans/{plan}", a.do(a.planUpdate))
	r.Get("/addon-services/{service}/region-capabilities", a.do(a.capabilityList))
	r.Get("/addon-region-capabilities", a.do(a.capabilityList))
	r.Get("/regions/{region}/addon-region-capabilities", a.do(a.capabilityList))
}

func (a *API) serviceList(r *request) (reply, error) {
	all, err := a.platform.Services(r.Context(), r.actor)
	return list(each(all, addonService), byName(func(s heroku.AddonService) string { return s.Name }), byID(func(s heroku.AddonService) string { return s.ID })), err
}

func (a *API) serviceInfo(r *request) (reply, error) {
	s, err := a.platform.Service(r.Context(), r.actor, r.param("service"))
	return ok(addonService(s)), err
}

func (a *API) serviceUpdate(r *request) (reply, error) {
	in, err := decode[heroku.ServiceOpts](r)
	if err != nil {
		return reply{}, err
	}
	if in.State != string(cloister.ServiceOffered) && in.State != string(cloister.ServiceShutdown) {
		return reply{}, cloister.Errorf(cloister.Invalid, "State %q is not known. A service is ga, or shutdown: then there are no new add-ons of it.", in.State)
	}
	s, err := a.platform.OfferService(r.Context(), r.actor, r.param("service"), in.State == string(cloister.ServiceOffered))
	return ok(addonService(s)), err
}

func (a *API) serviceDelete(r *request) (reply, error) {
	s, err := a.platform.RemoveService(r.Context(), r.actor, r.param("service"))
	return ok(addonService(s)), err
}

func (a *API) planList(r *request) (reply, error) {
	all, err := a.platform.Plans(r.Context(), r.actor, r.param("service"))
	return list(each(all, plan), byID(func(p heroku.Plan) string { return p.ID }), byName(func(p heroku.Plan) string { return p.Name })), err
}

func (a *API) planInfo(r *request) (reply, error) {
	p, err := a.platform.Plan(r.Context(), r.actor, r.param("service"), r.param("plan"))
	return ok(plan(p)), err
}

func (a *API) planUpdate(r *request) (reply, error) {
	in, err := decode[heroku.PlanOpts](r)
	if err != nil {
		return reply{}, err
	}
	p, err := a.platform.ChangePlan(r.Context(), r.actor, r.param("service"), r.param("plan"), platform.PlanChange(in))
	return ok(plan(p)), err
}

// capabilityList says for each service and region whether there is anything of it there: of all, or of one of either.
func (a *API) capabilityList(r *request) (reply, error) {
	all, err := a.platform.Capabilities(r.Context(), r.actor, r.param("service"), r.param("region"))
	return list(each(all, func(c platform.Capability) heroku.RegionCapability {
		return heroku.RegionCapability{ID: c.ID, AddonService: addonService(c.Service), Region: region(c.Region), SupportsPrivateNetworking: c.Inside}
	}), byID(func(c heroku.RegionCapability) string { return c.ID })), err
}

func addonService(s cloister.AddonService) heroku.AddonService {
	return heroku.AddonService{ID: s.ID, Name: s.Name, HumanName: s.HumanName, State: string(s.State), SupportsMultiple: s.Many, SupportsSharing: s.Shared,
		CreatedAt: heroku.At(s.CreatedAt), UpdatedAt: heroku.At(s.UpdatedAt)}
}

func plan(p platform.PlanInfo) heroku.Plan {
	return heroku.Plan{ID: p.ID, Name: p.Service.Name + ":" + p.Name, HumanName: p.HumanName, Description: p.Description,
		AddonService: heroku.Named{ID: p.Service.ID, Name: p.Service.Name}, Default: p.Default, SpaceDefault: p.Default && p.Inside,
		Inside: p.Inside, Outside: p.Outside, Regions: p.Regions, Price: price(p.Plan), State: string(p.Service.State), Visible: true,
		CreatedAt: heroku.At(p.CreatedAt), UpdatedAt: heroku.At(p.UpdatedAt)}
}

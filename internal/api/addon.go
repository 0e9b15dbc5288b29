package api

import (
	"cmp"
	"maps"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) addonRoutes(r chi.Router) {
	r.Get("/addons", a.do(a.addonList))
	r.Get("/addons/{addon}", a.orVendor(a.addonInfo, a.vendedInfo))
	r.Get("/addons/{addon}/config", a.orVendor(a.addonConfig, a.vendedConfig))
	r.Get("/addons/{addon}/config/{namespace}", a.do(a.addonConfig))
	r.Get("/addons/{addon}/addon-attachments", a.do(a.addonAttachmentList))
	r.Get("/apps/{app}/addons", a.do(a.appAddonList))
	r.Post("/apps/{app}/addons", a.do(a.addonCreate))
	r.Get("/apps/{app}/addons/{addon}", a.do(a.addonInfo))
	r.Patch("/apps/{app}/addons/{addon}", a.do(a.addonUpdate))
	r.Delete("/apps/{app}/addons/{addon}", a.do(a.addonDelete))
	r.Post("/actions/addons/resolve", a.do(a.addonResolve))
	r.Get("/addon-attachments", a.do(a.attachmentList))
	r.Post("/addon-attachments", a.do(a.attachmentCreate))
	r.Get("/addon-attachments/{attachment}", a.do(a.attachmentInfo))
	r.Delete("/addon-attachments/{attachment}", a.do(a.attachmentDelete))
	r.Get("/apps/{app}/addon-attachments", a.do(a.appAttachmentList))
	r.Get("/apps/{app}/addon-attachments/{attachment}", a.do(a.attachmentInfo))
	r.Post("/actions/addon-attachments/resolve", a.do(a.attachmentResolve))
}

func addonsList(all []platform.AddonInfo) reply {
	return list(each(all, addon), byID(func(x heroku.Addon) string { return x.ID }), byName(func(x heroku.Addon) string { return x.Name }))
}

func attachmentsList(all []platform.AttachmentInfo) reply {
	return list(each(all, attachment), byID(func(x heroku.Attachment) string { return x.ID }), byName(func(x heroku.Attachment) string { return x.Name }))
}

func (a *API) addonList(r *request) (reply, error) {
	all, err := a.platform.Addons(r.Context(), r.actor)
	return addonsList(all), err
}

func (a *API) appAddonList(r *request) (reply, error) {
	all, err := a.platform.AppAddons(r.Context(), r.actor, r.param("app"))
	return addonsList(all), err
}

func (a *API) addonInfo(r *request) (reply, error) {
	x, err := a.platform.Addon(r.Context(), r.actor, r.param("app"), r.param("addon"))
	return ok(addon(x)), err
}

// addonConfig lists the config vars of an add-on; of a credential with the namespace "credential:NAME".
func (a *API) addonConfig(r *request) (reply, error) {
	vars, err := a.platform.AddonConfig(r.Context(), r.actor, r.param("addon"), r.param("namespace"))
	return ok(addonVars(vars)), err
}

func addonVars(vars map[string]cloister.Secret) (out heroku.List[heroku.AddonConfigVar]) {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		out = append(out, heroku.AddonConfigVar{Name: name, Value: heroku.Pointer(vars[name].Reveal())})
	}
	return out
}

func (a *API) addonCreate(r *request) (reply, error) {
	in, err := decode[heroku.AddonOpts](r)
	if err != nil {
		return reply{}, err
	}
	spec := platform.AddonSpec{Plan: string(in.Plan), Name: in.Name, Options: in.Config, Confirm: in.Confirm}
	if in.Attachment != nil {
		spec.Attachment = in.Attachment.Name
	}
	x, _, err := a.platform.CreateAddon(r.Context(), r.actor, r.param("app"), spec)
	return created(addon(x)), err
}

func (a *API) addonUpdate(r *request) (reply, error) {
	in, err := decode[heroku.AddonUpdateOpts](r)
	if err != nil {
		return reply{}, err
	}
	x, err := a.platform.ChangeAddon(r.Context(), r.actor, r.param("app"), r.param("addon"), platform.AddonChange{Name: in.Name, Plan: (*string)(in.Plan)})
	return ok(addon(x)), err
}

func (a *API) addonDelete(r *request) (reply, error) {
	in, err := decode[heroku.AddonDeleteOpts](r)
	if err != nil {
		return reply{}, err
	}
	x, err := a.platform.DestroyAddon(r.Context(), r.actor, r.param("app"), r.param("addon"), in.Force)
	return ok(addon(x)), err
}

func (a *API) addonResolve(r *request) (reply, error) {
	in, err := decode[heroku.AddonResolveOpts](r)
	if err != nil {
		return reply{}, err
	}
	all, err := a.platform.ResolveAddon(r.Context(), r.actor, string(in.App), string(in.Addon), string(in.AddonService))
	return addonsList(all), err
}

func (a *API) addonAttachmentList(r *request) (reply, error) {
	all, err := a.platform.AddonAttachments(r.Context(), r.actor, r.param("addon"))
	return attachmentsList(all), err
}

func (a *API) attachmentList(r *request) (reply, error) {
	all, err := a.platform.Attachments(r.Context(), r.actor)
	return attachmentsList(all), err
}

func (a *API) appAttachmentList(r *request) (reply, error) {
	all, err := a.platform.AppAttachments(r.Context(), r.actor, r.param("app"))
	return attachmentsList(all), err
}

func (a *API) attachmentInfo(r *request) (reply, error) {
	t, err := a.platform.Attachment(r.Context(), r.actor, r.param("app"), r.param("attachment"))
	return ok(attachment(t)), err
}

func (a *API) attachmentCreate(r *request) (reply, error) {
	in, err := decode[heroku.AttachmentOpts](r)
	if err != nil {
		return reply{}, err
	}
	t, err := a.platform.Attach(r.Context(), r.actor, platform.AttachmentSpec{Addon: string(in.Addon), App: string(in.App), Name: in.Name, Namespace: in.Namespace, Confirm: in.Confirm})
	return created(attachment(t)), err
}

func (a *API) attachmentDelete(r *request) (reply, error) {
	t, err := a.platform.Detach(r.Context(), r.actor, r.param("attachment"))
	return ok(attachment(t)), err
}

func (a *API) attachmentResolve(r *request) (reply, error) {
	in, err := decode[heroku.AttachmentResolveOpts](r)
	if err != nil {
		return reply{}, err
	}
	all, err := a.platform.ResolveAttachment(r.Context(), r.actor, string(in.App), string(in.Attachment), string(in.AddonService))
	return attachmentsList(all), err
}

func addon(x platform.AddonInfo) heroku.Addon {
	return heroku.Addon{ID: x.ID, Name: x.Name, State: string(x.State), App: heroku.Named{ID: x.App.ID, Name: x.App.Name},
		AddonService: addonService(x.Service), Plan: plan(platform.PlanInfo{Plan: x.Plan, Service: x.Service}),
		BillingEntity: heroku.Billing{ID: x.App.ID, Name: x.App.Name, Type: "app"}, BilledPrice: price(x.Plan),
		ConfigVars: x.Vars, WebURL: webURL(x), ProviderID: cmp.Or(x.ProviderID, x.ID), ProvisionMessage: x.Message,
		CreatedAt: heroku.At(x.CreatedAt), UpdatedAt: heroku.At(x.UpdatedAt)}
}

func attachment(t platform.AttachmentInfo) heroku.Attachment {
	x := t.Addon
	return heroku.Attachment{ID: t.ID, Name: t.Name, Namespace: optional(t.Namespace), App: heroku.Named{ID: t.App.ID, Name: t.App.Name},
		Addon: heroku.AddonRef{ID: x.ID, Name: x.Name, App: heroku.Named{ID: x.App.ID, Name: x.App.Name},
			Plan: heroku.Named{ID: x.Plan.ID, Name: x.Service.Name + ":" + x.Plan.Name}},
		ConfigVars: t.Vars, WebURL: webURL(x), CreatedAt: heroku.At(t.CreatedAt), UpdatedAt: heroku.At(t.UpdatedAt)}
}

// webURL is where the page of an add-on is, for those who sign in there by themselves; sso is for the others.
func webURL(x platform.AddonInfo) *string {
	if x.Service.Kind != "partner" {
		return nil
	}
	return optional(x.Service.Provider.SSOURL)
}

func price(p cloister.Plan) heroku.Price { return heroku.Price{Cents: p.Cents, Unit: "month"} }

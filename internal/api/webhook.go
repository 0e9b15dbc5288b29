package api

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/webhook"
)

func (a *API) webhookRoutes(r chi.Router) {
	r.Get("/apps/{app}/webhooks", a.do(a.webhookList))
	r.Post("/apps/{app}/webhooks", a.do(a.webhookCreate))
	r.Get("/apps/{app}/webhooks/{webhook}", a.do(a.webhookInfo))
	r.Patch("/apps/{app}/webhooks/{webhook}", a.do(a.webhookUpdate))
	r.Delete("/apps/{app}/webhooks/{webhook}", a.do(a.webhookDelete))
	r.Get("/apps/{app}/webhook-deliveries", a.do(a.deliveryList))
	r.Get("/apps/{app}/webhook-deliveries/{delivery}", a.do(a.deliveryInfo))
	r.Get("/apps/{app}/webhook-events", a.do(a.webhookEventList))
	r.Get("/apps/{app}/webhook-events/{event}", a.do(a.webhookEventInfo))
}

func (a *API) webhookList(r *request) (reply, error) {
	app, all, err := a.platform.Webhooks(r.Context(), r.actor, r.param("app"))
	return list(each(all, func(w cloister.Webhook) heroku.AppWebhook { return appWebhook(app, w) }),
		byID(func(w heroku.AppWebhook) string { return w.ID })), err
}

func (a *API) webhookCreate(r *request) (reply, error) {
	in, err := decode[heroku.AppWebhookOpts](r)
	if err != nil {
		return reply{}, err
	}
	spec := platform.WebhookSpec{URL: text(in.URL), Level: text(in.Level), Secret: text(in.Secret), Authorization: text(in.Authorization)}
	if in.Include != nil {
		spec.Include = *in.Include
	}
	app, w, err := a.platform.AddWebhook(r.Context(), r.actor, r.param("app"), spec)
	out := created(appWebhook(app, w))
	out.secret = w.Secret.Reveal()
	return out, err
}

func (a *API) webhookInfo(r *request) (reply, error) {
	app, w, err := a.platform.Webhook(r.Context(), r.actor, r.param("app"), r.param("webhook"))
	return ok(appWebhook(app, w)), err
}

func (a *API) webhookUpdate(r *request) (reply, error) {
	in, err := decode[heroku.AppWebhookOpts](r)
	if err != nil {
		return reply{}, err
	}
	app, w, err := a.platform.ChangeWebhook(r.Context(), r.actor, r.param("app"), r.param("webhook"), platform.WebhookChange(in))
	out := ok(appWebhook(app, w))
	if in.Secret != nil && *in.Secret == "" { // another one was made
		out.secret = w.Secret.Reveal()
	}
	return out, err
}

func (a *API) webhookDelete(r *request) (reply, error) {
	app, w, err := a.platform.RemoveWebhook(r.Context(), r.actor, r.param("app"), r.param("webhook"))
	return ok(appWebhook(app, w)), err
}

// deliveryList lists deliveries in the order of their making, or those of one status: ?eq[status]=failed.
func (a *API) deliveryList(r *request) (reply, error) {
	_, all, err := a.platform.Deliveries(r.Context(), r.actor, r.param("app"))
	if status := r.URL.Query().Get("eq[status]"); status != "" {
		all = slices.DeleteFunc(all, func(d cloister.Delivery) bool { return string(d.Status) != status })
	}
	return list(each(all, delivery),
		column[heroku.AppWebhookDelivery]{name: "seq", number: true, value: func(d heroku.AppWebhookDelivery) string { return strconv.FormatInt(d.Seq, 10) }},
		byID(func(d heroku.AppWebhookDelivery) string { return d.ID })), err
}

func (a *API) deliveryInfo(r *request) (reply, error) {
	d, err := a.platform.Delivery(r.Context(), r.actor, r.param("app"), r.param("delivery"))
	return ok(delivery(d)), err
}

func (a *API) webhookEventList(r *request) (reply, error) {
	all, err := a.platform.WebhookEvents(r.Context(), r.actor, r.param("app"))
	return list(each(all, webhookEvent),
		column[heroku.AppWebhookEvent]{name: "seq", number: true, value: func(e heroku.AppWebhookEvent) string { return strconv.FormatInt(e.Seq, 10) }},
		byID(func(e heroku.AppWebhookEvent) string { return e.ID })), err
}

func (a *API) webhookEventInfo(r *request) (reply, error) {
	e, err := a.platform.WebhookEvent(r.Context(), r.actor, r.param("app"), r.param("event"))
	return ok(webhookEvent(e)), err
}

func appWebhook(app platform.AppInfo, w cloister.Webhook) heroku.AppWebhook {
	return heroku.AppWebhook{ID: w.ID, App: appName(app), Include: each(w.Include, func(e cloister.Entity) string { return string(e) }),
		Level: string(w.Level), URL: w.URL.Reveal(), CreatedAt: heroku.At(w.CreatedAt), UpdatedAt: heroku.At(w.UpdatedAt)}
}

func delivery(d cloister.Delivery) heroku.AppWebhookDelivery {
	out := heroku.AppWebhookDelivery{ID: d.ID, Seq: d.Seq, Event: heroku.WebhookRef{ID: d.EventID, Include: string(d.Entity)},
		Webhook: heroku.WebhookLevelRef{ID: d.WebhookID, Level: string(d.Level)}, Status: string(d.Status), NumAttempts: d.Attempts,
		NextAttempt: heroku.At(d.NextAt), CreatedAt: heroku.At(d.CreatedAt), UpdatedAt: heroku.At(d.UpdatedAt)}
	if l := d.Last; l.ID != "" {
		out.LastAttempt = &heroku.WebhookAttempt{ID: l.ID, Status: "succeeded", ErrorClass: optional(l.Error), CreatedAt: heroku.At(l.At), UpdatedAt: heroku.At(l.At)}
		if l.Code != 0 {
			out.LastAttempt.Code = &l.Code
		}
		if l.Error != "" {
			out.LastAttempt.Status = "failed"
		}
	}
	return out
}

func webhookEvent(e cloister.WebhookEvent) heroku.AppWebhookEvent {
	return heroku.AppWebhookEvent{ID: e.ID, Seq: e.Seq, Include: string(e.Entity), Payload: webhook.Payload(e),
		CreatedAt: heroku.At(e.CreatedAt), UpdatedAt: heroku.At(e.CreatedAt)}
}

// noun shows a thing about an app as its resource does, without addresses that carry a secret.
func (a *API) noun(app platform.AppInfo, noun any) any {
	switch v := noun.(type) {
	case cloister.App:
		return a.app(app)
	case cloister.Build:
		return a.build("", v)
	case cloister.Collaborator:
		return collaborator(app, v)
	case cloister.ProcessType:
		return formation(app, v)
	case cloister.Release:
		return a.release("", app, v, currentRelease([]cloister.Release{v}))
	case cloister.Dyno:
		return dyno(app, v)
	case cloister.Domain:
		return a.ownDomain(app, v)
	case cloister.Endpoint:
		return sniEndpoint(app, platform.EndpointInfo{Endpoint: v})
	}
	panic(fmt.Sprintf("api: a webhook cannot be told of a %T", noun))
}

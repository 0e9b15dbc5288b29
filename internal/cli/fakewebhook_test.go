package cli_test

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func (f *fake) webhookRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /apps/{app}/webhooks", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		reply(w, 200, heroku.List[heroku.AppWebhook](f.hooks[a.ID]))
	}))
	mux.HandleFunc("POST /apps/{app}/webhooks", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.AppWebhookOpts](w, r)
		if !ok {
			return
		}
		secret := "made"
		if in.Secret != nil {
			secret = *in.Secret
		}
		w.Header().Set(heroku.WebhookSecretHeader, secret)
		h := heroku.AppWebhook{ID: id(6000 + len(f.hooks[a.ID])), URL: *in.URL, Level: *in.Level, Include: *in.Include}
		f.hooks[a.ID] = append(f.hooks[a.ID], h)
		reply(w, 201, h)
	}))
	one := func(do func(w http.ResponseWriter, r *http.Request, a *heroku.App, i int)) http.HandlerFunc {
		return f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
			i := slices.IndexFunc(f.hooks[a.ID], func(h heroku.AppWebhook) bool { return h.ID == r.PathValue("webhook") })
			if i < 0 {
				missing(w, "webhook")
				return
			}
			do(w, r, a, i)
		})
	}
	mux.HandleFunc("GET /apps/{app}/webhooks/{webhook}", one(func(w http.ResponseWriter, r *http.Request, a *heroku.App, i int) {
		reply(w, 200, f.hooks[a.ID][i])
	}))
	mux.HandleFunc("PATCH /apps/{app}/webhooks/{webhook}", one(func(w http.ResponseWriter, r *http.Request, a *heroku.App, i int) {
		in, ok := read[heroku.AppWebhookOpts](w, r)
		if !ok {
			return
		}
		h := &f.hooks[a.ID][i]
		if in.Level != nil {
			h.Level = *in.Level
		}
		if in.URL != nil {
			h.URL = *in.URL
		}
		reply(w, 200, *h)
	}))
	mux.HandleFunc("DELETE /apps/{app}/webhooks/{webhook}", one(func(w http.ResponseWriter, r *http.Request, a *heroku.App, i int) {
		gone := f.hooks[a.ID][i]
		f.hooks[a.ID] = slices.Delete(f.hooks[a.ID], i, i+1)
		reply(w, 200, gone)
	}))
	code, class := 503, "BadResponse"
	told := heroku.AppWebhookDelivery{ID: id(6100), Event: heroku.WebhookRef{ID: id(6200), Include: "dyno"},
		Webhook: heroku.WebhookLevelRef{ID: id(6000), Level: "sync"}, Status: "retrying", NumAttempts: 3,
		LastAttempt: &heroku.WebhookAttempt{Code: &code, ErrorClass: &class, Status: "failed"}}
	mux.HandleFunc("GET /apps/{app}/webhook-deliveries", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		all := heroku.List[heroku.AppWebhookDelivery]{told}
		if s := r.URL.Query().Get("eq[status]"); s != "" && s != told.Status {
			all = nil
		}
		reply(w, 200, all)
	}))
	mux.HandleFunc("GET /apps/{app}/webhook-deliveries/{delivery}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		reply(w, 200, told)
	}))
	mux.HandleFunc("GET /apps/{app}/webhook-events/{event}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		reply(w, 200, heroku.AppWebhookEvent{ID: r.PathValue("event"), Include: "dyno", Payload: heroku.WebhookPayload{Action: "update",
			Resource: "dyno", Data: json.RawMessage(`{"state":"up"}`), PreviousData: json.RawMessage(`{}`)}})
	}))
}

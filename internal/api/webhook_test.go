package api_test

import (
	"encoding/json"
	"testing"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func TestTheSecretOfAWebhookIsToldOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	in := map[string]any{"url": "https://hooks.example.com", "level": "notify", "include": []string{"api:release"}, "secret": nil, "authorization": nil}
	var w, got heroku.AppWebhook
	res := h.call("POST", "/apps/hello/webhooks", in).want(t, 201, &w)
	if s := res.Header.Get("Heroku-Webhook-Secret"); len(s) != 64 {
		t.Errorf("its secret is %q", s)
	}
	path := "/apps/hello/webhooks/" + w.ID
	if s := h.call("GET", path, nil).want(t, 200, &got).Header.Get("Heroku-Webhook-Secret"); s != "" {
		t.Error("its secret is told again")
	}
	in["secret"] = "own"
	if s := h.call("POST", "/apps/hello/webhooks", in).want(t, 201, nil).Header.Get("Heroku-Webhook-Secret"); s != "own" {
		t.Errorf("who chose a secret is told %q", s) // the official CLI warns if there is none
	}
	if s := h.call("PATCH", path, `{"level":"sync"}`).want(t, 200, &got).Header.Get("Heroku-Webhook-Secret"); s != "" || got.Level != "sync" || got.URL != w.URL {
		t.Errorf("%+v %q", got, s)
	}
	if s := h.call("PATCH", path, `{"secret":""}`).want(t, 200, nil).Header.Get("Heroku-Webhook-Secret"); len(s) != 64 {
		t.Errorf("its new secret is %q", s)
	}
	h.call("POST", "/apps/hello/webhooks", `{}`).refused(t, 422, "invalid_params", "Url is missing. A webhook is https://user:password@host/path.")
	h.call("DELETE", path, nil).want(t, 200, &got)
	h.call("DELETE", path, nil).refused(t, 404, "not_found", "Couldn't find that webhook.")
}

// What a webhook is told of is what the API shows, and leaves out the addresses that carry a secret.
func TestWebhookEventsAndDeliveries(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	var w heroku.AppWebhook
	h.call("POST", "/apps/hello/webhooks", `{"url":"https://hooks.example.com","level":"sync","include":["api:release"]}`).want(t, 201, &w)
	h.call("PATCH", "/apps/hello/config-vars", map[string]string{"HUSH": "hush"}).want(t, 200, nil)
	var events []heroku.AppWebhookEvent
	h.call("GET", "/apps/hello/webhook-events", nil, header("Range", "seq ..; order=desc,max=1000")).want(t, 200, &events)
	if len(events) != 1 || events[0].Payload.Actor.Email != email {
		t.Fatalf("got %+v", events)
	}
	var e heroku.AppWebhookEvent
	h.call("GET", "/apps/hello/webhook-events/"+events[0].ID, nil).want(t, 200, &e)
	var release, shown heroku.Release
	check(t, json.Unmarshal(e.Payload.Data, &release))
	h.call("GET", "/apps/hello/releases/2", nil).want(t, 200, &shown)
	if release.ID != shown.ID || release.Version != 2 || e.Payload.Action != "create" || e.Payload.Resource != "release" {
		t.Errorf("got %s", e.Payload.Data)
	}
	var all, none []heroku.AppWebhookDelivery
	h.call("GET", "/apps/hello/webhook-deliveries?eq[status]=pending", nil).want(t, 200, &all)
	h.call("GET", "/apps/hello/webhook-deliveries?eq[status]=failed", nil).want(t, 200, &none)
	if len(all) != 1 || len(none) != 0 || all[0].Webhook != (heroku.WebhookLevelRef{ID: w.ID, Level: "sync"}) || all[0].LastAttempt != nil {
		t.Errorf("got %+v and %+v", all, none)
	}
	var d heroku.AppWebhookDelivery
	h.call("GET", "/apps/hello/webhook-deliveries/"+all[0].ID, nil).want(t, 200, &d)
	h.call("GET", "/apps/hello/webhook-deliveries/none", nil).refused(t, 404, "not_found", "Couldn't find that webhook delivery.")
	h.call("GET", "/apps/hello/webhook-events/none", nil).refused(t, 404, "not_found", "Couldn't find that webhook event.")
}

package platform_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

var hookSpec = platform.WebhookSpec{URL: "https://user:hush@hooks.example.com/in", Level: "sync", Include: []string{"dyno", "api:app"}}

// hook is the id of a webhook of the app that its admin has added.
func (h *house) hook(ctx context.Context) string {
	_, all, _ := h.Webhooks(ctx, h.admin, "quiet-garth")
	if len(all) == 0 {
		h.Tell(shown)
		h.AddWebhook(ctx, h.admin, "quiet-garth", hookSpec)
		_, all, _ = h.Webhooks(ctx, h.admin, "quiet-garth")
	}
	return all[0].ID
}

// delivery is the id of a delivery to it.
func (h *house) delivery(ctx context.Context) string {
	h.hook(ctx)
	_, all, _ := h.Deliveries(ctx, h.admin, "quiet-garth")
	for len(all) == 0 {
		for _, on := range []bool{true, false} {
			h.UpdateApp(ctx, h.admin, "quiet-garth", platform.AppChange{Maintenance: &on})
		}
		_, all, _ = h.Deliveries(ctx, h.admin, "quiet-garth")
	}
	return all[0].ID
}

// hookEvent is the id of an event that it is told of.
func (h *house) hookEvent(ctx context.Context) string {
	d, _ := h.Delivery(ctx, h.admin, "quiet-garth", h.delivery(ctx))
	return d.EventID
}

// shown stands for the API.
func shown(app platform.AppInfo, noun any) any {
	out := map[string]any{"app": app.Name, "updated_at": app.UpdatedAt}
	switch v := noun.(type) {
	case cloister.App:
		out["maintenance"], out["host"] = v.Maintenance, app.Host
	case cloister.Dyno:
		out["state"], out["updated_at"] = v.State, v.UpdatedAt
	}
	return out
}

func TestAWebhookIsAddedChangedAndRemoved(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, w, err := h.AddWebhook(ctx, h.admin, "quiet-garth", hookSpec)
	must(t, err)
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "webhook", ID: w.ID, Action: "create", Text: "quiet-garth"})
	same(t, []any{w.Level, w.Include, w.Authorization, len(w.Secret.Reveal())}, []any{cloister.WebhookSync, []cloister.Entity{"api:app", "dyno"}, cloister.Secret(""), 64})
	secret, notify := "own", "notify"
	_, changed, err := h.ChangeWebhook(ctx, h.admin, "quiet-garth", w.ID, platform.WebhookChange{Secret: &secret, Level: &notify})
	must(t, err)
	same(t, []any{changed.Secret, changed.Level, changed.URL, changed.Include}, []any{cloister.Secret("own"), cloister.WebhookNotify, w.URL, w.Include})
	same(t, h.last(t).Action, "update")
	_, got, err := h.Webhook(ctx, h.admin, "quiet-garth", w.ID)
	must(t, err)
	same(t, got, changed)

	must(t, h.newApp(t, "cellar", "loud-garth"))
	_, _, err = h.Webhook(ctx, h.admin, "loud-garth", w.ID) // of another app
	wantKind(t, err, cloister.NotFound)
	_, _, err = h.RemoveWebhook(ctx, h.admin, "loud-garth", w.ID)
	wantKind(t, err, cloister.NotFound)
	_, _, err = h.RemoveWebhook(ctx, h.admin, "quiet-garth", w.ID)
	must(t, err)
	same(t, h.last(t).Action, "destroy")
	_, all, err := h.Webhooks(ctx, h.admin, "quiet-garth")
	must(t, err)
	same(t, len(all), 0)
}

func TestAWrongWebhookChangesNothing(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, w, err := h.AddWebhook(ctx, h.admin, "quiet-garth", hookSpec)
	must(t, err)
	before := len(h.events(t))
	for _, wrong := range []func(*platform.WebhookSpec){
		func(s *platform.WebhookSpec) { s.URL = "ftp://example.com" }, func(s *platform.WebhookSpec) { s.Level = "" },
		func(s *platform.WebhookSpec) { s.Include = nil }, func(s *platform.WebhookSpec) { s.Include = []string{"api:cake"} },
		func(s *platform.WebhookSpec) { s.Secret = "a\r\nb" }, func(s *platform.WebhookSpec) { s.Authorization = "a\nb" },
	} {
		spec := hookSpec
		wrong(&spec)
		_, _, err := h.AddWebhook(ctx, h.admin, "quiet-garth", spec)
		wantKind(t, err, cloister.Invalid)
		_, _, err = h.ChangeWebhook(ctx, h.admin, "quiet-garth", w.ID, platform.WebhookChange{URL: &spec.URL, Level: &spec.Level, Include: &spec.Include,
			Secret: &spec.Secret, Authorization: &spec.Authorization})
		wantKind(t, err, cloister.Invalid)
	}
	for range cloister.LimitWebhooks.Default() - 1 {
		_, _, err := h.AddWebhook(ctx, h.admin, "quiet-garth", hookSpec)
		must(t, err)
		before++
	}
	_, _, err = h.AddWebhook(ctx, h.admin, "quiet-garth", hookSpec)
	wantKind(t, err, cloister.Invalid)
	if !strings.Contains(cloister.MessageOf(err), "has 10 webhooks, and would have 11; the limit is 10") {
		t.Error(err)
	}
	same(t, len(h.events(t)), before)
	_, got, err := h.Webhook(ctx, h.admin, "quiet-garth", w.ID)
	must(t, err)
	same(t, got, w)
}

// What happened is told as it was seen, by whom, and only if there was anything to see.
func TestWhatIsToldOfAnApp(t *testing.T) {
	h := newHouse(t)
	h.Tell(shown)
	ctx := t.Context()
	_, w, err := h.AddWebhook(ctx, h.admin, "quiet-garth", hookSpec)
	must(t, err)
	h.forget(t)
	told := func(want ...string) {
		t.Helper()
		var got []string
		all, err := h.WebhookEvents(ctx, h.admin, "quiet-garth")
		must(t, err)
		for _, e := range all {
			var data, previous map[string]any
			must(t, json.Unmarshal([]byte(e.Data), &data))
			must(t, json.Unmarshal([]byte(e.Previous), &previous))
			got = append(got, fmt.Sprintf("%s %s by %s: %s → %s", e.Entity, e.Action, e.ActorEmail, fact(previous), fact(data)))
		}
		same(t, got, want)
	}
	on := true
	_, err = h.UpdateApp(ctx, h.admin, "quiet-garth", platform.AppChange{Maintenance: &on})
	must(t, err)
	first := "api:app update by admin@example.com: quiet-garth false → quiet-garth true"
	told(first)
	if !slices.Contains(h.touched(t), "webhook "+w.ID) {
		t.Errorf("touched are %v", h.touched(t))
	}
	d := h.addDyno(t, "quiet-garth", "web", 1) // as control does, on nobody's behalf
	second := "dyno create by platform@cloister.invalid:  → quiet-garth up"
	told(first, second)
	h.advance(time.Minute)
	h.update(t, func(tx *store.Tx) error { d.RetireAt = tx.Now; return tx.PutDyno(d) }) // nobody sees that
	told(first, second)
	name := "still-garth"
	_, err = h.UpdateApp(ctx, h.admin, "quiet-garth", platform.AppChange{Name: &name})
	must(t, err)
	all, err := h.WebhookEvents(ctx, h.admin, "still-garth")
	must(t, err)
	renamed := all[2]
	if !strings.Contains(renamed.Previous, `"host":"quiet-garth-`) || !strings.Contains(renamed.Data, `"host":"still-garth-`) || renamed.ActorID != h.admin.User.ID {
		t.Errorf("%+v", renamed)
	}
	deliveries := h.inStore(t, w.AppID)
	same(t, []any{len(deliveries), deliveries[0].Status, deliveries[0].WebhookID, deliveries[0].Level}, []any{3, cloister.DeliveryPending, w.ID, cloister.WebhookSync})

	_, err = h.DestroyApp(ctx, h.admin, "still-garth")
	must(t, err)
	deliveries = h.inStore(t, w.AppID)
	same(t, len(deliveries), 4) // of all that goes with an app, only this is told
	must(t, h.store.View(ctx, func(tx *store.Tx) error {
		e, err := tx.WebhookEvent(w.AppID, deliveries[3].EventID)
		same(t, []any{e.Entity, e.Action, e.Previous}, []any{cloister.EntityApp, cloister.Destroyed, "{}"})
		return err
	}))
}

// inStore are the deliveries of an app that may be gone.
func (h *house) inStore(t *testing.T, app string) (out []cloister.Delivery) {
	t.Helper()
	must(t, h.store.View(t.Context(), func(tx *store.Tx) (err error) {
		out, err = tx.Deliveries(app)
		return err
	}))
	return out
}

func fact(shown map[string]any) string {
	if len(shown) == 0 {
		return ""
	}
	if state, ok := shown["state"]; ok {
		return fmt.Sprint(shown["app"], " ", state)
	}
	return fmt.Sprint(shown["app"], " ", shown["maintenance"])
}

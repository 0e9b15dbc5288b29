package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func newWebhook(tx *store.Tx, app cloister.App, include ...cloister.Entity) cloister.Webhook {
	return cloister.Webhook{ID: cloister.NewID(), AppID: app.ID, URL: "https://user:hush@example.com/ü", Level: cloister.WebhookSync,
		Include: include, Secret: "s", Authorization: "Bearer a", CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

func TestWebhooksStayUntilTheyAreToldThatTheirAppIsGone(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		hooks := func(tx *store.Tx) ([]cloister.Webhook, error) { return tx.Webhooks(x.app.ID) }
		same(t, len(read(t, s, hooks)), 0)
		var w, other cloister.Webhook
		update(t, s, func(tx *store.Tx) error {
			w = newWebhook(tx, x.app, cloister.EntityApp, cloister.EntityDyno)
			return tx.InsertWebhook(w)
		})
		p.clock.advance(time.Second)
		update(t, s, func(tx *store.Tx) error {
			other = newWebhook(tx, x.app, cloister.EntityBuild)
			return tx.InsertWebhook(other)
		})
		same(t, read(t, s, hooks), []cloister.Webhook{w, other})
		w.URL, w.Level, w.Include, w.Secret, w.Authorization = "https://example.org", cloister.WebhookNotify, []cloister.Entity{cloister.EntityRelease}, "t", ""
		update(t, s, func(tx *store.Tx) error { w.UpdatedAt = tx.Now; return tx.UpdateWebhook(w) })
		same(t, read(t, s, func(tx *store.Tx) (cloister.Webhook, error) { return tx.Webhook(w.ID) }), w)
		update(t, s, func(tx *store.Tx) error { return tx.DeleteWebhook(other) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteWebhook(other) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.UpdateWebhook(other) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Webhook(other.ID); return err })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteApp(x.app.ID) })
		w.Ended = true
		same(t, read(t, s, hooks), []cloister.Webhook{w})
		view(t, s, func(tx *store.Tx) error {
			_, touched, err := tx.WorkFor("webhook", w.ID)
			same(t, touched, true)
			return err
		})
	})
}

func TestADeliveryIsClaimedAndEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var w cloister.Webhook
		event := func(data string) (e cloister.WebhookEvent) {
			update(t, s, func(tx *store.Tx) error {
				e = cloister.WebhookEvent{ID: cloister.NewID(), AppID: x.app.ID, Entity: cloister.EntityDyno, Action: cloister.Updated,
					ActorID: x.user.ID, ActorEmail: x.user.Email, Data: data, Previous: "{}", CreatedAt: tx.Now}
				return tx.InsertWebhookEvent(e, []cloister.Webhook{w})
			})
			return e
		}
		deliveries := func(tx *store.Tx) ([]cloister.Delivery, error) { return tx.Deliveries(x.app.ID) }
		next := func() (d cloister.Delivery, ok bool) {
			update(t, s, func(tx *store.Tx) (err error) { d, ok, err = tx.ClaimDelivery(w.ID, time.Minute); return err })
			return d, ok
		}
		update(t, s, func(tx *store.Tx) error {
			w = newWebhook(tx, x.app, cloister.EntityDyno)
			return tx.InsertWebhook(w)
		})
		if _, ok := next(); ok {
			t.Error("there is something to tell before anything happened")
		}
		first := event(`{"a":1}`)
		p.clock.advance(time.Second)
		second := event(`{"a":2}`)
		first.Seq, second.Seq = 1, 2
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.WebhookEvent, error) { return tx.WebhookEvents(x.app.ID) }), []cloister.WebhookEvent{first, second})
		same(t, read(t, s, func(tx *store.Tx) (cloister.WebhookEvent, error) { return tx.WebhookEvent(x.app.ID, second.ID) }), second)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.WebhookEvent("other", second.ID); return err })

		d, ok := next()
		same(t, []any{ok, d.EventID, d.Status, d.Attempts, d.NextAt, d.Level, d.Entity}, []any{true, first.ID, cloister.DeliveryPending, 1,
			p.clock.Now().Add(time.Minute), cloister.WebhookSync, cloister.EntityDyno})
		e, ok := next()
		same(t, []any{ok, e.EventID}, []any{true, second.ID})
		if _, ok := next(); ok {
			t.Error("an attempt is made twice at once")
		}
		update(t, s, func(tx *store.Tx) error {
			d = d.After(cloister.Attempt{ID: cloister.NewID(), At: tx.Now, Code: 500, Error: "BadResponse"}, first.CreatedAt, tx.Now)
			e = e.After(cloister.Attempt{ID: cloister.NewID(), At: tx.Now, Code: 200}, second.CreatedAt, tx.Now)
			return errors.Join(tx.PutDelivery(d), tx.PutDelivery(e))
		})
		same(t, read(t, s, deliveries), []cloister.Delivery{d, e})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Delivery, error) { return tx.Delivery(x.app.ID, e.ID) }), e)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Delivery("other", e.ID); return err })
		view(t, s, func(tx *store.Tx) error {
			got, ok, err := tx.NextDelivery(w.ID)
			same(t, []any{got, ok}, []any{d, true})
			return err
		})
		p.clock.advance(10 * time.Second)
		again, ok := next()
		same(t, []any{ok, again.ID, again.Attempts}, []any{true, d.ID, 2})

		// Of what is long past nothing is kept, neither by age nor by number.
		p.clock.advance(cloister.WebhookKeepFor)
		third := event("{}")
		same(t, len(read(t, s, deliveries)), 1)
		for range cloister.WebhookKeeps {
			event("{}")
		}
		left := read(t, s, func(tx *store.Tx) ([]cloister.WebhookEvent, error) { return tx.WebhookEvents(x.app.ID) })
		if n := len(read(t, s, deliveries)); n != cloister.WebhookKeeps || len(left) != n || left[0].ID == third.ID {
			t.Errorf("%d deliveries and %d events are kept", n, len(left))
		}
		update(t, s, func(tx *store.Tx) error { return tx.DeleteWebhook(w) })
		same(t, len(read(t, s, func(tx *store.Tx) ([]cloister.WebhookEvent, error) { return tx.WebhookEvents(x.app.ID) })), 0)
	})
}

// Each write that changes something about an app is told with what was before, once in a transaction, and only to those
// webhooks that want to know.
func TestChangesAreToldInTheirOwnTransaction(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var told []string
		s.OnChange(func(tx *store.Tx, changes []store.Change) error {
			told = nil
			for _, c := range changes {
				told = append(told, fmt.Sprintf("%s %s %s %s", c.Entity, c.Action, brief(c.Old), brief(c.New)))
				if c.AppID != x.app.ID || len(c.Hooks) != 1 {
					t.Errorf("%s of app %s is told to %d webhooks", c.Entity, c.AppID, len(c.Hooks))
				}
			}
			slices.Sort(told)
			return nil
		})
		tells := func(fn func(tx *store.Tx) error, want ...string) {
			t.Helper()
			told = nil
			update(t, s, fn)
			same(t, told, want)
		}
		app := x.app
		app.Maintenance = true
		tells(func(tx *store.Tx) error { return tx.UpdateApp(app) }) // nobody wants to know
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.InsertWebhook(newWebhook(tx, x.app, cloister.Entities...)),
				tx.InsertWebhook(newWebhook(tx, x.app, "api:domain")))
		})
		d := cloister.Dyno{ID: cloister.NewID(), AppID: x.app.ID, SpaceID: x.space.ID, Type: "web", Number: 1, State: cloister.DynoStarting,
			CreatedAt: p.clock.Now(), UpdatedAt: p.clock.Now()}
		tells(func(tx *store.Tx) error { return tx.PutDyno(d) }, "dyno create - starting")
		up := d
		up.State = cloister.DynoUp
		tells(func(tx *store.Tx) error { return tx.PutDyno(up) }, "dyno update starting up")
		tells(func(tx *store.Tx) error { return errors.Join(tx.PutDyno(d), tx.DeleteDyno(d.ID)) }, "dyno destroy up -")
		tells(func(tx *store.Tx) error { return errors.Join(tx.PutDyno(d), tx.DeleteDyno(d.ID)) })
		tells(func(tx *store.Tx) error { return tx.DeleteDyno(d.ID) })

		run := cloister.Run{Dyno: d, ExpiresAt: p.clock.Now()}
		run.Type = "run"
		tells(func(tx *store.Tx) error { return errors.Join(tx.PutRun(run), tx.InsertRun(run)) }, "dyno create - starting")
		run.State = cloister.DynoUp
		tells(func(tx *store.Tx) error { return tx.PutRun(run) }, "dyno update starting up")
		tells(func(tx *store.Tx) error { return tx.DeleteRun(run.ID) }, "dyno destroy up -")

		f := cloister.ProcessType{ID: cloister.NewID(), AppID: x.app.ID, Type: "worker", Quantity: 1, CreatedAt: p.clock.Now(), UpdatedAt: p.clock.Now()}
		tells(func(tx *store.Tx) error { return tx.PutProcessType(f) }, "api:formation create - 1")
		f.Quantity = 2
		more := f
		more.Quantity = 3
		tells(func(tx *store.Tx) error { return errors.Join(tx.PutProcessType(f), tx.PutProcessType(more)) }, "api:formation update 1 3")
		tells(func(tx *store.Tx) error { return tx.DeleteProcessType(x.app.ID, "worker") }, "api:formation destroy 3 -")

		b := cloister.Build{ID: cloister.NewID(), AppID: x.app.ID, Status: cloister.BuildPending, CreatedAt: p.clock.Now(), UpdatedAt: p.clock.Now()}
		tells(func(tx *store.Tx) error { return tx.InsertBuild(b) }, "api:build create - pending")
		b.Status = cloister.BuildFailed
		tells(func(tx *store.Tx) error { return tx.FinishBuild(b) }, "api:build update pending failed")

		c := cloister.Collaborator{ID: cloister.NewID(), AppID: x.app.ID, UserID: x.user.ID, Permissions: []cloister.Permission{"view"},
			CreatedAt: p.clock.Now(), UpdatedAt: p.clock.Now()}
		tells(func(tx *store.Tx) error { return tx.InsertCollaborator(c) }, "api:collaborator create - [view]")
		tells(func(tx *store.Tx) error { return tx.SetPermissions(c, []cloister.Permission{"deploy"}) }, "api:collaborator update [view] [deploy]")
		tells(func(tx *store.Tx) error { return tx.Bar(x.team.ID, x.user.ID) }, "api:collaborator destroy [deploy] -")

		var r cloister.Release
		app.Config = map[string]cloister.Secret{}
		tells(func(tx *store.Tx) (err error) {
			r, err = tx.AddRelease(app, cloister.Release{Config: app.Config}, "private-s")
			return err
		}, "api:app update true true", "api:release create - succeeded")
		r.Status = cloister.ReleasePending
		tells(func(tx *store.Tx) error {
			_, err := tx.EndPhase(app, r, false, "private-s")
			return err
		}, "api:release update pending failed")

		var other cloister.Team
		tells(func(tx *store.Tx) error {
			other = newTeam(tx, "other")
			return errors.Join(tx.InsertTeam(other), tx.TransferSpace(x.space.ID, other.ID))
		}, "api:app update true true")
		tells(func(tx *store.Tx) error { return tx.DeleteApp(x.app.ID) }, "api:app destroy true -")

		// What cannot be told does not happen.
		update(t, s, func(tx *store.Tx) error {
			app = newApp(tx, "loud-garth", x.space)
			return errors.Join(tx.InsertApp(app), tx.InsertWebhook(newWebhook(tx, app, cloister.EntityApp)))
		})
		s.OnChange(func(*store.Tx, []store.Change) error { return cloister.Errorf(cloister.Internal, "no") })
		wantKind(t, s, cloister.Internal, func(tx *store.Tx) error { return tx.DeleteApp(app.ID) })
		same(t, read(t, s, func(tx *store.Tx) (cloister.App, error) { return tx.App(app.ID) }).ID, app.ID)
	})
}

func brief(noun any) string {
	switch v := noun.(type) {
	case cloister.App:
		return fmt.Sprint(v.Maintenance)
	case cloister.Dyno:
		return string(v.State)
	case cloister.ProcessType:
		return fmt.Sprint(v.Quantity)
	case cloister.Build:
		return string(v.Status)
	case cloister.Collaborator:
		return fmt.Sprint(v.Permissions)
	case cloister.Release:
		return string(v.Status)
	}
	return "-"
}

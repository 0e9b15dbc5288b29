package control

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A receiver stands for what is behind the webhooks' addresses: "fails" answers 503, "hangs" says nothing until it is
// cut off, any other takes everything.
type receiver struct {
	mu   sync.Mutex
	came []string // "address: data"
	up   bool     // even what fails takes everything
}

func (r *receiver) Post(ctx context.Context, w cloister.Webhook, e cloister.WebhookEvent, d cloister.Delivery) cloister.Attempt {
	r.mu.Lock()
	r.came = append(r.came, w.URL.Reveal()+": "+e.Data)
	up := r.up
	r.mu.Unlock()
	a := cloister.Attempt{ID: cloister.NewID(), At: time.Now(), Code: 200}
	switch {
	case w.URL == "hangs":
		select {
		case <-ctx.Done():
		case <-time.After(15 * time.Second):
		}
		a.Code, a.Error = 0, "Timeout"
	case w.URL == "fails" && !up:
		a.Code, a.Error = 503, "BadResponse"
	}
	return a
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.came)
}

// hooked has webhooks of an app at some addresses.
func (p *plant) hooked(level cloister.WebhookLevel, addresses ...cloister.Secret) (out []cloister.Webhook) {
	p.update(func(tx *store.Tx) error {
		for _, a := range addresses {
			w := cloister.Webhook{ID: cloister.NewID(), AppID: p.app.ID, URL: a, Level: level, Include: []cloister.Entity{cloister.EntityDyno},
				CreatedAt: tx.Now, UpdatedAt: tx.Now}
			if err := tx.InsertWebhook(w); err != nil {
				return err
			}
			out = append(out, w)
		}
		return nil
	})
	return out
}

// happens records an event that webhooks are to be told of.
func (p *plant) happens(data string, hooks []cloister.Webhook) {
	p.update(func(tx *store.Tx) error {
		return tx.InsertWebhookEvent(cloister.WebhookEvent{ID: cloister.NewID(), AppID: p.app.ID, Entity: cloister.EntityDyno,
			Action: cloister.Updated, Data: data, Previous: "{}", CreatedAt: tx.Now}, hooks)
	})
}

func (p *plant) deliveries() (out []cloister.Delivery) {
	p.look(func(tx *store.Tx) (err error) {
		out, err = tx.Deliveries(p.app.ID)
		return err
	})
	return out
}

func TestAWebhookThatHangsKeepsNobodyWaiting(t *testing.T) {
	inPlant(t, func(p *plant) {
		hooks := p.hooked(cloister.WebhookNotify, "hangs", "one", "two")
		for _, data := range []string{"1", "2", "3"} {
			p.happens(data, hooks)
		}
		after(time.Second)
		want := []string{"hangs: 1", "one: 1", "one: 2", "one: 3", "two: 1", "two: 2", "two: 3"}
		if got := slices.Sorted(slices.Values(p.receiver.got())); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		after(time.Minute)
		for _, d := range p.deliveries() {
			want := cloister.DeliverySucceeded
			if d.WebhookID == hooks[0].ID {
				want = cloister.DeliveryFailed
			}
			if d.Status != want || d.Attempts != 1 || !d.NextAt.IsZero() {
				t.Errorf("%+v", d)
			}
		}
		if w := p.work("webhook", hooks[1].ID); w != nil {
			t.Errorf("%+v is left to do", w)
		}
	})
}

func TestAWebhookOfLevelSyncIsToldUntilItTakesIt(t *testing.T) {
	inPlant(t, func(p *plant) {
		hooks := p.hooked(cloister.WebhookSync, "fails")
		p.happens("1", hooks)
		after(35 * time.Second) // at 0, 10 and 30 s
		if got := p.receiver.got(); len(got) != 3 {
			t.Errorf("%d attempts", len(got))
		}
		d := p.deliveries()[0]
		if d.Status != cloister.DeliveryRetrying || d.Attempts != 3 || d.Last.Code != 503 || d.Last.Error != "BadResponse" {
			t.Errorf("%+v", d)
		}
		p.receiver.mu.Lock()
		p.receiver.up = true
		p.receiver.mu.Unlock()
		p.happens("2", hooks) // what is new need not wait for what is tried again
		after(time.Second)
		if got := p.receiver.got(); got[len(got)-1] != "fails: 2" {
			t.Errorf("got %q", got)
		}
		after(time.Minute)
		for _, d := range p.deliveries() {
			if d.Status != cloister.DeliverySucceeded {
				t.Errorf("%+v", d)
			}
		}
	})
}

// What control was about to tell when it went is told by its next life, and an attempt that it cut off does not count.
func TestDeliveriesOutliveControl(t *testing.T) {
	inPlant(t, func(p *plant) {
		hooks := p.hooked(cloister.WebhookNotify, "hangs", "one")
		p.happens("1", hooks[:1])
		after(time.Second)
		p.stop()
		p.happens("2", hooks)
		if d := p.deliveries()[0]; d.Status != cloister.DeliveryPending || d.Attempts != 0 {
			t.Errorf("%+v", d)
		}
		p.start()
		after(40 * time.Second)
		if got, want := p.receiver.got(), []string{"hangs: 1", "hangs: 1", "one: 2", "hangs: 2"}; !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("got %q", got)
		}
	})
}

func TestAWebhookGoesWhenItWasToldThatItsAppIsGone(t *testing.T) {
	inPlant(t, func(p *plant) {
		hooks := p.hooked(cloister.WebhookSync, "one", "fails")
		p.happens("the end", hooks)
		p.update(func(tx *store.Tx) error { return tx.DeleteApp(p.app.ID) })
		left := func() (all []cloister.Webhook) {
			p.look(func(tx *store.Tx) (err error) {
				all, err = tx.Webhooks(p.app.ID)
				return err
			})
			return all
		}
		after(time.Second)
		if all := left(); len(all) != 1 || all[0].ID != hooks[1].ID {
			t.Errorf("left are %+v", all)
		}
		after(cloister.WebhookTries)
		if all := left(); len(all) != 0 {
			t.Errorf("left are %+v", all)
		}
		if got := p.receiver.got(); !slices.Contains(got, "one: the end") || len(got) < 70 {
			t.Errorf("%d attempts", len(got))
		}
	})
}

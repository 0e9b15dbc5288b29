package control

import (
	"context"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A Poster makes one attempt to tell a webhook of an event, and says how that went.
type Poster interface {
	Post(context.Context, cloister.Webhook, cloister.WebhookEvent, cloister.Delivery) cloister.Attempt
}

// postLease is for how long nobody else makes an attempt that is being made; more than one takes.
const postLease = time.Minute

// webhooks tells webhooks of what happens: each of one thing after the other, none waiting for another. A receiver that
// hangs would keep a step far too long, so a step only sees to it that somebody is at it.
type webhooks struct {
	store  *store.Store
	poster Poster // nil: nobody is told

	busy sync.WaitGroup
	mu   sync.Mutex
	ctx  context.Context // ends with Run; nil before it
	at   map[string]bool // webhooks that somebody is at; true: there is news since they last looked
}

func newWebhooks(s *store.Store, p Poster) *webhooks {
	return &webhooks{store: s, poster: p, at: map[string]bool{}}
}

// begin lets telling start; what it returns ends it.
func (w *webhooks) begin() func() {
	ctx, cancel := context.WithCancel(context.Background())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx = ctx
	return func() { cancel(); w.busy.Wait() }
}

// step has somebody tell a webhook what it is to be told by now, and comes again when there is more.
func (w *webhooks) step(ctx context.Context, id string) (again time.Duration, err error) {
	if w.poster == nil {
		return 0, nil
	}
	var d cloister.Delivery
	var waits bool
	var now time.Time
	err = w.store.Update(ctx, func(tx *store.Tx) error {
		hook, err := tx.Webhook(id)
		if err != nil {
			return err
		}
		now = tx.Now
		if d, waits, err = tx.NextDelivery(id); err != nil || waits || !hook.Ended {
			return err
		}
		return tx.DeleteWebhook(hook)
	})
	switch {
	case gone(err, "webhook"):
		return 0, nil
	case err != nil || !waits:
		return 0, err
	case d.NextAt.After(now):
		return d.NextAt.Sub(now), nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, busy := w.at[id]; busy || w.ctx.Err() != nil {
		w.at[id] = true
		return 0, nil
	}
	w.at[id] = false
	w.busy.Go(func() { w.tell(w.ctx, id) })
	return 0, nil
}

// tell makes all attempts that are due, one after the other.
func (w *webhooks) tell(ctx context.Context, id string) {
	for {
		more, err := w.next(ctx, id)
		if more && err == nil && ctx.Err() == nil {
			continue
		}
		w.mu.Lock()
		if news := w.at[id]; !news || err != nil || ctx.Err() != nil {
			delete(w.at, id)
			w.mu.Unlock()
			break
		}
		w.at[id] = false
		w.mu.Unlock()
	}
	// Whatever is left, now or later, is for the step to see: also after an error.
	w.store.Update(ctx, func(tx *store.Tx) error { return tx.Touch("webhook", id) })
}

// next makes the attempt that is due first, if one is.
func (w *webhooks) next(ctx context.Context, id string) (more bool, err error) {
	var hook cloister.Webhook
	var event cloister.WebhookEvent
	var d cloister.Delivery
	if err := w.store.Update(ctx, func(tx *store.Tx) (err error) {
		if d, more, err = tx.ClaimDelivery(id, postLease); err != nil || !more {
			return err
		}
		if hook, err = tx.Webhook(id); err != nil {
			return err
		}
		event, err = tx.WebhookEvent(d.AppID, d.EventID)
		return err
	}); err != nil || !more {
		return false, err
	}
	attempt := w.poster.Post(ctx, hook, event, d)
	return true, w.store.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		if attempt.Error != "" && ctx.Err() != nil { // cut off by us: it does not count
			d.Attempts, d.NextAt = d.Attempts-1, tx.Now
			return tx.PutDelivery(d)
		}
		return tx.PutDelivery(d.After(attempt, event.CreatedAt, tx.Now))
	})
}

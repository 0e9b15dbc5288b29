package store

import (
	"time"

	"github.com/cloister-dev/cloister"
)

const webhookColumns = `id, app_id, address, level, include, ended, created_at, updated_at`

func scanWebhook(tx *Tx, r row) (w cloister.Webhook, err error) {
	sealed := map[string]cloister.Secret{}
	err = r.Scan(&w.ID, &w.AppID, unsealed{tx, &sealed}, &w.Level, document{&w.Include}, &w.Ended, when{&w.CreatedAt}, when{&w.UpdatedAt})
	w.URL, w.Secret, w.Authorization = sealed["url"], sealed["secret"], sealed["authorization"]
	return w, err
}

func (tx *Tx) sealedWebhook(w cloister.Webhook) []byte {
	return tx.sealed(map[string]cloister.Secret{"url": w.URL, "secret": w.Secret, "authorization": w.Authorization})
}

// Webhook finds a webhook by id.
func (tx *Tx) Webhook(id string) (cloister.Webhook, error) {
	return one(tx, "webhook", scanWebhook, `SELECT `+webhookColumns+` FROM webhooks WHERE id = $1`, id)
}

// Webhooks lists the webhooks of an app, the oldest first.
func (tx *Tx) Webhooks(appID string) ([]cloister.Webhook, error) {
	return many(tx, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks WHERE app_id = $1 ORDER BY created_at, id`, appID)
}

// InsertWebhook adds a webhook to an app.
func (tx *Tx) InsertWebhook(w cloister.Webhook) error {
	return tx.exec(`INSERT INTO webhooks (`+webhookColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		w.ID, w.AppID, tx.sealedWebhook(w), string(w.Level), doc(w.Include), w.Ended, at(w.CreatedAt), at(w.UpdatedAt))
}

// UpdateWebhook writes everything about a webhook that people can change.
func (tx *Tx) UpdateWebhook(w cloister.Webhook) error {
	return tx.must("webhook", `UPDATE webhooks SET address = $1, level = $2, include = $3, updated_at = $4 WHERE id = $5`,
		tx.sealedWebhook(w), string(w.Level), doc(w.Include), at(tx.Now), w.ID)
}

// DeleteWebhook forgets a webhook, and what it was to be told.
func (tx *Tx) DeleteWebhook(w cloister.Webhook) error {
	if err := tx.must("webhook", `DELETE FROM webhooks WHERE id = $1`, w.ID); err != nil {
		return err
	}
	return tx.deleteUntold(w.AppID)
}

// endWebhooks has the webhooks of an app that goes hear of that, and then go too.
func (tx *Tx) endWebhooks(appID string) error {
	if err := tx.exec(`UPDATE webhooks SET ended = $1 WHERE app_id = $2`, true, appID); err != nil {
		return err
	}
	return tx.touchThese(`SELECT $1, id, 1, $2, 0, '', '' FROM webhooks WHERE app_id = $3`, "webhook", appID)
}

const webhookEventColumns = `id, app_id, seq, entity, action, actor_id, actor_email, data, previous, created_at`

func scanWebhookEvent(_ *Tx, r row) (e cloister.WebhookEvent, err error) {
	err = r.Scan(&e.ID, &e.AppID, &e.Seq, &e.Entity, &e.Action, &e.ActorID, &e.ActorEmail, &e.Data, &e.Previous, when{&e.CreatedAt})
	return e, err
}

// WebhookEvent finds an event of an app by id.
func (tx *Tx) WebhookEvent(appID, id string) (cloister.WebhookEvent, error) {
	return one(tx, "webhook event", scanWebhookEvent, `
		SELECT `+webhookEventColumns+` FROM webhook_events WHERE app_id = $1 AND id = $2`, appID, id)
}

// WebhookEvents lists the events of an app that webhooks were told of, the oldest first.
func (tx *Tx) WebhookEvents(appID string) ([]cloister.WebhookEvent, error) {
	return many(tx, scanWebhookEvent, `SELECT `+webhookEventColumns+` FROM webhook_events WHERE app_id = $1 ORDER BY seq`, appID)
}

// InsertWebhookEvent records an event, and has webhooks of its app told of it, each by a delivery of its own. What was
// told of long ago is forgotten.
func (tx *Tx) InsertWebhookEvent(e cloister.WebhookEvent, hooks []cloister.Webhook) error {
	if err := tx.exec(`
		INSERT INTO webhook_events (`+webhookEventColumns+`)
		VALUES ($1, $2, (SELECT COALESCE(MAX(seq), 0) + 1 FROM webhook_events), $3, $4, $5, $6, $7, $8, $9)`,
		e.ID, e.AppID, string(e.Entity), string(e.Action), e.ActorID, e.ActorEmail, e.Data, e.Previous, at(e.CreatedAt)); err != nil {
		return err
	}
	for _, w := range hooks {
		if err := tx.exec(`
			INSERT INTO deliveries (id, seq, webhook_id, event_id, status, attempts, attempt_id, code, error, next_at, created_at, updated_at)
			VALUES ($1, (SELECT COALESCE(MAX(seq), 0) + 1 FROM deliveries), $2, $3, $4, 0, '', 0, '', $5, $5, $5)`,
			cloister.NewID(), w.ID, e.ID, string(cloister.DeliveryPending), at(tx.Now)); err != nil {
			return err
		}
		old, err := many(tx, value[string], `
			DELETE FROM deliveries
			WHERE webhook_id = $1 AND (created_at < $2 OR seq <= (
				SELECT seq FROM deliveries WHERE webhook_id = $1 ORDER BY seq DESC LIMIT 1 OFFSET $3))
			RETURNING event_id`,
			w.ID, at(tx.Now.Add(-cloister.WebhookKeepFor)), cloister.WebhookKeeps)
		if err != nil {
			return err
		}
		if len(old) > 0 {
			if err := tx.deleteUntold(e.AppID); err != nil {
				return err
			}
		}
		if err := tx.Touch("webhook", w.ID); err != nil {
			return err
		}
	}
	return nil
}

// deleteUntold forgets events of an app that no webhook is told of any more.
func (tx *Tx) deleteUntold(appID string) error {
	return tx.exec(`DELETE FROM webhook_events WHERE app_id = $1 AND id NOT IN (SELECT event_id FROM deliveries)`, appID)
}

const deliverySelect = `
	SELECT d.id, d.seq, w.app_id, d.webhook_id, w.level, d.event_id, e.entity, d.status, d.attempts, d.attempt_id, d.attempt_at,
		d.code, d.error, d.next_at, d.created_at, d.updated_at
	FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id JOIN webhook_events e ON e.id = d.event_id `

func scanDelivery(_ *Tx, r row) (d cloister.Delivery, err error) {
	err = r.Scan(&d.ID, &d.Seq, &d.AppID, &d.WebhookID, &d.Level, &d.EventID, &d.Entity, &d.Status, &d.Attempts, &d.Last.ID,
		when{&d.Last.At}, &d.Last.Code, &d.Last.Error, when{&d.NextAt}, when{&d.CreatedAt}, when{&d.UpdatedAt})
	return d, err
}

// Delivery finds a delivery to a webhook of an app by id.
func (tx *Tx) Delivery(appID, id string) (cloister.Delivery, error) {
	return one(tx, "webhook delivery", scanDelivery, deliverySelect+`WHERE w.app_id = $1 AND d.id = $2`, appID, id)
}

// Deliveries lists the deliveries to all webhooks of an app, the oldest first.
func (tx *Tx) Deliveries(appID string) ([]cloister.Delivery, error) {
	return many(tx, scanDelivery, deliverySelect+`WHERE w.app_id = $1 ORDER BY d.seq`, appID)
}

// NextDelivery is the delivery to a webhook whose attempt is due first; ok is false when there is nothing to tell.
func (tx *Tx) NextDelivery(webhookID string) (d cloister.Delivery, ok bool, err error) {
	all, err := many(tx, scanDelivery, deliverySelect+`
		WHERE d.webhook_id = $1 AND d.next_at IS NOT NULL
		ORDER BY d.next_at, d.seq
		LIMIT 1`, webhookID)
	if err != nil || len(all) == 0 {
		return d, false, err
	}
	return all[0], true, nil
}

// PutDelivery writes how a delivery goes, if its webhook is still there.
func (tx *Tx) PutDelivery(d cloister.Delivery) error {
	return tx.exec(`
		UPDATE deliveries
		SET status = $1, attempts = $2, attempt_id = $3, attempt_at = $4, code = $5, error = $6, next_at = $7, updated_at = $8
		WHERE id = $9`,
		string(d.Status), d.Attempts, d.Last.ID, at(d.Last.At), d.Last.Code, d.Last.Error, at(d.NextAt), at(tx.Now), d.ID)
}

// ClaimDelivery takes the delivery to a webhook whose attempt is due first, and counts an attempt, so that nobody else
// makes this one before the lease is over. ok is false when none is due.
func (tx *Tx) ClaimDelivery(webhookID string, lease time.Duration) (d cloister.Delivery, ok bool, err error) {
	d, ok, err = tx.NextDelivery(webhookID)
	if err != nil || !ok || d.NextAt.After(tx.Now) {
		return d, false, err
	}
	d.Attempts++
	d.NextAt = tx.Now.Add(lease)
	return d, true, tx.PutDelivery(d)
}

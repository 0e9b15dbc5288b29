package heroku

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// An AppWebhook is a place outside that is told of what changes about an app.
type AppWebhook struct {
	ID        string   `json:"id"`
	App       Named    `json:"app"`
	Include   []string `json:"include"` // "api:release", "dyno", …
	Level     string   `json:"level"`   // "notify" or "sync"
	URL       string   `json:"url"`
	CreatedAt Time     `json:"created_at"`
	UpdatedAt Time     `json:"updated_at"`
}

// AppWebhookOpts makes or changes a webhook. Nil leaves a thing as it is.
type AppWebhookOpts struct {
	URL           *string   `json:"url,omitempty"`
	Level         *string   `json:"level,omitempty"`
	Include       *[]string `json:"include,omitempty"`
	Secret        *string   `json:"secret,omitempty"`
	Authorization *string   `json:"authorization,omitempty"`
}

// WebhookSecretHeader carries the secret that a webhook's messages are signed with, when the webhook is made.
const WebhookSecretHeader = "Heroku-Webhook-Secret"

// An AppWebhookDelivery is how telling one webhook of one event goes.
type AppWebhookDelivery struct {
	ID          string          `json:"id"`
	Event       WebhookRef      `json:"event"`
	Webhook     WebhookLevelRef `json:"webhook"`
	Status      string          `json:"status"` // "pending", "retrying", "failed" or "succeeded"
	NumAttempts int             `json:"num_attempts"`
	NextAttempt Time            `json:"next_attempt_at"` // null: there is none
	LastAttempt *WebhookAttempt `json:"last_attempt"`    // null: there was none
	CreatedAt   Time            `json:"created_at"`
	UpdatedAt   Time            `json:"updated_at"`
	Seq         int64           `json:"-"` // lists are cut by it
}

// A WebhookRef names an event.
type WebhookRef struct {
	ID      string `json:"id"`
	Include string `json:"include"`
}

// A WebhookLevelRef names a webhook.
type WebhookLevelRef struct {
	ID    string `json:"id"`
	Level string `json:"level"`
}

// A WebhookAttempt is one request to a webhook.
type WebhookAttempt struct {
	ID         string  `json:"id"`
	Code       *int    `json:"code"`        // of the answer; null: there was none
	ErrorClass *string `json:"error_class"` // null: it was taken
	Status     string  `json:"status"`      // "succeeded" or "failed"
	CreatedAt  Time    `json:"created_at"`
	UpdatedAt  Time    `json:"updated_at"`
}

// An AppWebhookEvent is one change that webhooks are told of.
type AppWebhookEvent struct {
	ID        string         `json:"id"`
	Include   string         `json:"include"`
	Payload   WebhookPayload `json:"payload"`
	CreatedAt Time           `json:"created_at"`
	UpdatedAt Time           `json:"updated_at"`
	Seq       int64          `json:"-"` // lists are cut by it
}

// A WebhookPayload is what an event says.
type WebhookPayload struct {
	Action       string          `json:"action"` // "create", "update" or "destroy"
	Actor        WebhookActor    `json:"actor"`
	Data         json.RawMessage `json:"data"`          // the thing as the API shows it
	PreviousData json.RawMessage `json:"previous_data"` // and before; {} if it is new, or gone
	Resource     string          `json:"resource"`      // "release", "dyno", …
	Version      string          `json:"version"`
	PublishedAt  Time            `json:"published_at"` // when it happened
}

// A WebhookActor is who caused an event.
type WebhookActor struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

// A WebhookMessage is what a webhook is sent.
type WebhookMessage struct {
	ID string `json:"id"` // of the event
	WebhookPayload
	CreatedAt Time            `json:"created_at"`
	UpdatedAt Time            `json:"updated_at"`
	Sequence  *int64          `json:"sequence"` // null
	Metadata  WebhookMetadata `json:"webhook_metadata"`
}

// WebhookMetadata says which attempt of which delivery a message is.
type WebhookMetadata struct {
	Attempt  ID         `json:"attempt"`
	Delivery ID         `json:"delivery"`
	Event    WebhookRef `json:"event"`
	Webhook  ID         `json:"webhook"`
}

// AppWebhooks lists the webhooks of an app.
func (c *Client) AppWebhooks(ctx context.Context, app string) ([]AppWebhook, error) {
	return all[AppWebhook](ctx, c, Path("/apps/%s/webhooks", app))
}

// AppWebhook finds a webhook of an app.
func (c *Client) AppWebhook(ctx context.Context, app, id string) (AppWebhook, error) {
	return call[AppWebhook](ctx, c, http.MethodGet, Path("/apps/%s/webhooks/%s", app, id), nil)
}

// AddAppWebhook has a webhook told of what changes about an app, and returns the secret that it is told by.
func (c *Client) AddAppWebhook(ctx context.Context, app string, in AppWebhookOpts) (w AppWebhook, secret string, err error) {
	h, err := c.send(ctx, http.MethodPost, Path("/apps/%s/webhooks", app), in, &w)
	return w, h.Get(WebhookSecretHeader), err
}

// RemoveAppWebhook takes a webhook from an app.
func (c *Client) RemoveAppWebhook(ctx context.Context, app, id string) (AppWebhook, error) {
	return call[AppWebhook](ctx, c, http.MethodDelete, Path("/apps/%s/webhooks/%s", app, id), nil)
}

// ChangeAppWebhook changes a webhook of an app.
func (c *Client) ChangeAppWebhook(ctx context.Context, app, id string, in AppWebhookOpts) (AppWebhook, error) {
	return call[AppWebhook](ctx, c, http.MethodPatch, Path("/apps/%s/webhooks/%s", app, id), in)
}

// AppWebhookDeliveries lists how telling the webhooks of an app goes: all, or those of a status.
func (c *Client) AppWebhookDeliveries(ctx context.Context, app, status string) ([]AppWebhookDelivery, error) {
	path := Path("/apps/%s/webhook-deliveries", app)
	if status != "" {
		path += "?" + url.Values{"eq[status]": {status}}.Encode()
	}
	return all[AppWebhookDelivery](ctx, c, path)
}

// AppWebhookDelivery finds how telling a webhook of an app one event goes.
func (c *Client) AppWebhookDelivery(ctx context.Context, app, id string) (AppWebhookDelivery, error) {
	return call[AppWebhookDelivery](ctx, c, http.MethodGet, Path("/apps/%s/webhook-deliveries/%s", app, id), nil)
}

// AppWebhookEvent finds an event that webhooks of an app were told of.
func (c *Client) AppWebhookEvent(ctx context.Context, app, id string) (AppWebhookEvent, error) {
	return call[AppWebhookEvent](ctx, c, http.MethodGet, Path("/apps/%s/webhook-events/%s", app, id), nil)
}

// Package webhook tells places outside what changed about apps, as Heroku's app webhooks are told: by a POST of JSON that
// is signed with the webhook's secret. It makes one attempt and says how that went; which attempts there are is decided
// by who calls it.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/outside"
)

// How long a webhook has for a connection, and for a whole request.
const (
	connect = 5 * time.Second
	answer  = 15 * time.Second
)

// Signature is the header with the HMAC of the body, by SHA-256, in base64.
const Signature = "Heroku-Webhook-Hmac-SHA256"

// version is the one of the API whose objects are in a message.
const version = "application/vnd.heroku+json; version=3"

// A Poster makes attempts. It may be used by many goroutines at once.
type Poster struct{ client *http.Client }

// New returns a Poster that reaches what c allows.
func New(c outside.Config) *Poster { return newPoster(c, connect, answer) }

// newPoster takes as many connections as there are attempts: webhooks of many apps lead to one host, and one of them that
// hangs is none of the others' business.
func newPoster(c outside.Config, connect, answer time.Duration) *Poster {
	return &Poster{c.Client(connect, answer, 0)}
}

// Post makes one attempt to tell a webhook of an event.
func (p *Poster) Post(ctx context.Context, w cloister.Webhook, e cloister.WebhookEvent, d cloister.Delivery) cloister.Attempt {
	out := cloister.Attempt{ID: cloister.NewID(), At: time.Now()}
	body, err := json.Marshal(message(e, d, out))
	if err != nil {
		out.Error = "Unrenderable"
		return out
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL.Reveal(), bytes.NewReader(body))
	if err != nil {
		out.Error = "BadAddress"
		return out
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Heroku-Webhooks (Cloister)")
	req.Header.Set(Signature, sign(w.Secret, body))
	if w.Authorization != "" {
		req.Header.Set("Authorization", w.Authorization.Reveal())
	}
	res, err := p.client.Do(req)
	if err != nil {
		out.Error = class(err)
		return out
	}
	defer outside.Finish(res)
	out.Code = res.StatusCode
	switch {
	case out.Code >= 300 && out.Code < 400:
		out.Error = "Redirect"
	case out.Code < 200 || out.Code >= 300:
		out.Error = "BadResponse"
	}
	return out
}

func sign(secret cloister.Secret, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// class is a word for what went wrong before there was an answer. It is shown to the webhook's owner, who is not told
// more: what is behind an address is not theirs to find out.
func class(err error) string {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &name):
		return "NameNotFound"
	case errors.As(err, &certificate):
		return "BadCertificate"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "ConnectionRefused"
	case outside.TimedOut(err):
		return "Timeout"
	case errors.Is(err, outside.ErrForbidden):
		return "ForbiddenAddress"
	}
	return "ConnectionFailed"
}

// Payload is what an event says.
func Payload(e cloister.WebhookEvent) heroku.WebhookPayload {
	return heroku.WebhookPayload{Action: string(e.Action), Actor: heroku.WebhookActor{ID: e.ActorID, Email: e.ActorEmail},
		Data: json.RawMessage(e.Data), PreviousData: json.RawMessage(e.Previous), Resource: e.Entity.Resource(), Version: version, PublishedAt: heroku.At(e.CreatedAt)}
}

func message(e cloister.WebhookEvent, d cloister.Delivery, a cloister.Attempt) heroku.WebhookMessage {
	return heroku.WebhookMessage{ID: e.ID, WebhookPayload: Payload(e), CreatedAt: heroku.At(e.CreatedAt), UpdatedAt: heroku.At(e.CreatedAt),
		Metadata: heroku.WebhookMetadata{Attempt: heroku.ID{ID: a.ID}, Delivery: heroku.ID{ID: d.ID},
			Event: heroku.WebhookRef{ID: e.ID, Include: string(e.Entity)}, Webhook: heroku.ID{ID: d.WebhookID}}}
}

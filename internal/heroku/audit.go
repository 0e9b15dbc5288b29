package heroku

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// An Event is an entry of the audit trail. It is ours: Heroku's archive has less, and a month later.
type Event struct {
	Seq       int64           `json:"seq"`
	CreatedAt Time            `json:"created_at"`
	Actor     EventActor      `json:"actor"`
	RequestID string          `json:"request_id"`
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Action    string          `json:"action"`
	Text      string          `json:"text"`
	Changes   json.RawMessage `json:"changes"` // {"field": [before, after], …}, or null
	Seal      string          `json:"seal"`
}

// An EventActor is who did it, and from where; the platform itself has no address and no e-mail.
type EventActor struct {
	Email   string `json:"email"`
	Address string `json:"address"`
}

// An EventQuery picks events; zero fields pick all.
type EventQuery struct {
	After                   int64
	Actor, Type, ID, Action string
	Since, Until            time.Time
	Max                     int
	Wait                    time.Duration // for the first, if there is none yet; at most a minute
}

// Events lists events in order, at most 1 000 at once.
func (c *Client) Events(ctx context.Context, q EventQuery) ([]Event, error) {
	v := url.Values{}
	set := func(name, value string, is bool) {
		if is {
			v.Set(name, value)
		}
	}
	set("after", strconv.FormatInt(q.After, 10), q.After > 0)
	set("actor", q.Actor, q.Actor != "")
	set("type", q.Type, q.Type != "")
	set("id", q.ID, q.ID != "")
	set("action", q.Action, q.Action != "")
	set("since", q.Since.UTC().Format(time.RFC3339), !q.Since.IsZero())
	set("until", q.Until.UTC().Format(time.RFC3339), !q.Until.IsZero())
	set("max", strconv.Itoa(q.Max), q.Max > 0)
	set("wait", strconv.Itoa(int(q.Wait/time.Second)), q.Wait > 0)
	path := "/audit"
	if len(v) > 0 {
		path += "?" + v.Encode()
	}
	return call[[]Event](ctx, c, http.MethodGet, path, nil)
}

// An Audit is what a look at the seals of the audit trail has found.
type Audit struct {
	Events Int    `json:"events"` // that are as they were written
	Seq    int64  `json:"seq"`    // of the last of them
	Seal   string `json:"seal"`
	Broken int64  `json:"broken"` // the first that is not, or is missing; 0: none
	Reason string `json:"reason"`
}

// VerifyAudit looks at the seals of the audit trail.
func (c *Client) VerifyAudit(ctx context.Context) (Audit, error) {
	return call[Audit](ctx, c, http.MethodPost, "/audit/actions/verify", nil)
}

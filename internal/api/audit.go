package api

import (
	"net/url"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

// auditRoutes are our own: Heroku gives its audit trail away once a month, and leaves much out of it.
func (a *API) auditRoutes(r chi.Router) {
	r.Get("/audit", a.do(a.eventList))
	r.Post("/audit/actions/verify", a.do(a.auditVerify))
}

// How long a request for events waits for the first, at most, and how often it looks.
const (
	maxEventWait = 60
	eventGlance  = 250 * time.Millisecond
)

// eventList lists events. With "wait", in seconds, it waits so long for one if there is none.
func (a *API) eventList(r *request) (reply, error) {
	f, n, wait, err := eventQuery(r.URL.Query())
	if err != nil {
		return reply{}, err
	}
	deadline := time.Now().Add(wait)
	for {
		events, err := a.platform.Events(r.Context(), r.actor, f, n)
		if err != nil || len(events) > 0 || !time.Now().Before(deadline) {
			return ok(heroku.List[heroku.Event](each(events, event))), err
		}
		select {
		case <-time.After(eventGlance):
		case <-r.Context().Done():
			return reply{}, r.Context().Err()
		}
	}
}

// eventQuery reads which events are asked for.
func eventQuery(q url.Values) (f cloister.EventFilter, n int, wait time.Duration, err error) {
	f = cloister.EventFilter{Actor: q.Get("actor"), Kind: q.Get("type"), ID: q.Get("id"), Action: q.Get("action")}
	number := func(name string, otherwise, most int64) (v int64) {
		v = otherwise
		if text := q.Get(name); text != "" && err == nil {
			if v, err = strconv.ParseInt(text, 10, 64); err != nil || v < 0 || v > most {
				err = cloister.Errorf(cloister.Invalid, "%s must be a whole number between 0 and %d, not %q.", name, most, text)
			}
		}
		return v
	}
	moment := func(name string) (t time.Time) {
		if text := q.Get(name); text != "" && err == nil {
			if t, err = time.Parse(time.RFC3339, text); err != nil {
				err = cloister.Errorf(cloister.Invalid, "%s must be a time such as 2026-01-31T12:00:00Z, not %q.", name, text)
			}
		}
		return t
	}
	f.After, f.Since, f.Until = number("after", 0, 1<<62), moment("since"), moment("until")
	n, wait = int(number("max", platform.MaxEvents, platform.MaxEvents)), time.Duration(number("wait", 0, maxEventWait))*time.Second
	return f, n, wait, err
}

func (a *API) auditVerify(r *request) (reply, error) {
	found, err := a.platform.Audit(r.Context(), r.actor)
	return ok(heroku.Audit{Events: heroku.Int(found.Events), Seq: found.Seq, Seal: found.Seal, Broken: found.Broken, Reason: found.Why}), err
}

func event(e cloister.Event) heroku.Event {
	return heroku.Event{Seq: e.Seq, CreatedAt: heroku.At(e.At), Actor: heroku.EventActor{Email: e.Actor, Address: e.From}, RequestID: e.Request,
		Type: e.Kind, ID: e.ID, Action: e.Action, Text: e.Text, Changes: e.Changes, Seal: e.Seal}
}

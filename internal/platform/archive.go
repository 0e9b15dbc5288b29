package platform

import (
	"context"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A TrailEvent is an event of the audit trail with what it was about, as far as that is still there.
type TrailEvent struct {
	cloister.Event
	ActorID string
	App     Named
	Team    Named
}

// A Named is something that has an id and a name; zero: there is none.
type Named struct{ ID, Name string }

// Trail lists events as Events does, with what they were about. Operators only.
func (p *Platform) Trail(ctx context.Context, a cloister.Actor, ref string, f cloister.EventFilter, n int) (e Enterprise, out []TrailEvent, err error) {
	if err := validEvents(n); err != nil {
		return e, nil, err
	}
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if e, err = p.account(tx, a, ref); err != nil {
			return err
		}
		events, err := tx.Events(f, n)
		if err != nil {
			return err
		}
		out = nil
		l := lookup{tx: tx, seen: map[string]TrailEvent{}}
		for _, v := range events {
			x, err := l.about(v)
			if err != nil {
				return err
			}
			out = append(out, x)
		}
		return nil
	})
	return e, out, err
}

// A lookup finds what events are about, each thing once.
type lookup struct {
	tx   *store.Tx
	seen map[string]TrailEvent
}

func (l lookup) about(v cloister.Event) (TrailEvent, error) {
	x, known := l.seen[v.Kind+v.ID]
	if !known {
		var err error
		if x, err = l.find(v.Kind, v.ID); err != nil && cloister.KindOf(err) != cloister.NotFound {
			return x, err
		}
		l.seen[v.Kind+v.ID] = x
	}
	who, known := l.seen["actor"+v.Actor]
	if !known && v.Actor != "" {
		u, err := l.tx.User(v.Actor)
		if err != nil && cloister.KindOf(err) != cloister.NotFound {
			return x, err
		}
		who.ActorID = u.ID
		l.seen["actor"+v.Actor] = who
	}
	x.Event, x.ActorID = v, who.ActorID
	return x, nil
}

func (l lookup) find(kind, id string) (x TrailEvent, err error) {
	team := ""
	switch kind {
	case "app":
		app, err := l.tx.App(id)
		if err != nil {
			return x, err
		}
		x.App, team = Named{app.ID, app.Name}, app.TeamID
	case "space":
		s, err := l.tx.Space(id)
		if err != nil {
			return x, err
		}
		team = s.TeamID
	case "team":
		team = id
	default:
		return x, nil
	}
	t, err := l.tx.Team(team)
	if err == nil {
		x.Team = Named{t.ID, t.Name}
	}
	return x, err
}

// A Month is one of the audit trail's, from its first moment to its last; the current one ends with yesterday.
type Month struct {
	Year        int
	Month       time.Month
	Since, Till time.Time
}

// Months lists the months that the audit trail has something of, the first one first. Operators only.
func (p *Platform) Months(ctx context.Context, a cloister.Actor, ref string) (e Enterprise, out []Month, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if e, err = p.account(tx, a, ref); err != nil {
			return err
		}
		first, err := tx.Events(cloister.EventFilter{}, 1)
		if err != nil || len(first) == 0 {
			return err
		}
		out = months(first[0].At, tx.Now)
		return nil
	})
	return e, out, err
}

func months(first, now time.Time) (out []Month) {
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	for since := time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, time.UTC); since.Before(midnight); since = since.AddDate(0, 1, 0) {
		till := since.AddDate(0, 1, 0)
		if till.After(midnight) {
			till = midnight
		}
		if first.Before(till) {
			out = append(out, Month{since.Year(), since.Month(), since, till})
		}
	}
	return out
}

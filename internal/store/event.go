package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cloister-dev/cloister"
)

// Event appends to the audit trail, on behalf of tx.Actor.
func (tx *Tx) Event(kind, id, action, text string) error {
	return tx.event(kind, id, action, text, nil)
}

// Changed appends to the audit trail with what a noun, a struct or a map, was before and is after; either may be nil. If it
// is as it was, nothing has happened.
func (tx *Tx) Changed(kind, id, action, text string, before, after any) error {
	changes, err := difference(before, after)
	if err != nil || changes == nil && before != nil && after != nil {
		return err
	}
	return tx.event(kind, id, action, text, changes)
}

func (tx *Tx) event(kind, id, action, text string, changes json.RawMessage) error {
	last, err := many(tx, func(_ *Tx, r row) (e cloister.Event, err error) { return e, r.Scan(&e.Seq, &e.Seal) },
		`SELECT seq, seal FROM events ORDER BY seq DESC LIMIT 1`)
	if err != nil {
		return err
	}
	e := cloister.Event{Seq: 1, At: tx.Now, Actor: tx.Actor, From: tx.From, Request: tx.Request, Kind: kind, ID: id, Action: action, Text: text, Changes: changes}
	previous := ""
	if len(last) > 0 {
		e.Seq, previous = last[0].Seq+1, last[0].Seal
	}
	return tx.exec(`
		INSERT INTO events (seq, at, actor, source, request, kind, id, action, text, changes, seal)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		e.Seq, at(e.At), e.Actor, e.From, e.Request, kind, id, action, text, string(e.Changes), tx.store.sealOf(previous, e))
}

// sealOf is the seal of an event that follows the one with the seal previous. It takes a key that is not in the database.
func (s *Store) sealOf(previous string, e cloister.Event) string {
	text, err := json.Marshal([]string{previous, fmt.Sprint(e.Seq), fmt.Sprint(e.At.UnixMicro()), e.Actor, e.From, e.Request, e.Kind, e.ID, e.Action, e.Text, string(e.Changes)})
	if err != nil {
		panic(err) // strings always marshal
	}
	h := hmac.New(sha256.New, s.auditKey)
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil))
}

const eventColumns = `seq, at, actor, source, request, kind, id, action, text, changes, seal`

func scanEvent(_ *Tx, r row) (e cloister.Event, err error) {
	var changes string
	err = r.Scan(&e.Seq, when{&e.At}, &e.Actor, &e.From, &e.Request, &e.Kind, &e.ID, &e.Action, &e.Text, &changes, &e.Seal)
	if changes != "" {
		e.Changes = json.RawMessage(changes)
	}
	return e, err
}

// Events lists at most n events that a filter picks, in order.
func (tx *Tx) Events(f cloister.EventFilter, n int) ([]cloister.Event, error) {
	if f.Until.IsZero() {
		f.Until = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if f.Since.IsZero() {
		f.Since = time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)
	}
	order := ""
	if f.Newest {
		order = " DESC"
	}
	return many(tx, scanEvent, `
		SELECT `+eventColumns+` FROM events
		WHERE seq > $1 AND ($2 = '' OR actor = $2) AND ($3 = '' OR kind = $3) AND ($4 = '' OR id = $4) AND ($5 = '' OR action = $5)
			AND at >= $6 AND at < $7
		ORDER BY seq`+order+` LIMIT $8`, f.After, f.Actor, f.Kind, f.ID, f.Action, at(f.Since), at(f.Until), n)
}

// Audit looks at the whole trail, and finds the first event that is not what was written, or is missing.
func (s *Store) Audit(ctx context.Context) (a cloister.Audit, err error) {
	for more := true; more && a.Broken == 0; {
		if err := s.View(ctx, func(tx *Tx) error {
			page, err := tx.Events(cloister.EventFilter{After: a.Seq}, 1000)
			more = len(page) > 0
			for _, e := range page {
				if s.check(&a, e); a.Broken > 0 {
					break
				}
			}
			return err
		}); err != nil {
			return a, err
		}
	}
	return a, nil
}

// check looks at the event that follows those that a has seen.
func (s *Store) check(a *cloister.Audit, e cloister.Event) {
	switch {
	case e.Seq != a.Seq+1:
		a.Broken, a.Why = a.Seq+1, fmt.Sprintf("Event %d is missing: event %d comes next.", a.Seq+1, e.Seq)
	case !hmac.Equal([]byte(e.Seal), []byte(s.sealOf(a.Seal, e))):
		a.Broken, a.Why = e.Seq, fmt.Sprintf("Event %d of %s is not as it was written.", e.Seq, e.At.UTC().Format(time.RFC3339))
	default:
		a.Events, a.Seq, a.Seal = a.Events+1, e.Seq, e.Seal
	}
}

// sealOld seals, once, the events of a time when they had no seals.
func (s *Store) sealOld(ctx context.Context) error {
	const done = "audit_sealed"
	return s.Update(ctx, func(tx *Tx) error {
		if v, err := tx.Setting(done); err != nil || v != "" {
			return err
		}
		var seq int64
		for seal := ""; ; {
			page, err := tx.Events(cloister.EventFilter{After: seq}, 1000)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				return tx.SetSetting(done, fmt.Sprint(seq))
			}
			for _, e := range page {
				seq, seal = e.Seq, s.sealOf(seal, e)
				if err := tx.exec(`UPDATE events SET seal = $2 WHERE seq = $1`, seq, seal); err != nil {
					return err
				}
			}
		}
	})
}

// Setting is a named value of this installation, "" when it was never set.
func (tx *Tx) Setting(name string) (string, error) {
	rows, err := many(tx, value[string], `SELECT value FROM settings WHERE name = $1`, name)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0], nil
}

// SetSetting writes a named value.
func (tx *Tx) SetSetting(name, v string) error {
	return tx.exec(`INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2`, name, v)
}

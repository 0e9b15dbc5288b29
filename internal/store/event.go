package store

import "github.com/cloister-dev/cloister"

// Event appends to the feed of what happened, on behalf of tx.Actor.
func (tx *Tx) Event(kind, id, action, text string) error {
	return tx.exec(`
		INSERT INTO events (seq, at, actor, kind, id, action, text)
		VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM events), $1, $2, $3, $4, $5, $6)`,
		at(tx.Now), tx.Actor, kind, id, action, text)
}

// Events lists at most n events after seq, in order.
func (tx *Tx) Events(seq int64, n int) ([]cloister.Event, error) {
	return many(tx, func(_ *Tx, r row) (e cloister.Event, err error) {
		err = r.Scan(&e.Seq, when{&e.At}, &e.Actor, &e.Kind, &e.ID, &e.Action, &e.Text)
		return e, err
	}, `SELECT seq, at, actor, kind, id, action, text FROM events WHERE seq > $1 ORDER BY seq LIMIT $2`, seq, n)
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

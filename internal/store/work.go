package store

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Work says that an object must be looked at.
type Work struct {
	Kind      string
	ID        string
	Rev       int64
	DueAt     time.Time
	Attempts  int
	LastError string
	Owner     string // who has leased it, or had: a lease may be over; "" for nobody
}

const workColumns = `kind, id, rev, due_at, attempts, last_error, leased_by`

func scanWork(_ *Tx, r row) (w Work, err error) {
	err = r.Scan(&w.Kind, &w.ID, &w.Rev, when{&w.DueAt}, &w.Attempts, &w.LastError, &w.Owner)
	return w, err
}

// Touch asks for a look at an object now. Touching again before that changes nothing, not even its place in the
// queue; touching during the look causes another one.
func (tx *Tx) Touch(kind, id string) error {
	tx.touched = true
	return tx.exec(`
		INSERT INTO work (kind, id, rev, due_at, attempts, last_error, leased_by)
		VALUES ($1, $2, 1, $3, 0, '', '')
		ON CONFLICT (kind, id) DO UPDATE
		SET rev = work.rev + 1, attempts = 0,
			due_at = CASE WHEN work.due_at < $3 AND work.leased_by = '' THEN work.due_at ELSE $3 END`,
		kind, id, at(tx.Now))
}

// TouchAll touches every object there is: at start, and now and then, since events are only hints.
func (tx *Tx) TouchAll() error {
	for _, of := range []struct{ kind, ids string }{ // networks first: apps wait for them
		{"space", `SELECT $1, id, 1, $2, 0, '', '' FROM spaces WHERE TRUE`},
		{"app", `SELECT $1, id, 1, $2, 0, '', '' FROM apps WHERE TRUE`},
		{"run", `SELECT $1, id, 1, $2, 0, '', '' FROM runs WHERE TRUE`},
		{"job", `SELECT $1, id, 1, $2, 0, '', '' FROM jobs WHERE TRUE`},
		{"build", `SELECT $1, id, 1, $2, 0, '', '' FROM builds WHERE status = 'pending'`},
		{"acm", `SELECT $1, id, 1, $2, 0, '', '' FROM apps WHERE acm`},
		{"staple", `SELECT $1, id, 1, $2, 0, '', '' FROM apps WHERE id IN (SELECT app_id FROM endpoints)`},
		{"autoscale", `SELECT $1, id, 1, $2, 0, '', '' FROM autoscales WHERE active`},
		{"transfer", `SELECT $1, id, 1, $2, 0, '', '' FROM transfers WHERE finished_at IS NULL OR expires_at IS NOT NULL`},
		{"addon", `SELECT $1, id, 1, $2, 0, '', '' FROM addons WHERE TRUE`},
		{"webhook", `SELECT $1, id, 1, $2, 0, '', '' FROM webhooks WHERE ended OR id IN (SELECT webhook_id FROM deliveries WHERE next_at IS NOT NULL)`},
	} {
		if err := tx.touchThese(of.ids, of.kind); err != nil {
			return err
		}
	}
	return nil
}

// TouchApps touches the apps of a space.
func (tx *Tx) TouchApps(spaceID string) error {
	return tx.touchThese(`SELECT $1, id, 1, $2, 0, '', '' FROM apps WHERE space_id = $3`, "app", spaceID)
}

// touchThese touches what a query selects.
func (tx *Tx) touchThese(query, kind string, args ...any) error {
	tx.touched = true
	return tx.exec(`
		INSERT INTO work (kind, id, rev, due_at, attempts, last_error, leased_by) `+query+`
		ON CONFLICT (kind, id) DO UPDATE
		SET rev = work.rev + 1, attempts = 0,
			due_at = CASE WHEN work.due_at < $2 AND work.leased_by = '' THEN work.due_at ELSE $2 END`,
		append([]any{kind, at(tx.Now)}, args...)...)
}

// ClaimWork leases at most n due objects of any kind but one, or "", to owner until the lease ends, the longest due first. Which comes first of
// those that are equally long due is left open: ten thousand that were touched together need no sorting.
func (tx *Tx) ClaimWork(owner string, n int, lease time.Duration, but string) ([]Work, error) {
	out, err := many(tx, scanWork, `
		UPDATE work
		SET leased_by = $1, leased_until = $2
		WHERE (kind, id) IN (
			SELECT kind, id
			FROM work
			WHERE due_at <= $3 AND (leased_by = '' OR leased_until <= $3) AND kind <> $4
			ORDER BY due_at
			LIMIT $5)
		RETURNING `+workColumns,
		owner, at(tx.Now.Add(lease)), at(tx.Now), but, n)
	// RETURNING promises no order.
	slices.SortFunc(out, func(a, b Work) int {
		return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	return out, err
}

// NextWork is when the next object that nobody has leased is due; ok is false when there is none.
func (tx *Tx) NextWork() (due time.Time, ok bool, err error) {
	rows, err := many(tx, scanWork, `
		SELECT `+workColumns+`
		FROM work
		WHERE leased_by = '' OR leased_until <= $1
		ORDER BY due_at
		LIMIT 1`, at(tx.Now))
	if err != nil || len(rows) == 0 {
		return time.Time{}, false, err
	}
	return rows[0].DueAt, true, nil
}

// FinishWork ends the lease of w. The row goes away if again is zero and nobody touched it meanwhile; it stays for
// another look after again, or at once if it was touched. If the lease was over and somebody else has it by now,
// nothing happens: it is theirs to finish.
func (tx *Tx) FinishWork(w Work, again time.Duration) error {
	if again <= 0 {
		if err := tx.exec(`DELETE FROM work WHERE kind = $1 AND id = $2 AND rev = $3 AND leased_by = $4`,
			w.Kind, w.ID, w.Rev, w.Owner); err != nil {
			return err
		}
	} else if err := tx.exec(`
		UPDATE work
		SET due_at = $1, attempts = 0, last_error = ''
		WHERE kind = $2 AND id = $3 AND rev = $4 AND leased_by = $5`,
		at(tx.Now.Add(again)), w.Kind, w.ID, w.Rev, w.Owner); err != nil {
		return err
	}
	return tx.release(w)
}

// FailWork ends the lease of w after an error: it is tried again after wait, or only when touched if wait is
// negative. Work that was touched meanwhile is tried again at once. As with FinishWork, a lost lease changes nothing.
func (tx *Tx) FailWork(w Work, cause string, wait time.Duration) error {
	due := tx.Now.Add(wait)
	if wait < 0 {
		due = parked
	}
	cause = strings.ReplaceAll(strings.ToValidUTF8(cause, "\uFFFD"), "\x00", "\uFFFD") // PostgreSQL holds no others
	if err := tx.exec(`
		UPDATE work
		SET due_at = $1, attempts = attempts + 1, last_error = $2
		WHERE kind = $3 AND id = $4 AND rev = $5 AND leased_by = $6`,
		at(due), cause, w.Kind, w.ID, w.Rev, w.Owner); err != nil {
		return err
	}
	return tx.release(w)
}

// parked is the due time of work that waits for somebody to touch it.
var parked = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func (tx *Tx) release(w Work) error {
	return tx.exec(`UPDATE work SET leased_by = '', leased_until = NULL WHERE kind = $1 AND id = $2 AND leased_by = $3`,
		w.Kind, w.ID, w.Owner)
}

// ReleaseLeases frees all leases of an owner that is known to be gone: our own earlier life.
func (tx *Tx) ReleaseLeases(owner string) error {
	return tx.exec(`UPDATE work SET leased_by = '', leased_until = NULL WHERE leased_by = $1`, owner)
}

// WorkFor is the work of one object, with its last error; ok is false when there is nothing to do.
func (tx *Tx) WorkFor(kind, id string) (w Work, ok bool, err error) {
	rows, err := many(tx, scanWork, `SELECT `+workColumns+` FROM work WHERE kind = $1 AND id = $2`, kind, id)
	if err != nil || len(rows) == 0 {
		return Work{}, false, err
	}
	return rows[0], true, nil
}

// Work lists the whole queue.
func (tx *Tx) Work() ([]Work, error) {
	return many(tx, scanWork, `SELECT `+workColumns+` FROM work ORDER BY due_at, kind, id`)
}

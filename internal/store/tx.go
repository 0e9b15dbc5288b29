package store

import (
	"context"
	"database/sql"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/cloister-dev/cloister"
)

// A Tx is a transaction. Its methods are in the file of the noun they are about.
type Tx struct {
	// Now is when the transaction began, read once: one transaction has one time.
	Now time.Time
	// Actor is who events are recorded for: an e-mail address, or "" for the platform itself.
	Actor string
	// From and Request are where that one asks from, and in which request; "" where there is none.
	From, Request string

	ctx     context.Context
	tx      *sql.Tx
	store   *Store
	touched bool
	wrote   bool
	changed []Change                      // that webhooks are to be told of
	hooked  map[string][]cloister.Webhook // the webhooks of apps, by id, as far as they were asked for
}

// A row is what *sql.Row and *sql.Rows have in common.
type row interface{ Scan(dest ...any) error }

// one runs a query for at most one row; none is the NotFound error of the resource.
func one[T any](tx *Tx, resource string, scan func(*Tx, row) (T, error), query string, args ...any) (T, error) {
	v, err := scan(tx, tx.tx.QueryRowContext(tx.ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return v, cloister.Missing(resource)
	}
	return v, classify(err)
}

// many runs a query for any number of rows.
func many[T any](tx *Tx, scan func(*Tx, row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.tx.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return nil, classify(err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(tx, rows)
		if err != nil {
			return nil, classify(err)
		}
		out = append(out, v)
	}
	return out, classify(rows.Err())
}

// value scans a single column.
func value[T any](_ *Tx, r row) (v T, err error) { return v, r.Scan(&v) }

// exec runs a statement.
func (tx *Tx) exec(query string, args ...any) error {
	res, err := tx.tx.ExecContext(tx.ctx, query, args...)
	if err == nil {
		_, err = tx.count(res)
	}
	return classify(err)
}

// count is how many rows a statement has written.
func (tx *Tx) count(res sql.Result) (int64, error) {
	n, err := res.RowsAffected()
	tx.wrote = tx.wrote || n > 0
	return n, err
}

// must runs a statement that has to change a row; otherwise the resource is missing.
func (tx *Tx) must(resource, query string, args ...any) error {
	res, err := tx.tx.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return classify(err)
	}
	if n, err := tx.count(res); err != nil || n == 0 {
		return errors.Join(err, cloister.Missing(resource))
	}
	return nil
}

// classify gives the drivers' errors a kind, by their codes, never by their text.
func classify(err error) error {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &lite):
		switch lite.Code() {
		case 2067, 1555: // unique, primary key
			return &cloister.Error{Kind: cloister.Conflict, Message: "It exists already."}
		case 787: // foreign key
			return &cloister.Error{Kind: cloister.Conflict, Message: "Something else still needs it, or it needs something that is gone."}
		case 13, 4874: // full, and no room for the index of the log
			return &cloister.Error{Kind: cloister.Unavailable, Message: "The disk of the server is full. Nothing was changed; free some space there and try again."}
		}
	case errors.As(err, &pg):
		switch pg.Code {
		case "23505":
			return &cloister.Error{Kind: cloister.Conflict, Message: "It exists already."}
		case "23503":
			return &cloister.Error{Kind: cloister.Conflict, Message: "Something else still needs it, or it needs something that is gone."}
		case "22021": // a character that the database's encoding does not have
			return &cloister.Error{Kind: cloister.Invalid, Message: "Text must be valid UTF-8 without NUL characters."}
		case "53100":
			return &cloister.Error{Kind: cloister.Unavailable, Message: "The disk of the database is full. Nothing was changed; free some space and try again."}
		}
	}
	return err
}

// retryable reports whether a transaction failed only because of another one.
func retryable(err error) bool {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &lite):
		return lite.Code()&0xff == 5 // busy, in all its forms
	case errors.As(err, &pg):
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	return false
}

// orNull is NULL for "": nothing is referred to.
func orNull(id string) any {
	if id == "" {
		return nil
	}
	return id
}

// at is a time as a column value: microseconds, UTC, NULL for the zero time.
func at(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Microsecond)
}

// when scans a time column; NULL is the zero time.
type when struct{ t *time.Time }

func (w when) Scan(src any) error {
	var n sql.NullTime
	if err := n.Scan(src); err != nil {
		return err
	}
	*w.t = time.Time{}
	if n.Valid {
		*w.t = n.Time.UTC()
	}
	return nil
}

// text scans a TEXT column into a value that reads itself, such as a netip.Prefix. "" leaves it zero.
type text struct{ v encoding.TextUnmarshaler }

func (t text) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("scan %T into %T", src, t.v)
	}
	if s == "" {
		return nil
	}
	return t.v.UnmarshalText([]byte(s))
}

// doc is a column value that is an opaque JSON document.
func doc(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %T does not marshal: %v", v, err)) // only our own types come here
	}
	return string(b)
}

// document scans a JSON document.
type document struct{ v any }

func (d document) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("scan %T into a document", src)
	}
	return json.Unmarshal([]byte(s), d.v)
}

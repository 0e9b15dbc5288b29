// Package store keeps the nouns in SQLite or PostgreSQL, with one SQL text for both.
//
// All reading happens inside View and all writing inside Update, which are serializable on both databases, so there
// are no locks anywhere. Secrets (config vars) are sealed before they reach the database. The package decides
// nothing about what may be done: that is package platform's business, and control's.
package store

import (
	"context"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	"github.com/pressly/goose/v3"
)

//go:embed schema/*.sql
var schema embed.FS

// Config says where the data is and how secrets are sealed.
type Config struct {
	// DSN is "postgres://…" for PostgreSQL, ":memory:" for a private database in memory, or else the path of a
	// SQLite file, which is made if it does not exist.
	DSN string
	// Key seals secrets: 32 bytes, kept outside the database.
	Key []byte
	// Now tells the time; nil is time.Now.
	Now func() time.Time
}

// A Store is an open database. It is safe for concurrent use.
type Store struct {
	write    *sql.DB
	read     *sql.DB // the same as write for PostgreSQL and for memory
	postgres bool
	memory   bool // nothing is kept
	seal     cipher.AEAD
	auditKey []byte // seals events
	now      func() time.Time
	wake     chan struct{}
	onChange func(*Tx, []Change) error // nil: nobody is told
	writes   atomic.Int64
}

// Open opens the database, and brings its schema up to date: forward only, each step in a transaction.
func Open(ctx context.Context, c Config) (*Store, error) {
	aead, err := newSeal(c.Key)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	audit := hmac.New(sha256.New, c.Key)
	audit.Write([]byte("audit trail"))
	s := &Store{seal: aead, auditKey: audit.Sum(nil), now: c.Now, wake: make(chan struct{}, 1)}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.connect(c.DSN); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := s.migrate(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("open store: bring the schema up to date: %w", err)
	}
	// What cannot be unsealed is another installation's: what is not secret can be read all the same.
	if kept, err := s.Kept(ctx, auditSecret, s.auditKey); err == nil {
		s.auditKey = kept
	}
	if err := s.sealOld(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("open store: seal the audit trail: %w", err)
	}
	return s, nil
}

func isPostgres(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

func (s *Store) connect(dsn string) (err error) {
	const pragmas = "_time_format=sqlite&_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)"
	switch {
	case isPostgres(dsn):
		s.postgres = true
		if s.write, err = sql.Open("pgx", dsn); err != nil {
			return err
		}
		s.write.SetMaxOpenConns(16)
		s.write.SetMaxIdleConns(16) // or all but two are opened anew for each transaction
		s.read = s.write
	case dsn == ":memory:":
		s.memory = true
		if s.write, err = openSQLite("file::memory:?_txlock=immediate&" + pragmas); err != nil {
			return err
		}
		s.write.SetMaxOpenConns(1) // each connection would be a database of its own
		s.read = s.write
	default:
		// A path is no URL: these three have a meaning in one.
		path := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(dsn)
		file := "file:" + path + "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&" + pragmas
		if s.write, err = openSQLite(file + "&_txlock=immediate"); err != nil {
			return err
		}
		s.write.SetMaxOpenConns(1) // SQLite has one writer; waiting in Go is fairer than in its busy handler
		if s.read, err = openSQLite(file + "&_pragma=query_only(1)"); err != nil {
			return err
		}
		s.read.SetMaxOpenConns(4)
		s.read.SetMaxIdleConns(4)
	}
	return nil
}

func (s *Store) migrate(ctx context.Context) error {
	if s.memory {
		return s.begin(ctx)
	}
	return s.stepUp(ctx)
}

func (s *Store) stepUp(ctx context.Context) error {
	p, err := s.migrations()
	if err == nil {
		_, err = p.Up(ctx)
	}
	return err
}

// migrations are the steps from an empty database to today's schema.
func (s *Store) migrations() (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	if s.postgres {
		dialect = goose.DialectPostgres
	}
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, s.write, files)
}

// Close closes the database. Transactions under way fail.
func (s *Store) Close() error {
	err := s.write.Close()
	if s.read != s.write {
		err = errors.Join(err, s.read.Close())
	}
	return err
}

// Woken is signalled after an Update that touched work, in this process.
func (s *Store) Woken() <-chan struct{} { return s.wake }

// Shared reports whether other processes may touch work as well, of which Woken tells nothing. SQLite has one server.
func (s *Store) Shared() bool { return s.postgres }

// View runs fn in a transaction that sees one state of the data and changes nothing.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	return s.run(ctx, s.read, &sql.TxOptions{ReadOnly: s.postgres, Isolation: s.isolation(sql.LevelRepeatableRead)}, fn)
}

// Update runs fn in a serializable transaction and commits it when fn returns nil. It is run again when another
// transaction got in its way, so fn must have no other effect than on its Tx.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	opts := &sql.TxOptions{Isolation: s.isolation(sql.LevelSerializable)}
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := s.run(ctx, s.write, opts, fn)
		if !retryable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// isolation is the level to ask PostgreSQL for. SQLite is always serializable, and its driver wants no level.
func (s *Store) isolation(l sql.IsolationLevel) sql.IsolationLevel {
	if s.postgres {
		return l
	}
	return sql.LevelDefault
}

// Writes counts the transactions of this process that have written a row. While it stays, nothing is other than it was, unless
// another server has changed it or time has passed.
func (s *Store) Writes() int64 { return s.writes.Load() }

func (s *Store) run(ctx context.Context, db *sql.DB, opts *sql.TxOptions, fn func(*Tx) error) error {
	t, err := db.BeginTx(ctx, opts)
	if err != nil {
		return classify(err)
	}
	defer t.Rollback() // also when fn panics: SQLite has one connection to write, and it must come back
	tx := &Tx{ctx: ctx, tx: t, store: s, Now: s.now().UTC().Truncate(time.Microsecond)}
	if err := fn(tx); err != nil {
		return err
	}
	if len(tx.changed) > 0 {
		if err := s.onChange(tx, tx.changed); err != nil {
			return err
		}
	}
	if err := t.Commit(); err != nil {
		return classify(err)
	}
	if tx.wrote {
		s.writes.Add(1)
	}
	if tx.touched {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

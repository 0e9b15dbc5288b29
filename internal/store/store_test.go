package store_test

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A place is an empty database of one kind, made for one test and dropped after it.
type place struct {
	dsn   string
	key   []byte
	clock *clock
}

// everywhere runs a test on each kind of database: a SQLite file, SQLite in memory and, when CLOISTER_TEST_PG is the
// DSN of a PostgreSQL server, a schema of its own there.
func everywhere(t *testing.T, test func(t *testing.T, p *place)) {
	t.Helper()
	t.Parallel()
	run := func(name string, dsn func(t *testing.T) string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &place{dsn: dsn(t), key: make([]byte, 32), clock: newClock()})
		})
	}
	run("file", func(t *testing.T) string { return filepath.Join(t.TempDir(), "cloister.db") })
	run("memory", func(*testing.T) string { return ":memory:" })
	if server := os.Getenv("CLOISTER_TEST_PG"); server != "" {
		run("postgres", func(t *testing.T) string { return newSchema(t, server) })
	}
}

// newSchema makes a schema on a PostgreSQL server and returns a DSN in which it is the only one.
func newSchema(t *testing.T, server string) string {
	t.Helper()
	name := "t_" + strings.ReplaceAll(cloister.NewID(), "-", "")
	admin := func(ctx context.Context, statement string) error {
		db, err := sql.Open("pgx", server)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.ExecContext(ctx, statement)
		return err
	}
	if err := admin(t.Context(), `CREATE SCHEMA `+name); err != nil {
		t.Fatal("CLOISTER_TEST_PG:", err)
	}
	t.Cleanup(func() {
		if err := admin(context.Background(), `DROP SCHEMA `+name+` CASCADE`); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("CLOISTER_TEST_PG:", err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// open opens the place; the store is closed when the test ends.
func (p *place) open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{DSN: p.dsn, Key: p.key, Now: p.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// shared reports whether two stores can be open on the place at once.
func (p *place) shared() bool { return p.dsn != ":memory:" }

func (p *place) postgres() bool { return strings.HasPrefix(p.dsn, "postgres") }

// A clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock {
	return &clock{t: time.Date(2026, 3, 29, 1, 2, 3, 123456000, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func update(t *testing.T, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// read is the result of one query in a View of its own.
func read[T any](t *testing.T, s *store.Store, query func(tx *store.Tx) (T, error)) (v T) {
	t.Helper()
	view(t, s, func(tx *store.Tx) (err error) {
		v, err = query(tx)
		return err
	})
	return v
}

// wantKind fails unless the error is of a kind. The change that fn makes must not stay.
func wantKind(t *testing.T, s *store.Store, want cloister.Kind, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); cloister.KindOf(err) != want {
		t.Fatalf("got %v (%s), want an error of kind %s", err, cloister.KindOf(err), want)
	}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

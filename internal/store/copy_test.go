package store_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// copied is a copy of a store.
func copied(t *testing.T, s *store.Store) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.CopyTo(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// furnish puts something of every column type into a store, and something that is not there.
func furnish(t *testing.T, s *store.Store) seeds {
	t.Helper()
	x := seed(t, s)
	update(t, s, func(tx *store.Tx) error {
		slug, p := newSlug(tx, x.app, 1), newPipeline(tx, "shop", "", x.user.ID)
		if err := tx.InsertSlug(slug); err != nil {
			return err
		}
		if _, err := tx.AddRelease(x.app, cloister.Release{SlugID: slug.ID, Config: map[string]cloister.Secret{"HUSH": "hush-hush"}, UserID: x.user.ID, UserEmail: x.user.Email}, "Private-S"); err != nil {
			return err
		}
		if err := tx.InsertWebhook(newWebhook(tx, x.app, cloister.EntityApp)); err != nil {
			return err
		}
		if err := tx.InsertPipeline(p); err != nil {
			return err
		}
		return tx.InsertCoupling(newCoupling(tx, p, x.app, cloister.StageReview))
	})
	return x
}

func TestACopyIsAsTheStoreWas(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		if !p.shared() { // what is in memory is gone when it is closed
			return
		}
		from, err := store.Open(t.Context(), store.Config{DSN: ":memory:", Key: p.key, Now: p.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		x := furnish(t, from)
		before := copied(t, from)
		if strings.Contains(before, "hush-hush") {
			t.Error("a config var can be read in the copy")
		}
		if err := store.Restore(t.Context(), store.Config{DSN: p.dsn}, strings.NewReader(before)); err != nil {
			t.Fatal(err)
		}
		to := p.open(t)
		same(t, read(t, to, func(tx *store.Tx) (cloister.App, error) { return tx.App(x.app.ID) }), read(t, from, func(tx *store.Tx) (cloister.App, error) { return tx.App(x.app.ID) }))
		same(t, lines(copied(t, to)), lines(before))
		audit, err := to.Audit(t.Context())
		if err != nil || audit.Broken != 0 || audit.Events == 0 {
			t.Errorf("its audit trail: %+v, %v", audit, err)
		}
		if err := store.Restore(t.Context(), store.Config{DSN: p.dsn}, strings.NewReader(before)); cloister.KindOf(err) != cloister.Conflict {
			t.Errorf("into one that has something in it: %v", err)
		}
	})
}

// lines are those of a copy, whatever their order within a table and however the databases write the same value.
func lines(s string) []string {
	out := strings.Split(strings.NewReplacer(":true", ":1", ":false", ":0").Replace(s), "\n")
	slices.Sort(out)
	return out
}

func TestACopyThatIsNoneIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":              "",
		"a newer schema":       `{"schema":9999}`,
		"no schema":            `{"schema":0}`,
		"another table":        `{"schema":1}` + "\n" + `{"table":"nonsense","values":{"id":"1"}}`,
		"a query":              `{"schema":1}` + "\n" + `{"table":"users; DROP TABLE users","values":{"id":"1"}}`,
		"another column":       `{"schema":1}` + "\n" + `{"table":"teams","values":{"id":"1","colour":"red"}}`,
		"a value of no sort":   `{"schema":1}` + "\n" + `{"table":"teams","values":{"id":"1","name":"a","created_at":7,"updated_at":null}}`,
		"what refers to none":  `{"schema":1}` + "\n" + `{"table":"members","values":{"id":"1","team_id":"none","user_id":"none","role":"admin","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}}`,
		"half a line":          `{"schema":1}` + "\n" + `{"table":"teams","values":{"id":"1`,
		"an old one, half way": `{"schema":1}` + "\n" + `{"table":"pipelines","values":{"id":"1"}}`, // which came later
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := filepath.Join(t.TempDir(), "cloister.db")
			if err := store.Restore(t.Context(), store.Config{DSN: dsn}, strings.NewReader(text)); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

// A copy of an older version is brought up to date as its database would have been.
func TestAnOlderCopyIsBroughtUpToDate(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "cloister.db")
	old := `{"schema":1}` + "\n" + `{"table":"teams","values":{"id":"1","name":"acme","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}}`
	if err := store.Restore(t.Context(), store.Config{DSN: dsn}, strings.NewReader(old)); err != nil {
		t.Fatal(err)
	}
	p := place{dsn: dsn, key: make([]byte, 32), clock: newClock()}
	team := read(t, p.open(t), func(tx *store.Tx) (cloister.Team, error) { return tx.Team("acme") })
	same(t, team.CreatedAt, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
}

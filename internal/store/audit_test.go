package store_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// raw is the database itself, behind the store's back.
func (p *place) raw(t *testing.T) *sql.DB {
	t.Helper()
	driver := "sqlite"
	if p.postgres() {
		driver = "pgx"
	}
	db, err := sql.Open(driver, p.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// behind changes the database behind the store's back.
func (p *place) behind(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := p.raw(t).ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestWhatIsDoneToTheAuditTrailIsFoundAndLocated(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		if !p.shared() {
			return
		}
		s := p.open(t)
		for i := range 5 {
			p.clock.advance(time.Minute)
			update(t, s, func(tx *store.Tx) error {
				tx.Actor, tx.From, tx.Request = "ada@example.com", "192.0.2.1", fmt.Sprint("r", i)
				return tx.Changed("app", fmt.Sprint("a", i), "update", "quiet-garth", cloister.App{Maintenance: i%2 == 0}, cloister.App{Maintenance: i%2 == 1})
			})
		}
		audit := func() cloister.Audit {
			t.Helper()
			a, err := s.Audit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		sound := audit()
		if sound.Events != 5 || sound.Seq != 5 || len(sound.Seal) != 64 || sound.Broken != 0 {
			t.Fatalf("it is said of a sound trail: %+v", sound)
		}
		p.behind(t, `CREATE TABLE kept AS SELECT seq, at FROM events`)
		for _, c := range []struct {
			what, do, undo string
			broken         int64
		}{
			{"the actor", `UPDATE events SET actor = 'adb@example.com' WHERE seq = 3`, `UPDATE events SET actor = 'ada@example.com' WHERE seq = 3`, 3},
			{"the time", `UPDATE events SET at = (SELECT at FROM events WHERE seq = 1) WHERE seq = 2`,
				`UPDATE events SET at = (SELECT at FROM kept WHERE kept.seq = events.seq)`, 2},
			{"the address", `UPDATE events SET source = '192.0.2.2' WHERE seq = 1`, `UPDATE events SET source = '192.0.2.1' WHERE seq = 1`, 1},
			{"the request", `UPDATE events SET request = 'r2' WHERE seq = 2`, `UPDATE events SET request = 'r1' WHERE seq = 2`, 2},
			{"the object", `UPDATE events SET id = 'a1' WHERE seq = 5`, `UPDATE events SET id = 'a4' WHERE seq = 5`, 5},
			{"the kind", `UPDATE events SET kind = 'apq' WHERE seq = 5`, `UPDATE events SET kind = 'app' WHERE seq = 5`, 5},
			{"the action", `UPDATE events SET action = 'updatf' WHERE seq = 4`, `UPDATE events SET action = 'update' WHERE seq = 4`, 4},
			{"the text", `UPDATE events SET text = 'quiet-gartH' WHERE seq = 4`, `UPDATE events SET text = 'quiet-garth' WHERE seq = 4`, 4},
			{"the changes", `UPDATE events SET changes = '{"maintenance":[true,true]}' WHERE seq = 1`, `UPDATE events SET changes = '{"maintenance":[true,false]}' WHERE seq = 1`, 1},
			{"a seal", `UPDATE events SET seal = 'x' || seal WHERE seq = 2`, `UPDATE events SET seal = substr(seal, 2) WHERE seq = 2`, 2},
			{"all seals", `UPDATE events SET seal = 'x' || seal`, `UPDATE events SET seal = substr(seal, 2)`, 1},
			{"the order", `UPDATE events SET id = 'a' || (5 - seq) WHERE seq IN (2, 3)`, `UPDATE events SET id = 'a' || (seq - 1) WHERE seq IN (2, 3)`, 2},
		} {
			p.behind(t, c.do)
			got := audit()
			if got.Broken != c.broken || (c.broken > 0) != strings.Contains(got.Why, fmt.Sprintf("Event %d ", c.broken)) {
				t.Errorf("with %s changed it is said: %+v, want event %d", c.what, got, c.broken)
			}
			p.behind(t, c.undo)
			if got := audit(); got != sound {
				t.Fatalf("with %s as it was it is said: %+v", c.what, got)
			}
		}
		p.behind(t, `DELETE FROM events WHERE seq = 5`) // what nobody can see who does not know the last seal
		if got := audit(); got.Broken != 0 || got.Seq != 4 || got.Seal == sound.Seal {
			t.Errorf("with the last event cut off it is said: %+v", got)
		}
		p.behind(t, `DELETE FROM events WHERE seq = 2`)
		if got := audit(); got.Broken != 2 || got.Why != "Event 2 is missing: event 3 comes next." {
			t.Errorf("with one taken out it is said: %+v", got)
		}
		p.key = append([]byte{1}, make([]byte, 31)...)
		if got, err := p.open(t).Audit(t.Context()); err != nil || got.Broken != 1 {
			t.Errorf("with another key it is said: %+v, %v", got, err)
		}
	})
}

func TestAnOldTrailIsSealedOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		if !p.shared() {
			return
		}
		s := p.open(t)
		update(t, s, func(tx *store.Tx) error { return tx.Event("space", "s1", "create", "cellar") })
		update(t, s, func(tx *store.Tx) error { return tx.Event("space", "s1", "update", "cellar") })
		sound, err := s.Audit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p.behind(t, `UPDATE events SET seal = ''`, `DELETE FROM settings WHERE name = 'audit_sealed'`) // as a release before had it
		if got, err := p.open(t).Audit(t.Context()); err != nil || got != sound {
			t.Errorf("when it was sealed it is said: %+v, %v; want %+v", got, err, sound)
		}
		p.behind(t, `UPDATE events SET seal = ''`)
		if got, err := p.open(t).Audit(t.Context()); err != nil || got.Broken != 1 {
			t.Errorf("when its seals were taken away it is said: %+v, %v", got, err)
		}
	})
}

func TestEventsSayWhatChangedAndNoSecret(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		type pair struct {
			before, after any
			want          string
		}
		for _, c := range []pair{
			{nil, nil, ""},
			{cloister.App{Name: "a"}, cloister.App{Name: "a"}, ""},
			{cloister.App{Name: "a", InternalRouting: true}, cloister.App{Name: "b", InternalRouting: true, SlugSize: 7}, `{"name":["a","b"],"slug_size":[0,7]}`},
			{nil, cloister.Zone{Name: "a"}, `{"name":[null,"a"]}`},
			{cloister.Zone{Name: "a", Healthy: true}, nil, `{"healthy":[true,null],"name":["a",null]}`},
			{cloister.App{Config: map[string]cloister.Secret{"KEPT": "1", "CHANGED": marker, "GONE": "3"}},
				cloister.App{Config: map[string]cloister.Secret{"KEPT": "1", "CHANGED": marker + "!", "NEW": "4"}},
				`{"config.CHANGED":["[secret]","[secret]"],"config.GONE":["[secret]",null],"config.NEW":[null,"[secret]"]}`},
			{map[string]cloister.Secret{}, map[string]cloister.Secret{"KEY": "v"}, `{"KEY":[null,"[secret]"]}`},
			{cloister.User{PasswordHash: "$argon2id$old"}, cloister.User{PasswordHash: "$argon2id$new"}, `{"password_hash":["[secret]","[secret]"]}`},
		} {
			update(t, s, func(tx *store.Tx) error { return tx.Changed("x", "y", "z", "", c.before, c.after) })
			all := read(t, s, func(tx *store.Tx) ([]cloister.Event, error) { return tx.Events(cloister.EventFilter{}, 100) })
			same(t, string(all[len(all)-1].Changes), c.want)
		}
	})
}

package store_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestTheWrongKeyOpensNoConfigVars(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		if !p.shared() {
			return
		}
		x := seed(t, p.open(t))
		p.key = bytes.Repeat([]byte{1}, 32)
		s := p.open(t)
		err := s.View(t.Context(), func(tx *store.Tx) error { _, err := tx.App(x.app.ID); return err })
		if err == nil || !strings.Contains(err.Error(), "key file does not belong to this database") {
			t.Fatalf("got %v", err)
		}
		same(t, cloister.KindOf(err), cloister.Internal)
		// What is not secret can be read all the same.
		same(t, read(t, s, func(tx *store.Tx) (cloister.Space, error) { return tx.Space("cellar") }), x.space)
	})
}

func TestAKeyOfTheWrongLengthIsRefused(t *testing.T) {
	_, err := store.Open(t.Context(), store.Config{DSN: ":memory:", Key: []byte("short")})
	if err == nil || !strings.Contains(err.Error(), "sealing key") {
		t.Fatalf("got %v", err)
	}
}

const marker = "correct-horse-battery-staple"

func TestConfigVarsAreNotInTheFile(t *testing.T) {
	p := &place{dsn: filepath.Join(t.TempDir(), "cloister.db"), key: make([]byte, 32), clock: newClock()}
	s := p.open(t)
	x := seed(t, s)
	secrets := map[string]cloister.Secret{"MARKED_NAME": marker}
	update(t, s, func(tx *store.Tx) error {
		_, err := tx.AddRelease(x.app, cloister.Release{Config: secrets, Description: "visible description"}, "Private-S")
		return err
	})
	same(t, read(t, s, func(tx *store.Tx) (cloister.App, error) { return tx.App(x.app.ID) }).Config, secrets)

	files, err := filepath.Glob(p.dsn + "*") // with the write-ahead log
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	if !bytes.Contains(all, []byte("visible description")) {
		t.Fatal("the test does not read where the data is")
	}
	for _, secret := range []string{marker, "übergrün"} { // their names are in the audit trail
		if bytes.Contains(all, []byte(secret)) {
			t.Errorf("%q is in the database file", secret)
		}
	}
}

func TestTheSameConfigVarsAreNeverSealedAlike(t *testing.T) {
	p := &place{dsn: filepath.Join(t.TempDir(), "cloister.db"), key: make([]byte, 32), clock: newClock()}
	s := p.open(t)
	x := seed(t, s)
	update(t, s, func(tx *store.Tx) error { return tx.InsertApp(newApp(tx, "calm-gate", x.space)) })
	db, err := sql.Open("sqlite", p.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var distinct int
	if err := db.QueryRow(`SELECT COUNT(DISTINCT config) FROM apps`).Scan(&distinct); err != nil {
		t.Fatal(err)
	}
	same(t, distinct, 2)
}

func TestSealedConfigVarsThatWereChangedAreRefused(t *testing.T) {
	p := &place{dsn: filepath.Join(t.TempDir(), "cloister.db"), key: make([]byte, 32), clock: newClock()}
	s := p.open(t)
	x := seed(t, s)
	db, err := sql.Open("sqlite", p.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, forged := range [][]byte{{}, []byte("short"), bytes.Repeat([]byte{7}, 64)} {
		if _, err := db.Exec(`UPDATE apps SET config = ? WHERE id = ?`, forged, x.app.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.View(t.Context(), func(tx *store.Tx) error { _, err := tx.App(x.app.ID); return err }); err == nil {
			t.Errorf("%d forged bytes were taken for config vars", len(forged))
		}
	}
}

func TestAllSecretsAreSealedAnew(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		if !p.shared() {
			return
		}
		s := p.open(t)
		x := seed(t, s)
		secret := cloister.Secret("hush")
		d := cloister.Drain{ID: cloister.NewID(), AppID: x.app.ID, URL: "https://user:hush@logs.example.com/", Token: "d.1"}
		line := cloister.Pipeline{ID: cloister.NewID(), Name: "line", UserID: x.user.ID}
		update(t, s, func(tx *store.Tx) error {
			d.CreatedAt, d.UpdatedAt, line.CreatedAt, line.UpdatedAt = tx.Now, tx.Now, tx.Now, tx.Now
			if _, err := tx.AddRelease(x.app, cloister.Release{Config: map[string]cloister.Secret{"KEY": secret}}, "Private-S"); err != nil {
				return err
			}
			if err := tx.InsertDrain(d); err != nil {
				return err
			}
			if err := tx.InsertPipeline(line); err != nil {
				return err
			}
			return tx.PutPipelineConfig(line.ID, "review", map[string]cloister.Secret{"KEY": secret})
		})
		kept, err := s.Kept(t.Context(), "host key", []byte("first"))
		if err != nil {
			t.Fatal(err)
		}
		other := bytes.Repeat([]byte{7}, 32)
		if err := s.Reseal(t.Context(), []byte("short")); err == nil {
			t.Fatal("a key of the wrong length was taken")
		}
		if err := s.Reseal(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		if err := p.open(t).Fits(t.Context()); err == nil {
			t.Fatal("the old key still fits")
		}
		p.key = other
		s = p.open(t)
		if err := s.Fits(t.Context()); err != nil {
			t.Fatal(err)
		}
		same(t, read(t, s, func(tx *store.Tx) (cloister.App, error) { return tx.App(x.app.ID) }).Config["KEY"], secret)
		drains := read(t, s, func(tx *store.Tx) ([]cloister.Drain, error) { return tx.Drains(x.app.ID) })
		same(t, drains[0].URL, d.URL)
		same(t, read(t, s, func(tx *store.Tx) (map[string]cloister.Secret, error) { return tx.PipelineConfig(line.ID, "review") })["KEY"], secret)
		again, err := s.Kept(t.Context(), "host key", []byte("second"))
		if err != nil {
			t.Fatal(err)
		}
		same(t, again, kept)
		audit, err := s.Audit(t.Context()) // which has events from before and after
		if err != nil {
			t.Fatal(err)
		}
		same(t, audit.Broken, int64(0))
		update(t, s, func(tx *store.Tx) error { return tx.Event("app", x.app.ID, "restart", "after") })
		audit, err = s.Audit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same(t, audit.Broken, int64(0))
	})
}

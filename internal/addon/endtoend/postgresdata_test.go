package endtoend

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon/postgres"
	"github.com/cloister-dev/cloister/internal/engine"
)

func TestPostgresKeepsData(t *testing.T) {
	w := newWorld(t)
	image := w.image(postgres.Image)
	v := w.start(postgres.Kind{}, postgres.Image, "postgres-data", plan(256, false))
	w.client(image)
	v.ready(time.Minute)
	v.applied()
	v.postgres().run("CREATE TABLE pears AS SELECT n, md5(n::text) AS name, repeat(md5((n*7)::text), 20) AS text FROM generate_series(1, 20000) n",
		"ALTER TABLE pears ADD PRIMARY KEY (n)", "CREATE VIEW few AS SELECT * FROM pears WHERE n < 10", "CREATE EXTENSION citext",
		"CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n'")
	v.backups(t)
	v.pooled(t)
	v.forked(t)
	v.archived(t)
	v.killed(t)
	v.full(t)
}

// backups are taken, and restored after a reset; those that are broken change nothing.
func (v *service) backups(t *testing.T) {
	k := postgres.Kind{}
	const sum = "SELECT md5(string_agg(p::text, '' ORDER BY n)) FROM pears p"
	var before string
	if err := v.postgres().QueryRow(t.Context(), sum).Scan(&before); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := k.Backup(t.Context(), v.now(), v.exec, &archive); err != nil {
		t.Fatal(err)
	}
	t.Logf("a backup has %d bytes", archive.Len())
	old := v.postgres()
	if err := k.Reset(t.Context(), v.now(), v.exec); err != nil {
		t.Fatal(err)
	}
	old.fails("SELECT 1", "")
	c := v.postgres()
	c.fails("SELECT * FROM pears", "does not exist")
	for range 2 {
		if err := k.Restore(t.Context(), v.now(), v.exec, bytes.NewReader(archive.Bytes())); err != nil {
			t.Fatal(err)
		}
		c.is(sum, before)
	}
	c.is("SELECT twice(21)::text", "42")
	c.run("CREATE TABLE kept AS SELECT 1 AS n", "DELETE FROM pears WHERE n = 1")
	flipped := slices.Clone(archive.Bytes())
	for i := len(flipped) / 2; i < len(flipped)/2+64; i++ {
		flipped[i] ^= 0xff
	}
	for what, r := range map[string]io.Reader{
		"a text":              strings.NewReader("DROP TABLE pears;"),
		"nothing":             strings.NewReader(""),
		"half of an archive":  bytes.NewReader(archive.Bytes()[:archive.Len()/2]),
		"a damaged one":       bytes.NewReader(flipped),
		"a reader that fails": io.MultiReader(bytes.NewReader(archive.Bytes()[:1000]), broken{}),
	} {
		err := k.Restore(t.Context(), v.now(), v.exec, r)
		t.Logf("%s: %v", what, err)
		if err == nil {
			t.Errorf("%s was restored", what)
		}
	}
	c.is("SELECT count(*)::text FROM pears", "19999")
	c.is("SELECT count(*)::text FROM kept", "1")
	if said, err := v.exec.Output(t.Context(), "0", "", "/bin/sh", "-c", "ls -d /data/restore* || true"); err != nil || said != "" {
		t.Errorf("left of restoring: %q, %v", said, err)
	}
	var base bytes.Buffer
	if err := k.BaseBackup(t.Context(), v.now(), v.exec, &base); err != nil || !bytes.HasPrefix(base.Bytes(), []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		t.Errorf("a base backup of %d bytes: %v", base.Len(), err)
	}
	t.Logf("a base backup has %d bytes", base.Len())
	if err := k.StatsReset(t.Context(), v.now(), v.exec); err != nil {
		t.Error(err)
	}
	if n, err := k.Connections(t.Context(), v.now(), v.exec); err != nil || n[cloister.DefaultCredential] == 0 {
		t.Errorf("connections are %v, %v", n, err)
	}
	if err := k.KillAll(t.Context(), v.now(), v.exec); err != nil {
		t.Error(err)
	}
	c.fails("SELECT 1", "")
}

// broken is a reader of what cannot be read.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("it broke") }

// pooled clients share connections.
func (v *service) pooled(t *testing.T) {
	own := v.now().Credentials[0]
	address := postgres.URL(v.now(), own, postgres.PoolerPort).Reveal()
	for range 3 {
		c := v.postgresAt(address)
		c.is("SELECT current_user::text", own.User)
		c.run("CREATE TABLE pooled (n int)", "DROP TABLE pooled")
	}
	for _, change := range []func(*pgx.ConnConfig){func(c *pgx.ConnConfig) { c.Password = "wrong" }, func(c *pgx.ConnConfig) { c.TLSConfig = nil },
		func(c *pgx.ConnConfig) { c.User = "heroku" }, func(c *pgx.ConnConfig) { c.User = "pgbouncer" }, func(c *pgx.ConnConfig) { c.Database = "postgres" }} {
		config := v.parse(address)
		change(config)
		c, err := pgx.ConnectConfig(t.Context(), config)
		if err == nil {
			_, err = c.Exec(t.Context(), "SELECT 1")
			c.Close(t.Context())
		}
		if err == nil {
			t.Errorf("the pooler lets in %s of %s", config.User, config.Database)
		}
	}
}

// forked is another add-on, with the data of this one as they were at a moment in the past.
func (v *service) forked(t *testing.T) {
	k := postgres.Kind{Forks: true}
	c := v.postgres()
	c.run("CREATE TABLE moments (name text)", "GRANT SELECT ON moments TO PUBLIC")
	var base bytes.Buffer
	if err := k.BaseBackup(t.Context(), v.now(), v.exec, &base); err != nil {
		t.Fatal(err)
	}
	c.run("INSERT INTO moments VALUES ('before')")
	var at time.Time
	if err := c.QueryRow(t.Context(), "SELECT clock_timestamp()").Scan(&at); err != nil {
		t.Fatal(err)
	}
	c.run("INSERT INTO moments VALUES ('after')")
	last, err := k.Switch(t.Context(), v.now(), v.exec)
	if err != nil {
		t.Fatal(err)
	}
	f := v.start(k, postgres.Image, "postgres-fork", plan(256, false), map[string]string{"fork": v.spec.Addon.Name, "to": at.String()})
	v.until("the fork waits for its data", time.Minute, func() bool {
		_, err := f.exec.Output(t.Context(), "0", "", "/bin/true")
		return err == nil
	})
	begun := time.Now()
	if err := k.RecoverTo(t.Context(), f.exec, at); err == nil {
		t.Error("it is recovered from nothing")
	}
	if err := k.RecoverBase(t.Context(), f.exec, &base); err != nil {
		t.Fatal(err)
	}
	var pieces []postgres.Piece
	v.until("the log is archived", time.Minute, func() bool {
		pieces, err = k.Archived(t.Context(), v.now(), v.exec)
		return err == nil && slices.ContainsFunc(pieces, func(p postgres.Piece) bool { return p.Name == last })
	})
	for _, p := range pieces {
		var b bytes.Buffer
		if err := errors.Join(k.Fetch(t.Context(), v.exec, p, &b), k.RecoverPiece(t.Context(), f.exec, p.Name, &b)); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.RecoverTo(t.Context(), f.exec, at); err != nil {
		t.Fatal(err)
	}
	f.ready(time.Minute)
	f.applied()
	t.Logf("forked in %s", time.Since(begun).Round(time.Millisecond))
	fork := f.postgres()
	fork.is("SELECT string_agg(name, ' ') FROM moments", "before")
	fork.run("INSERT INTO moments VALUES ('later')", "ALTER TABLE moments ADD COLUMN n int")
	fork.is("SELECT count(*)::text FROM pears", "19999")
	c.is("SELECT count(*)::text FROM moments", "2")
	config := f.parse(f.config())
	old := v.parse(v.config())
	config.User, config.Password = old.User, old.Password
	if c, err := pgx.ConnectConfig(t.Context(), config); err == nil {
		c.Close(t.Context())
		t.Error("the password of the database that it was made of is good")
	}
}

// archived pieces of the log are fetched and forgotten.
func (v *service) archived(t *testing.T) {
	k := postgres.Kind{}
	v.postgres().run("CREATE TABLE logged AS SELECT generate_series(1, 1000) AS n")
	last, err := k.Switch(t.Context(), v.now(), v.exec)
	if err != nil {
		t.Fatal(err)
	}
	var pieces []postgres.Piece
	v.until("the piece is archived", time.Minute, func() bool {
		pieces, err = k.Archived(t.Context(), v.now(), v.exec)
		return err == nil && slices.ContainsFunc(pieces, func(p postgres.Piece) bool { return p.Name == last })
	})
	for _, p := range pieces {
		var b bytes.Buffer
		if err := k.Fetch(t.Context(), v.exec, p, &b); err != nil || int64(b.Len()) != p.Size {
			t.Errorf("piece %+v has %d bytes, %v", p, b.Len(), err)
		}
		for range 2 {
			if err := k.Forget(t.Context(), v.exec, p); err != nil {
				t.Error(err)
			}
		}
	}
	if pieces, err = k.Archived(t.Context(), v.now(), v.exec); err != nil || len(pieces) > 0 {
		t.Errorf("there are still %v, %v", pieces, err)
	}
}

// killed is the server, by SIGKILL, while rows are written: what was acknowledged is there.
func (v *service) killed(t *testing.T) {
	v.postgres().run("CREATE TABLE counted (n bigint PRIMARY KEY)")
	w := v.writeRows("counted")
	for range 3 {
		n := w.count()
		v.until("rows are written", time.Minute, func() bool { return w.count() > n+50 })
		run := v.instance("0").Workload
		v.exec(t.Context(), "0", engine.Process{Command: []string{"/bin/pkill", "-KILL", "-x", "postgres"}}, engine.Terminal{}) // it may end with it
		v.until("it runs again", time.Minute, func() bool { i := v.instance("0"); return i.Workload != run && i.Ready })
	}
	w.stop(t)
}

// full is the volume: it is said, and rows can be deleted.
func (v *service) full(t *testing.T) {
	c := v.postgres()
	c.run("CREATE TABLE much (n int, text text)")
	var err error
	for n := 0; err == nil && n < 2000; n++ {
		_, err = c.Exec(t.Context(), "INSERT INTO much SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 2000) n")
	}
	t.Logf("the end of the volume: %v", err)
	if err == nil {
		t.Fatal("there is no end to the volume")
	}
	v.until("it says that the volume is full", time.Minute, func() bool {
		for _, f := range v.kind.Info(t.Context(), v.now(), v.exec) {
			if f.Name == "Status" && strings.Contains(f.Values[0], "full") {
				return true
			}
		}
		return false
	})
	c = v.postgres()
	c.is("SELECT count(*)::text FROM logged", "1000")
	c.fails("INSERT INTO much VALUES (1, '')", "read-only transaction")
	v.kill("0")
	v.until("the instance is gone", time.Minute, func() bool { return v.instance("0").Workload == "" })
	v.letBack("0")
	v.ready(time.Minute)
	c = v.postgres()
	c.run("SET default_transaction_read_only = off", "TRUNCATE much")
	v.until("there is room again", time.Minute, func() bool {
		_, err := v.postgres().Exec(t.Context(), "INSERT INTO much VALUES (1, '')")
		return err == nil
	})
	v.postgres().is("SELECT count(*)::text FROM much", "1")
}

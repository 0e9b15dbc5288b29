package endtoend

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon/postgres"
)

func TestPostgresAlone(t *testing.T) {
	w := newWorld(t)
	image := w.image(postgres.Image)
	begun := time.Now()
	v := w.start(postgres.Kind{}, postgres.Image, "postgres-alone", plan(256, false))
	w.client(image)
	v.ready(time.Minute)
	t.Logf("ready after %s", time.Since(begun).Round(time.Millisecond))
	for range 2 {
		v.applied()
	}
	c := v.postgres()
	c.is("SELECT 1", "1")
	t.Logf("first query after %s", time.Since(begun).Round(time.Millisecond))
	c.is("SHOW ssl", "on")
	c.is("SELECT current_user = '"+v.spec.Credentials[0].User+"' AND session_user <> current_user", "t")
	c.is("SHOW server_version_num", "17")
	c.fails("SELECT pg_read_file('/data/tls/key.pem')", "permission denied")
	c.fails("COPY (SELECT 1) TO PROGRAM 'id'", "permission denied")
	c.fails("ALTER SYSTEM SET fsync = off", "permission denied")
	c.run("CREATE TABLE fruit (name text)", "INSERT INTO fruit VALUES ('apple')", "CREATE EXTENSION pgcrypto")
	v.strangers(t)
	v.credentials(t)

	v.kill("0")
	v.until("the instance is gone", time.Minute, func() bool { return v.instance("0").Workload == "" })
	v.letBack("0")
	t.Logf("killed, and ready again after %s", v.ready(time.Minute).Round(time.Millisecond))
	v.postgres().is("SELECT name FROM fruit", "apple")
	for _, f := range v.kind.Info(t.Context(), v.now(), v.exec) {
		t.Log(f.Name, f.Values)
	}

	c = v.postgres()
	for _, schema := range []string{"DROP SCHEMA public CASCADE", "CREATE SCHEMA public"} {
		c.run(schema)
		v.applied()
		if err := (postgres.Kind{}).StatsReset(t.Context(), v.now(), v.exec); err != nil {
			t.Errorf("after %s: %v", schema, err)
		}
	}
	c.is("SELECT count(*)::text FROM pg_stat_statements(false) WHERE false", "0")

	begun = time.Now()
	another := w.start(postgres.Kind{}, postgres.Image, "postgres-another", plan(256, false))
	another.ready(time.Minute)
	another.applied()
	another.postgres().is("SELECT 1", "1")
	t.Logf("another one answers after %s", time.Since(begun).Round(time.Millisecond))
}

// strangers are refused.
func (v *service) strangers(t *testing.T) {
	address := v.config()
	for _, test := range []struct {
		why    string
		change func(*pgx.ConnConfig)
		says   string
	}{
		{"a wrong password", func(c *pgx.ConnConfig) { c.Password = "wrong" }, "password authentication failed"},
		{"without TLS", func(c *pgx.ConnConfig) { c.TLSConfig = nil }, "no encryption"},
		{"the superuser", func(c *pgx.ConnConfig) { c.User = "heroku" }, "pg_hba.conf rejects"},
		{"a member of the cluster", func(c *pgx.ConnConfig) { c.User, c.Database = "pgautofailover_monitor", "postgres" }, "certificate"},
		{"another database", func(c *pgx.ConnConfig) { c.Database = "postgres" }, "permission denied for database"},
	} {
		config := v.parse(address)
		test.change(config)
		c, err := pgx.ConnectConfig(t.Context(), config)
		if err == nil {
			c.Close(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.why, err)
		}
	}
}

// credentials live: another one is made, let, rotated and taken away; and the default one is rotated.
func (v *service) credentials(t *testing.T) {
	analyst := cloister.Credential{AddonID: v.spec.Addon.ID, Name: "Analyst-1", User: "Analyst-1", Password: cloister.NewToken(), State: cloister.CredentialWaiting}
	v.change(func(all []cloister.Credential) []cloister.Credential {
		return append(all, analyst, cloister.Credential{Name: "postgres", User: "postgres", Password: cloister.NewToken()})
	})
	me, other := v.postgres(), v.postgresAs("credential:Analyst-1")
	other.fails("SELECT * FROM fruit", "permission denied")
	other.fails("CREATE TABLE mine (n int)", "permission denied")
	me.run(`GRANT SELECT ON fruit TO "Analyst-1"`, `GRANT CREATE ON SCHEMA public TO "Analyst-1"`)
	other.is("SELECT name FROM fruit", "apple")
	other.fails("DELETE FROM fruit", "permission denied")
	other.run("CREATE TABLE mine AS SELECT 7 AS n")
	v.postgresAs("credential:postgres").fails("SELECT pg_reload_conf()", "permission denied")

	before := v.addresses()
	rotate := func(all []cloister.Credential) []cloister.Credential {
		for i := range all {
			all[i].Old, all[i].Password, all[i].State = all[i].Password, cloister.NewToken(), cloister.CredentialRotating
		}
		return all
	}
	v.change(rotate)
	other.is("SELECT n FROM mine", "7")
	for namespace, old := range before {
		v.postgresAt(old).is("SELECT 1", "1") // both are good
		v.postgresAs(namespace).is("SELECT 1", "1")
	}
	v.postgresAs("credential:Analyst-1").is("SELECT n FROM mine", "7")
	me.run("CREATE TABLE during (n int)")
	v.change(func(all []cloister.Credential) []cloister.Credential {
		for i := range all {
			all[i].Old = ""
		}
		return all
	})
	me.fails("SELECT 1", "")
	other.fails("SELECT 1", "")
	for namespace, old := range before {
		if c, err := pgx.ConnectConfig(t.Context(), v.parse(old)); err == nil {
			c.Close(t.Context())
			t.Errorf("by the password before one comes in as %q", namespace)
		}
	}
	me = v.postgres()
	me.run("DROP TABLE during", "INSERT INTO fruit VALUES ('pear')", "DELETE FROM fruit WHERE name = 'pear'")

	v.change(func(all []cloister.Credential) []cloister.Credential {
		all[1].State = cloister.CredentialRevoking
		return all
	})
	if got := v.kind.Config(v.now()); len(got) != 2 {
		t.Errorf("a credential that is to go is in the config: %v", got)
	}
	v.change(func(all []cloister.Credential) []cloister.Credential { return append(all[:1:1], all[2:]...) })
	me.is("SELECT n FROM mine", "7") // it is the default one's now
	me.is(`SELECT count(*) FROM pg_roles WHERE rolname ILIKE 'analyst%'`, "0")
	me.run("DROP TABLE mine")
}

// change changes the credentials of a service and has that done, twice.
func (v *service) change(fn func([]cloister.Credential) []cloister.Credential) {
	v.Helper()
	v.mu.Lock()
	v.spec.Credentials = fn(append([]cloister.Credential(nil), v.spec.Credentials...))
	v.mu.Unlock()
	for range 2 {
		v.applied()
	}
}

func (v *service) applied() {
	v.Helper()
	if err := v.kind.Apply(v.Context(), v.now(), v.exec); err != nil {
		v.Fatal(err)
	}
}

// A postgresClient speaks with a database from a dyno.
type postgresClient struct {
	*testing.T
	*pgx.Conn
}

// addresses are what apps get, by namespace.
func (v *service) addresses() map[string]string {
	out := map[string]string{}
	for namespace, vars := range v.kind.Config(v.now()) {
		out[namespace] = vars["HEROKU_POSTGRESQL_URL"].Reveal()
	}
	return out
}

func (v *service) config() string { return v.addresses()[""] }

// parse makes a client of an address that comes from a dyno and checks the certificate.
func (v *service) parse(address string) *pgx.ConnConfig {
	v.Helper()
	c, err := pgx.ParseConfig(address)
	if err != nil {
		v.Fatal(err)
	}
	c.Fallbacks = nil
	c.ConnectTimeout = 5 * time.Second
	c.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	c.DialFunc = func(ctx context.Context, _, address string) (net.Conn, error) {
		return v.dyno.Dial(context.WithoutCancel(ctx), "", address)
	}
	c.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	c.TLSConfig = &tls.Config{ServerName: v.spec.Addon.LocalName(), RootCAs: pool(v, v.spec.Addon.Secrets["authority"])}
	return c
}

func (v *service) postgres() *postgresClient { v.Helper(); return v.postgresAs("") }

func (v *service) postgresAs(namespace string) *postgresClient {
	v.Helper()
	return v.postgresAt(v.addresses()[namespace])
}

func (v *service) postgresAt(address string) *postgresClient {
	v.Helper()
	var c *pgx.Conn
	var err error
	v.until("a client comes in", 20*time.Second, func() bool {
		c, err = pgx.ConnectConfig(v.Context(), v.parse(address))
		if err != nil && !strings.Contains(err.Error(), "no such host") {
			at, _ := url.Parse(address)
			v.Logf("%s: %v", at.Redacted(), err)
		}
		return err == nil
	})
	v.Cleanup(func() { c.Close(context.Background()) })
	return &postgresClient{v.T, c}
}

// is wants the first column of the first row to begin with that.
func (c *postgresClient) is(query, want string) {
	c.Helper()
	var got string
	if err := c.QueryRow(c.Context(), query).Scan(&got); err != nil {
		c.Errorf("%s: %v", query, err)
	}
	if !strings.HasPrefix(got, want) {
		c.Errorf("%s: %q, and not %q", query, got, want)
	}
}

func (c *postgresClient) run(statements ...string) {
	c.Helper()
	for _, s := range statements {
		if _, err := c.Exec(c.Context(), s); err != nil {
			c.Fatalf("%s: %v", s, err)
		}
	}
}

func (c *postgresClient) fails(statement, says string) {
	c.Helper()
	if _, err := c.Exec(c.Context(), statement); err == nil || !strings.Contains(err.Error(), says) {
		c.Errorf("%s: %v", statement, err)
	}
}

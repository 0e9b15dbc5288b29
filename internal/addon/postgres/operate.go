package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// run runs SQL in the database at the instance that takes writes.
func (k Kind) run(ctx context.Context, s addon.Spec, x addon.Exec, sql, where string) (string, error) {
	slot, err := k.primary(ctx, s, x)
	if err != nil {
		return "", err
	}
	return x.Output(ctx, slot, sql, "/cloister/bin/sql", where)
}

// Reset makes the database an empty one. Credentials stay; what they were allowed to do with what was in it went with that. If
// it fails it may have been half done: repeat it.
func (k Kind) Reset(ctx context.Context, s addon.Spec, x addon.Exec) error {
	if _, err := k.run(ctx, s, x, fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE);\n", name(database(s))), "postgres"); err != nil {
		return err
	}
	return k.Apply(ctx, s, x)
}

// KillAll ends all connections to the database.
func (k Kind) KillAll(ctx context.Context, s addon.Spec, x addon.Exec) error {
	_, err := k.run(ctx, s, x, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();\n", database(s))
	return err
}

// StatsReset sets all counters to nothing.
func (k Kind) StatsReset(ctx context.Context, s addon.Spec, x addon.Exec) error {
	_, err := k.run(ctx, s, x, "SELECT pg_stat_reset();\nSELECT format('SELECT %I.pg_stat_statements_reset()', nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'pg_stat_statements' \\gexec\n", database(s))
	return err
}

// Connections counts the clients that there are now, by the name of their credential.
func (k Kind) Connections(ctx context.Context, s addon.Spec, x addon.Exec) (map[string]int, error) {
	said, err := k.run(ctx, s, x, "SELECT usename || ':' || count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename IS NOT NULL GROUP BY usename;\n", database(s))
	if err != nil {
		return nil, err
	}
	by := facts(said)
	out := map[string]int{}
	for _, c := range s.Credentials {
		for _, password := range []cloister.Secret{c.Password, c.Old} {
			n, _ := strconv.Atoi(by[login(c, password)]) // 0 where there are none
			out[c.Name] += n
		}
	}
	return out, nil
}

// Deeds are what can be done.
func (k Kind) Deeds() map[string]addon.Deed {
	return map[string]addon.Deed{"reset": k.Reset, "connection_reset": k.KillAll, "stats_reset": k.StatsReset}
}

// Port is where clients come to.
func (Kind) Port() int { return Port }

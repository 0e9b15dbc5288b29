package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// infoSQL asks a database what pg:info prints of it.
const infoSQL = `
	SELECT 'size:' || pg_database_size(current_database());
	SELECT 'tables:' || count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema';
	SELECT 'version:' || split_part(current_setting('server_version'), ' ', 1);
	SELECT 'connections:' || count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
	SELECT 'standbys:' || count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name LIKE 'pgautofailover%';
	SELECT 'archived:' || coalesce(extract(epoch FROM last_archived_time)::bigint::text, '') FROM pg_stat_archiver;
	SELECT 'full:' || current_setting('default_transaction_read_only') FROM pg_file_settings WHERE sourcefile = '/data/full.conf';
`

// Info is what pg:info prints of a database, in its order. Where no instance answers it is what is known without.
func (k Kind) Info(ctx context.Context, s addon.Spec, x addon.Exec) []addon.Fact {
	slot, err := k.primary(ctx, s, x)
	if err != nil {
		return k.info(s, nil)
	}
	said, err := x.Output(ctx, slot, infoSQL, "/cloister/bin/sql", database(s))
	if err != nil {
		return k.info(s, nil)
	}
	return k.info(s, facts(said))
}

func (k Kind) info(s addon.Spec, f map[string]string) (out []addon.Fact) {
	add := func(name string, value string, args ...any) {
		out = append(out, addon.Fact{Name: name, Values: []string{fmt.Sprintf(value, args...)}})
	}
	shape := s.Plan.Shape
	add("Plan", "%s", s.Plan.HumanName)
	switch {
	case f["full"] != "":
		add("Status", "Read-only, since the volume is full")
	case f != nil:
		add("Status", "Available")
	case s.Addon.State == cloister.Provisioned:
		add("Status", "Unavailable")
	default:
		add("Status", "Preparing")
	}
	if shape.Standby {
		add("HA Status", "%s", map[bool]string{true: "Available", false: "Temporarily Unavailable"}[f["standbys"] == "1"])
	} else {
		add("HA Status", "Unavailable")
	}
	if f == nil {
		add("PG Version", Version)
	} else {
		size, _ := strconv.ParseInt(f["size"], 10, 64) // a number, since the server says it
		add("Data Size", "%s / %s (%.2f%%)", bytes(size), bytes(shape.Disk), 100*float64(size)/float64(max(shape.Disk, 1)))
		add("Tables", "%s", f["tables"])
		add("PG Version", "%s", f["version"])
		add("Connections", "%s/%d", f["connections"], limit(shape))
	}
	add("Connection Pooling", "Available")
	add("Credentials", "%d", len(s.Credentials))
	if k.Forks {
		add("Fork/Follow", "Fork alone")
	} else {
		add("Fork/Follow", "Unsupported")
	}
	add("Created", "%s", s.Addon.CreatedAt.UTC().Format("2006-01-02 15:04 UTC"))
	add("Region", "%s", s.Addon.Region)
	add("Data Encryption", "In transit, by TLS; on disk it is the operator's")
	switch {
	case f["archived"] != "":
		add("Continuous Protection", "On")
	default:
		add("Continuous Protection", "Off, as nothing was archived yet")
	}
	add("Maintenance", "not required")
	return out
}

// bytes writes a size as pg:info does.
func bytes(n int64) string {
	switch {
	case n < 1<<30:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n < 1<<40:
		return fmt.Sprintf("%.4g GB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.4g TB", float64(n)/(1<<40))
}

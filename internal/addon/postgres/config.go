package postgres

import (
	"fmt"

	"github.com/cloister-dev/cloister"
)

// limit is how many clients there may be at once.
func limit(shape cloister.Shape) int {
	if shape.Connections > 0 {
		return shape.Connections
	}
	return 500
}

// slots is max_connections. It is the same for all plans that have no more than Heroku's, since a standby must not have fewer
// than its primary had; what a plan allows is a limit of the database. Those who look after it need some too.
func slots(shape cloister.Shape) int {
	if n := limit(shape); n > 500 {
		return n + 20
	}
	return 520
}

// pool is how many connections the pooler makes.
func pool(shape cloister.Shape) int { return max(1, limit(shape)*3/4) }

// ballast is how many bytes of a volume are kept free.
func ballast(shape cloister.Shape) int64 { return between(48<<20, shape.Disk/20, 1<<30) }

// config are the lines of postgresql.conf that come from a plan.
func config(shape cloister.Shape) []string {
	memory, disk := shape.Memory, shape.Disk
	workers := max(2, shape.CPU/1000)
	bytes := func(name string, n int64) string { return fmt.Sprintf("%s = %dkB", name, n>>10) }
	megabytes := func(name string, n int64) string { return fmt.Sprintf("%s = %dMB", name, n>>20) }
	return []string{
		fmt.Sprintf("max_connections = %d", slots(shape)),
		"superuser_reserved_connections = 10",
		"max_locks_per_transaction = 128", // a restore is one transaction, and there is one for each table
		bytes("shared_buffers", memory/4),
		bytes("effective_cache_size", memory*3/4),
		bytes("work_mem", between(1<<20, memory/4/int64(limit(shape)), 256<<20)),
		bytes("maintenance_work_mem", between(16<<20, memory/16, 1<<30)),
		megabytes("max_wal_size", between(64<<20, disk/8, 8<<30)),
		megabytes("min_wal_size", between(32<<20, disk/64, 1<<30)),
		megabytes("max_slot_wal_keep_size", disk/8), // of a standby that is away: it gets a copy of everything then
		fmt.Sprintf("max_worker_processes = %d", workers+8),
		fmt.Sprintf("max_parallel_workers = %d", workers),
		fmt.Sprintf("max_parallel_workers_per_gather = %d", max(1, workers/2)),
		"shared_preload_libraries = 'pg_stat_statements,auto_explain'",
		"archive_mode = always", // a standby has what its primary had no time to archive
	}
}

// monitorConfig is for a server with little to do.
func monitorConfig() []string {
	return []string{
		"max_connections = 50",
		"shared_buffers = 24MB",
		"max_wal_size = 64MB",
		"min_wal_size = 32MB",
		"archive_mode = off",
		"log_min_messages = warning",
		"log_checkpoints = off",
		"shared_preload_libraries = 'pgautofailover'",
		// How soon a failure is one: milliseconds, and how many times in a row.
		"pgautofailover.health_check_period = 1000",
		"pgautofailover.health_check_timeout = 2000",
		"pgautofailover.health_check_max_retries = 2",
		"pgautofailover.health_check_retry_delay = 500",
		"pgautofailover.node_considered_unhealthy_timeout = 4000",
		"pgautofailover.primary_demote_timeout = 2000",
		"pgautofailover.startup_grace_period = 5000",
	}
}

func between(least, n, most int64) int64 { return min(max(least, n), most) }

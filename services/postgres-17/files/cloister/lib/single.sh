# One instance alone.
serve() {
	recovered
	[ -e "$PGDATA/PG_VERSION" ] || create
	include
	exec postgres
}

stop() { [ ! -e "$PGDATA/postmaster.pid" ] || kill -INT "$(head -n 1 "$PGDATA/postmaster.pid")" 2>/dev/null || :; }

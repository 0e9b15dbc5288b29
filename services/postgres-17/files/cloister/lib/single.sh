# One instance alone. A directory that initdb did not finish is made anew.
serve() {
	if [ ! -e "$PGDATA/PG_VERSION" ]; then
		rm -rf "$PGDATA" "$PGDATA.new"
		initialize "$PGDATA.new"
		echo "include '/data/postgres.conf'" >>"$PGDATA.new/postgresql.conf"
		mv "$PGDATA.new" "$PGDATA"
		sync -f /data
	fi
	exec postgres
}

initialize() {
	initdb --pgdata="$1" --username=postgres --auth=peer --encoding=UTF8 --data-checksums --sync-method=syncfs \
		--locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US >/tmp/initdb.log || { cat /tmp/initdb.log >&2 && exit 1; }
}

stop() { [ ! -e "$PGDATA/postmaster.pid" ] || kill -INT "$(head -n 1 "$PGDATA/postmaster.pid")" 2>/dev/null || :; }

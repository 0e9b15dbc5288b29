# What `look` prints is what these have seen last: asking takes a moment, and somebody looks all the time.

# observe asks a server the same again and again, by one connection, and keeps the answer in a file, with when that was. The
# server of this instance may be told to stop when its clients are gone, so this one goes.
observe() {
	local file=$1 query=$2 line="" answer=""
	shift 2
	trap '' PIPE
	while :; do
		coproc asked { exec psql -XqAt "$@" 2>/dev/null; }
		local in=${asked[0]:-} out=${asked[1]:-} pid=${asked_PID:-} # which are not there if it has ended
		if [ -z "$pid" ]; then
			sleep 0.2
			continue
		fi
		while ! stopping && printf '%s;\n\\echo .\n' "$query" >&"$out"; do
			answer=""
			while read -r -t 3 line <&"$in" && [ "$line" != . ]; do answer+=$line$'\n'; done
			[ "$line" = . ] && [ -n "$answer" ] || break
			printf '%(%s)T\n%s' -1 "$answer" >"$file"
			sleep 0.4
		done 2>/dev/null
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
		sleep 0.2
	done
}

# stopping looks at what a server says of itself in its file.
stopping() {
	local state
	{ mapfile -t state <"$PGDATA/postmaster.pid"; } 2>/dev/null && [[ "${state[7]:-}" = stopping* ]]
}

observe_server() {
	observe /tmp/seen.server "SELECT 'recovery:' || pg_is_in_recovery() UNION ALL SELECT 'readonly:' || current_setting('default_transaction_read_only')
		UNION ALL SELECT 'following:' || count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'" -d postgres
}

# observe_monitor asks the monitor what it holds of this instance, or if this is the monitor how many instances it knows.
observe_monitor() {
	if [ "$SLOT" = monitor ]; then
		observe /tmp/seen.monitor "SELECT 'monitor:' || count(*) FROM pgautofailover.node" -d pg_auto_failover -U autoctl_node
	else
		observe /tmp/seen.monitor "SELECT 'goal:' || goalstate FROM pgautofailover.node WHERE nodename = '$SLOT'" "$monitor"
	fi
}

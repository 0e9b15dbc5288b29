# One of two instances, or the monitor of them. pg_autoctl runs the server and does what the monitor says, which is only once
# there are names: they lead to addresses that are others in each run.
export PGSSLMODE=verify-full PGSSLROOTCERT=$authority PGSSLCERT=$certificate PGSSLKEY=$key
options=(--pgdata "$PGDATA" --pgport 5432 --hostname "$SLOT.$NAME" --skip-pg-hba
	--ssl-mode verify-full --ssl-ca-file $authority --server-cert $certificate --server-key $key)

serve() {
	until getent hosts "$SLOT.$NAME" >/dev/null; do sleep 0.1; done
	if [ "$SLOT" = monitor ]; then
		[ -e /data/joined ] || found
	else
		joined || join
		until ask 'SELECT 1' >/dev/null; do sleep 0.2; done
	fi
	exec pg_autoctl run --pgdata "$PGDATA"
}

# joined knows whether pg_autoctl has finished what join began.
state=$XDG_DATA_HOME/pg_autoctl$PGDATA
joined() { [ -e "$state/pg_autoctl.state" ] && [ ! -e "$state/pg_autoctl.init" ]; }

# ask asks the monitor.
ask() { psql -XqAt "$monitor" -c "$1" 2>/dev/null; }

# found makes the monitor. One that was half made knows nobody, so it is made anew.
found() {
	rm -rf "$PGDATA" /data/autoctl
	create
	include
	pg_autoctl create monitor "${options[@]}" >&2
	touch /data/joined
}

# join makes this instance one that the monitor knows. The first one to come is instance 0, with the data that it has, or
# with an empty database; whoever comes later gets a copy.
join() {
	local others="" made=""
	if [ "$SLOT" = 0 ] && [ -z "${RECOVER:-}" ] && [ ! -e "$PGDATA/PG_VERSION" ]; then
		create & # while the monitor is not there yet
		made=$!
	fi
	until ask 'SELECT 1' >/dev/null; do sleep 0.2; done
	if [ ! -e "$state/pg_autoctl.state" ]; then # one that the monitor knows by this name has lost its volume
		ask "SELECT pgautofailover.remove_node(nodehost, nodeport, true) FROM pgautofailover.node WHERE nodename = '$SLOT'" >/dev/null || :
	fi
	while :; do
		others=$(ask "SELECT count(*), count(*) FILTER (WHERE reportedstate IN ('single', 'wait_primary', 'primary', 'join_primary')) > 0 FROM pgautofailover.node WHERE nodename <> '$SLOT'") || others=""
		case "$SLOT $others" in
		"0 0|f")
			recovered
			[ -z "$made" ] || wait "$made"
			include
			break
			;;
		*"|t")
			[ -z "$made" ] || wait "$made"
			[ -z "$made" ] || rm -rf "$PGDATA"
			break
			;;
		esac
		sleep 0.2
	done
	exec pg_autoctl create postgres "${options[@]}" --name "$SLOT" --pghost /tmp --dbname postgres --monitor "$monitor" --run
}

# pg_autoctl keeps what a server says for itself, so servers write to a pipe.
mkdir -p /tmp/log
mkfifo /tmp/log/postgres
cat >>/data/postgres.conf <<-end
	logging_collector = on
	log_directory = '/tmp/log'
	log_filename = 'postgres'
	log_rotation_age = 0
	log_rotation_size = 0
end
relay() { trap '' TERM INT && exec cat <>/tmp/log/postgres >&2; }
relay &

# hasten keeps a copy of the other instance from waiting minutes for a checkpoint there that takes its time.
hasten() {
	local other="host=$((1 - SLOT)).$NAME dbname=postgres user=pgautofailover_replicator"
	while sleep 1; do
		pgrep -x pg_basebackup >/dev/null || continue
		psql -XqAt "$other" <<<"SELECT 'CHECKPOINT' FROM pg_stat_progress_basebackup WHERE phase LIKE 'waiting for checkpoint%' LIMIT 1 \\gexec" >/dev/null 2>&1 || :
	done
}

stop() { [ ! -e /tmp/stopping ] && touch /tmp/stopping && pkill -INT -x pg_autoctl 2>/dev/null || :; }

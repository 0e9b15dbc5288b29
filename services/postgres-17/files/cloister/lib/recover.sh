# With RECOVER an instance that has no data waits for those of another one, and goes to where it is told. Only then it is as
# any other: a server that has stopped well. What is not there until the end is waited for in vain, and that is said.
recovered() {
	[ -n "${RECOVER:-}" ] && [ ! -e "$PGDATA/PG_VERSION" ] || return 0
	local work=/data/recovery
	until [ -e $work/to ]; do sleep 0.2; done
	rm -f $work/base/postgresql.auto.conf $work/base/standby.signal $work/base/postgresql-auto-failover*.conf
	touch $work/base/recovery.signal
	sed -i '/^include .*postgresql-auto-failover/d' $work/base/postgresql.conf
	cat >$work/base/postgresql.auto.conf <<-end
		restore_command = 'zstd -dcq $work/wal/%f.zst >%p'
		recovery_target_time = '$(cat $work/to)'
		recovery_target_action = promote
	end
	chmod 700 $work/base
	PGDATA=$work/base
	local over="-c listen_addresses= -c archive_mode=off -c synchronous_standby_names="
	pg_ctl start --no-wait --options="$over" >&2
	until [ "$(psql -XqAt -d postgres -c 'SELECT pg_is_in_recovery()' 2>/dev/null)" = f ]; do
		sleep 0.2
		if ! pg_ctl status >/dev/null; then
			say "The database could not be brought to where it was to be. Is a piece of the log missing?"
			exit 1
		fi
	done
	pg_ctl stop --wait --mode=fast >/dev/null
	: >$work/base/postgresql.auto.conf
	PGDATA=/data/postgres
	mv $work/base "$PGDATA"
	sync -f /data
	rm -rf $work
	say "The database is as it was then."
}

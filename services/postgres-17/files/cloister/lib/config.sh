# Writes the configuration of this instance, which is the same whether it is the primary or not.
cat >/data/hba.conf <<-end
	local   all              all                                      peer map=inside
	local   replication      all                                      peer map=inside
	hostssl all              heroku                         all       reject
	hostssl all              pgautofailover_monitor         all       cert map=cluster
	hostssl pg_auto_failover autoctl_node                   all       cert map=cluster
	hostssl all              pgautofailover_replicator      all       cert map=cluster
	hostssl replication      pgautofailover_replicator      all       cert map=cluster
	hostssl all              all                            all       scram-sha-256
end
cat >/data/ident.conf <<-end
	inside  heroku           all
	cluster $MEMBER pgautofailover_monitor
	cluster $MEMBER autoctl_node
	cluster $MEMBER pgautofailover_replicator
end
printf '%s\n' "$SETTINGS" >/data/settings.conf
cat >/data/postgres.conf <<-end
	listen_addresses = '*'
	port = 5432
	unix_socket_directories = '/tmp'
	hba_file = '/data/hba.conf'
	ident_file = '/data/ident.conf'
	password_encryption = 'scram-sha-256'
	ssl = on
	ssl_ca_file = '$authority'
	ssl_cert_file = '$certificate'
	ssl_key_file = '$key'
	dynamic_shared_memory_type = sysv
	tcp_keepalives_idle = 60
	tcp_keepalives_interval = 10
	tcp_keepalives_count = 6
	wal_level = replica
	wal_log_hints = on
	archive_timeout = 60
	archive_command = '/cloister/bin/archive %p %f'
	log_destination = stderr
	logging_collector = off
	log_line_prefix = '[DATABASE] [%p-%l] sql_error_code = %e '
	log_timezone = UTC
	timezone = UTC
	jit = off
	$CONFIG
	include '/data/settings.conf'
	include '/data/full.conf'
end

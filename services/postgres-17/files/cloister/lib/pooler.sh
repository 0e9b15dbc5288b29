# PgBouncer: many clients share a few connections, each for a transaction at a time. Who a client is it asks the database, and
# goes there by the socket, as that user.
pooler() {
	cat >/tmp/pgbouncer.ini <<-end
		[databases]
		$DATABASE = host=/tmp port=5432
		postgres = host=/tmp port=5432 pool_size=2
		[pgbouncer]
		listen_addr = 0.0.0.0
		listen_port = 6432
		unix_socket_dir =
		auth_type = scram-sha-256
		auth_user = pgbouncer
		auth_dbname = postgres
		auth_query = SELECT usename, passwd FROM public.pooled(\$1)
		client_tls_sslmode = require
		client_tls_cert_file = $certificate
		client_tls_key_file = $key
		client_tls_protocols = secure
		pool_mode = transaction
		default_pool_size = $POOL
		max_client_conn = 5000
		ignore_startup_parameters = extra_float_digits
		log_connections = 0
		log_disconnections = 0
		log_stats = 0
	end
	until pg_isready -q; do sleep 0.2; done
	exec pgbouncer -q /tmp/pgbouncer.ini
}

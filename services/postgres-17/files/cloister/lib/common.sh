# What all commands here know. Everything is the user heroku's: the server runs as it, and so do those who look after it,
# who come by the socket in /tmp, as the superuser heroku, without a password.
set -euo pipefail
umask 077
export PATH=/cloister/bin:/usr/lib/postgresql/17/bin:/usr/sbin:$PATH
export PGDATA=/data/postgres PGHOST=/tmp PGPORT=5432 PGUSER=heroku PGDATABASE=postgres PGCONNECT_TIMEOUT=5

# What pg_autoctl keeps of its own.
export XDG_CONFIG_HOME=/data/autoctl/config XDG_DATA_HOME=/data/autoctl/share XDG_RUNTIME_DIR=/tmp
authority=/data/tls/authority.pem certificate=/data/tls/certificate.pem key=/data/tls/key.pem
monitor="postgres://autoctl_node@monitor.$NAME:5432/pg_auto_failover?sslmode=verify-full&sslrootcert=$authority&sslcert=$certificate&sslkey=$key"

say() { printf '[DATABASE] %s\n' "$*" >&2; }

# free prints the bytes that are free on the volume.
free() { echo $(($(stat -f -c '%a * %S' /data))); }

#!/bin/sh
# Runs a command with a PostgreSQL of its own: test/postgres.sh go test ./internal/store/...
# The cluster lives in a temporary directory and listens on a unix socket in it, nowhere else. CLOISTER_TEST_PG is its
# DSN. The cluster stops and its data goes away when the command ends, however it ends.
set -eu

fail() { printf '%s\n' "$*" >&2; exit 1; }

[ $# -gt 0 ] || fail "usage: test/postgres.sh COMMAND [ARGUMENT...]"

# The newest installed version; Debian keeps each in a directory of its own.
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb || true)")
[ -x "$bin/initdb" ] || fail "PostgreSQL is missing. Install it: scripts/install.sh postgres"

# PostgreSQL refuses to run as root.
as=""
if [ "$(id -u)" = 0 ]; then
  user=postgres
  id "$user" >/dev/null 2>&1 || user=nobody
  as="setpriv --reuid=$user --regid=$(id -g $user) --clear-groups env HOME=/"
fi

dir=$(mktemp -d)
stop() {
  [ ! -e "$dir/data/postmaster.pid" ] || (cd "$dir" && $as "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1) || true
  rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

chmod 755 "$dir"
[ -z "$as" ] || chown "$user" "$dir"

# Nothing here must survive, so nothing waits for the disk.
(
  cd "$dir"
  $as "$bin/initdb" -D "$dir/data" -U cloister --auth=trust --encoding=UTF8 --locale=C --no-sync >"$dir/init.log" 2>&1
) || { cat "$dir/init.log" >&2; fail "The PostgreSQL cluster could not be made."; }
(
  cd "$dir"
  $as "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 \
    -o "-c listen_addresses='' -c unix_socket_directories='$dir' -c fsync=off -c synchronous_commit=off -c full_page_writes=off" \
    start >/dev/null
) || { cat "$dir/server.log" >&2; fail "PostgreSQL did not start."; }

export CLOISTER_TEST_PG="postgres:///postgres?host=$dir&user=cloister"
status=0
"$@" || status=$?
exit $status

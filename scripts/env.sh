# What the scripts share: how to become root, where the server keeps its things, and short words for it.
# CLOISTER_STATE, CLOISTER_RUN and the other CLOISTER_* variables are the server's own (see docs/operations.md).

cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"
export CLOISTER_STATE="${CLOISTER_STATE:-/var/lib/cloister}"
export CLOISTER_RUN="${CLOISTER_RUN:-/run/cloister}"
log="$CLOISTER_STATE/server.log"
cloister="$PWD/bin/cloister"

if [ "$(id -u)" = 0 ]; then root=""; else root="sudo -E"; fi

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }
running() { $root "$cloister" server --running >/dev/null 2>&1; }

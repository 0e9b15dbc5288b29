#!/bin/sh
# Compares Cloister's router with nginx, HAProxy and Caddy. Flags are those of main.go: run.sh -n 1 -rows 'HTTP/2;Handshakes'
set -eu
cd "$(dirname "$0")"
PATH="$PATH:/usr/sbin"
for tool in nginx haproxy caddy h2load; do
	command -v $tool >/dev/null || { echo "bench/router needs $tool" >&2; exit 1; }
done
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/cloister" ./cloister
go build -o "$bin/bench" .
"$bin/bench" -cloister "$bin/cloister" "$@"

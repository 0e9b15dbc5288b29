#!/bin/sh
# Compares Cloister's router with nginx, HAProxy and Caddy. Flags are those of main.go: run.sh -d 10 -path /64k
set -eu
cd "$(dirname "$0")"
for tool in nginx haproxy caddy wrk; do
	command -v $tool >/dev/null || { echo "bench/router needs $tool" >&2; exit 1; }
done
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/cloister" ./cloister
go build -o "$bin/bench" .
"$bin/bench" -cloister "$bin/cloister" "$@"

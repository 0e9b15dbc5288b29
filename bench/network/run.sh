#!/bin/sh
# Measures the network of spaces beside a plain Linux bridge, in a network namespace of its own. Flags are those of
# main.go: run.sh -d 3 -n 5 -spaces 100
set -eu
cd "$(dirname "$0")"
for tool in containerd runc nft ip; do
	command -v $tool >/dev/null || { echo "bench/network needs $tool" >&2; exit 1; }
done
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
CGO_ENABLED=0 go build -o "$bin/network" .
unshare --net --mount --propagation slave sh -c 'mkdir -p /run/netns && mount -t tmpfs none /run/netns && exec "$0" "$@"' "$bin/network" "$@"

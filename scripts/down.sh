#!/bin/sh
# `make down`: stops everything and leaves the data.
set -eu
. "$(dirname "$0")/env.sh"
[ -x "$cloister" ] || exit 0
$root "$cloister" server --down

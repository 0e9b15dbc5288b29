#!/bin/sh
# `make clean`: removes what `make up` made, data included, after `make down`.
set -eu
. "$(dirname "$0")/env.sh"
case "$CLOISTER_STATE" in /|/var|/var/lib|/home|/root|"") fail "CLOISTER_STATE=$CLOISTER_STATE is not a directory of Cloister's own" ;; esac
$root rm -rf "$CLOISTER_STATE" "$CLOISTER_RUN"
[ ! -x "$cloister" ] || "$cloister" logout >/dev/null 2>&1 || true
rm -rf bin tmp

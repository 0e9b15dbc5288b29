#!/bin/sh
# `make clean`: removes what `make up` made, data included, after `make down`.
set -eu
. "$(dirname "$0")/env.sh"
case "$CLOISTER_STATE" in /|/var|/var/lib|/home|/root|"") fail "CLOISTER_STATE=$CLOISTER_STATE is not a directory of Cloister's own" ;; esac
$root rm -rf "$CLOISTER_STATE" "$CLOISTER_RUN"
# The login that `make up` kept, if it is for this server.
config="${CLOISTER_CONFIG:-${XDG_CONFIG_HOME:-$HOME/.config}/cloister/config.json}"
if grep -q "http://${CLOISTER_LISTEN:-127.0.0.1:5100}\"" "$config" 2>/dev/null; then
  rm -f "$config" "${config%/*}/ca.pem" "${config%/*}/ca-bundle.pem" "${config%/*}/node-ca.pem"
fi
rm -rf bin tmp

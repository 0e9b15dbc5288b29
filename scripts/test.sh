#!/usr/bin/env bash
# `make test`: everything that this machine can test. Installs what the tests need, and says at the end what was skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install.sh go
if [ "$(id -u)" = 0 ]; then
  scripts/install.sh server test postgres
else
  echo "Not root: what needs containers, networks or a database server of its own is skipped."
fi
if command -v npm >/dev/null; then
  { [ -x test/conformance/node_modules/.bin/heroku ] && [ -d test/conformance/node_modules/oidc-provider ]; } || npm install --prefix test/conformance --no-package-lock --no-audit --no-fund --loglevel=error
else
  echo "No npm: the official heroku CLI cannot be installed, and its scripts are skipped."
fi

log=$(mktemp)
simulation=
trap '[ -z "$simulation" ] || kill -- "-$simulation" || true; rm -f "$log" "$log.beside"' EXIT
failed=0
show() { tee -a "$log" | grep -vE '^(=== (RUN|PAUSE|CONT|NAME)|PASS$)|^\s*--- PASS'; }
run() {
  echo "== $*"
  local began=$SECONDS
  set +e
  "$@" 2>&1 | show
  [ "${PIPESTATUS[0]}" = 0 ] || failed=1
  set -e
  echo "== that took $((SECONDS - began)) s, since the start $SECONDS s"
}

run make --no-print-directory lint

# What takes the machine for itself (containers, whole servers, which share addresses) runs alone; the rest runs beside each other.
# Builds keep the processors busy, what comes after them mostly waits: the simulation, and then the fuzzers, take what that
# leaves, and end before it does.
packages=$(go list ./...)
builds='/internal/build'
alone='/internal/engine/local$|/internal/addon/endtoend$|/test/'
beside='/internal/simulation$'
run go test -v -count=1 $(grep -vE "$builds|$alone|$beside" <<<"$packages")
run go test -v -count=1 -p 1 -timeout 40m $(grep -E "$builds" <<<"$packages")
setsid nice -n 19 bash -c '
  echo 19 >/proc/self/autogroup # where sessions share the processors evenly, each counts its own niceness only
  go test -v -count=1 -timeout 80m "$@"
  simulated=$?
  scripts/fuzz.sh 30s
  exit $((simulated | $?))' beside $(grep -E "$beside" <<<"$packages") >"$log.beside" 2>&1 &
simulation=$!
run go test -v -count=1 -p 1 -timeout 40m $(grep -E "$alone" <<<"$packages")
if [ "$(id -u)" = 0 ]; then
  run test/postgres.sh go test -v -count=1 ./internal/store/...
fi
wait "$simulation" || failed=1
simulation=
echo "== what ran beside has ended, since the start $SECONDS s"
echo "== what ran beside: the simulation and the fuzzers"
show <"$log.beside" || true

echo
echo "Slowest:"
sed -nE 's/^ *--- (PASS|FAIL): (.*) \(([0-9.]+)s\)$/\3 \2/p' "$log" | sort -rn | awk 'NR <= 30 { print "  " $0 }'

passed=$(grep -cE '^\s*--- PASS' "$log" || true)
failures=$(grep -cE '^\s*--- FAIL|^FAIL\s.*\[(build|setup) failed\]' "$log" || true)
skipped=$(grep -cE '^\s*--- SKIP' "$log" || true)
if [ "$skipped" -gt 0 ]; then
  echo
  echo "Skipped:"
  grep -A3 -E '^\s*--- SKIP' "$log" | grep -vE '^--$|^\s*--- PASS|^=== ' | sed 's/^/  /'
fi
if [ "$failures" -gt 0 ]; then
  echo
  echo "Failed:"
  grep -B12 -A8 -E '^\s*--- FAIL|^\s*FAIL: |^FAIL\s.*\[(build|setup) failed\]' "$log" | grep -vE '^\s*(--- (PASS|SKIP)|=== )' | cut -c1-300 | sed 's/^/  /'
fi
echo
echo "$passed passed, $failures failed, $skipped skipped"
[ "$failed" = 0 ]

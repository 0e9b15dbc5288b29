#!/usr/bin/env bash
# scripts/fuzz.sh [TIME [PACKAGE...]]: runs every fuzz target for TIME (30s) and says how much it tried. An input that a
# target fails on is kept in testdata/fuzz beside it, from where every later test run tries it again.
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:-30s}
shift || true
[ $# -gt 0 ] || set -- $(grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' . | xargs -n1 dirname | sort -u)

failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for package; do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz'); do
    # A worker that is told to end in the middle of a try is taken for a failure by go test, which then names no input.
    if go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 50x "$package" >"$out" 2>&1 ||
      { grep -q 'context deadline exceeded' "$out" && ! grep -q 'Failing input' "$out"; }; then
      echo "fuzzed $package $target: $(grep -oE 'execs: [0-9]+' "$out" | tail -1), $(grep -oE 'new interesting: [0-9]+' "$out" | tail -1)"
    else
      cat "$out"
      failed=1
    fi
  done
done
exit $failed

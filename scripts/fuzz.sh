#!/usr/bin/env bash
# scripts/fuzz.sh [TIME [PACKAGE...]]: runs every fuzz target for TIME (30s), as many at once as there are processors, and says how
# much it tried. An input that a target fails on is kept in testdata/fuzz beside it, from where every later test run tries it again.
set -euo pipefail
cd "$(dirname "$0")/.."

export FUZZ_TIME=${1:-30s}
shift || true
[ $# -gt 0 ] || set -- $(grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' . | xargs -n1 dirname | sort -u)

fuzz() {
  out=$(mktemp)
  trap 'rm -f "$out"' EXIT
  # A worker that is told to end in the middle of a try is taken for a failure by go test, which then names no input.
  if go test -run '^$' -fuzz "^$2\$" -fuzztime "$FUZZ_TIME" -fuzzminimizetime 50x -parallel 1 "$1" >"$out" 2>&1 ||
    { grep -q 'context deadline exceeded' "$out" && ! grep -q 'Failing input' "$out"; }; then
    echo "fuzzed $1 $2: $(grep -oE 'execs: [0-9]+' "$out" | tail -1), $(grep -oE 'new interesting: [0-9]+' "$out" | tail -1)"
  else
    cat "$out"
    return 1
  fi
}
export -f fuzz

for package; do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz'); do
    echo "$package $target"
  done
done | xargs -P "$(nproc)" -n 2 bash -c 'fuzz "$@"' fuzz

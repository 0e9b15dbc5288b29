#!/bin/sh
# Makes the picture of the README: the page of a space in the dashboard, as the browser's tests see it.
set -eu
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
CLOISTER_SCREENSHOTS=$dir go test -count=1 -run TestPagesKeepNobodyOut ./test/browser
cp "$dir/space-light-1280.png" docs/dashboard.png

#!/bin/sh
# `make bench`: speed and memory. Everything that is compared is measured in this one run.
set -eu
cd "$(dirname "$0")/.."
scripts/install.sh server bench
echo "== The router beside nginx, HAProxy and Caddy"
bench/router/run.sh
echo "== 10 000 names with certificates: what one takes, and how long until one has changed"
go test -run '^$' -bench Certificates -benchtime 10x ./internal/router
echo "== The network of spaces beside a plain bridge"
bench/network/run.sh
echo "== A whole server: what people wait for, and what it takes when idle"
go test -run '^$' -bench . -benchtime 20x -timeout 40m ./test/live
echo "== Reads of 10 000 apps by 1 000 people, on SQLite and PostgreSQL; the check alone; a flood of wrong tokens"
scripts/install.sh postgres
test/postgres.sh go test -run '^$' -bench . -timeout 20m ./internal/api
go test -run '^$' -bench Can ./internal/platform
echo "== Pages of the dashboard, with 100 apps and 1 000 dynos"
go test -run '^$' -bench Pages ./internal/web
echo "== Simulation: 10 000 apps, 50 000 dynos"
go test -run '^$' -bench . -benchtime 1x -timeout 40m ./internal/simulation
echo "== Logs"
go test -run '^$' -bench . ./internal/logs

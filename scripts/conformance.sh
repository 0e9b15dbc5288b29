#!/bin/sh
# `make conformance`: the official heroku CLI against a server of its own, which is gone afterwards.
set -eu
cd "$(dirname "$0")/.."
scripts/install.sh server
{ [ -x test/conformance/node_modules/.bin/heroku ] && [ -d test/conformance/node_modules/oidc-provider ]; } || npm install --prefix test/conformance --no-package-lock --no-audit --no-fund --loglevel=error
exec go test -v -count=1 -timeout 30m ./test/conformance

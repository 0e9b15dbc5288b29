#!/bin/sh
# `make up`: from nothing to an app that answers. Each step does nothing when it is done already.
set -eu
. "$(dirname "$0")/env.sh"

scripts/install.sh server

if ! running; then
  $root mkdir -p "$CLOISTER_STATE" "$CLOISTER_RUN"
  printf 'Starting Cloister... '
  $root sh -c 'exec setsid "$1" server >>"$2" 2>&1 </dev/null &' - "$cloister" "$log"
  $root "$cloister" server --wait 60s || fail "failed. See $log"
  say done
fi

# The stack that apps run on; the first time takes a minute or two.
$root "$cloister" stacks:ensure debian-12

# A login for this user, kept where the CLI looks for it.
"$cloister" whoami >/dev/null 2>&1 || $root "$cloister" server --login | "$cloister" login --from-stdin

space=first-space app=hello
"$cloister" spaces:info "$space" >/dev/null 2>&1 || "$cloister" spaces:create "$space" --team "${CLOISTER_ADMIN_TEAM:-my-team}"
"$cloister" spaces:wait "$space" >/dev/null
"$cloister" info --app "$app" >/dev/null 2>&1 || "$cloister" create "$app" --space "$space" --no-remote
if ! "$cloister" ps --app "$app" | grep -q '^web\.1'; then
  scripts/push.sh examples/go "$app"
fi
"$cloister" ps:wait --app "$app"

url=$("$cloister" info --app "$app" --json | sed -n 's/.*"web_url": *"\([^"]*\)".*/\1/p' | head -n 1)
curl -fsS --retry 5 --retry-connrefused --retry-delay 1 -o /dev/null "$url" || fail "The app at $url does not answer. See \`bin/cloister logs --app $app\` and $log"
cat <<TEXT

The sample app runs in the private space $space:

    $url

To go on with the official heroku CLI, git and Terraform:

    eval "\$(bin/cloister env)"
    heroku spaces:info $space
    heroku apps:info $app

First steps: docs/first-steps.md. Stop with \`make down\`; the data stays.
TEXT

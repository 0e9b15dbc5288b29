#!/bin/sh
# push.sh DIRECTORY APP: deploys the source in a directory by `git push`, from a repository made for the occasion.
set -eu
. "$(dirname "$0")/env.sh"
source=$PWD/$1 app=$2

repo=$(mktemp -d)
trap 'rm -rf "$repo"' EXIT
cp -R "$source/." "$repo"
cd "$repo"
git init -q -b main
git add -A
git -c user.name=Cloister -c user.email=cloister@localhost commit -qm "The sample app"
"$cloister" git:remote --app "$app" >/dev/null
eval "$("$cloister" env)"
git -c credential.helper= -c credential.helper="!\"$cloister\" git:credentials" push heroku main

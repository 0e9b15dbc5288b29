#!/bin/bash
# Runs inside the sandbox of a build, as the app's user: one step of the build a call. What is printed is read by the
# person who pushed; what a step finds out is told by its exit status, and by its output where its comment says so.
set -euo pipefail
umask 022
shopt -s nullglob dotglob

say() { echo " !     $*" >&2; }

# unpack DIR: a tar from standard input. The server has looked at every entry of it.
unpack() {
	mkdir -p "$1"
	tar --extract --file=- --directory="$1" --no-same-owner --delay-directory-restore
}

# flatten DIR: an archive of a repository has all files below one directory; they move up.
flatten() {
	local entries=("$1"/*)
	if [ ${#entries[@]} -eq 1 ] && [ -d "${entries[0]}" ] && [ ! -L "${entries[0]}" ]; then
		mv "${entries[0]}" "$1.top"
		rmdir "$1"
		mv "$1.top" "$1"
	fi
}

# submodule DIR PATH URL COMMIT
submodule() {
	local to="$1/$2" url="$3" commit="$4"
	mkdir -p "$to"
	git -C "$to" init --quiet
	git -C "$to" remote add origin "$url"
	# Not every server gives out a commit by its name; then the whole history must do.
	git -C "$to" fetch --quiet --depth 1 origin "$commit" 2>/dev/null || git -C "$to" fetch --quiet origin
	git -C "$to" checkout --quiet --detach "$commit"
	git -C "$to" submodule --quiet update --init --recursive
	find "$to" -name .git -prune -exec rm -rf {} +
}

# fetch DIR URL: a buildpack, from a git repository (with #branch, #tag or #commit) or a tarball.
fetch() {
	local to="$1" url="$2" ref=""
	case "$url" in
	*.tgz | *.tar.gz | *.tgz\?* | *.tar.gz\?*)
		mkdir -p "$to"
		curl --fail --silent --show-error --location --proto '=http,https' --retry 3 --max-time 300 -- "$url" |
			tar --extract --gzip --file=- --directory="$to" --no-same-owner
		[ -d "$to/bin" ] || flatten "$to"
		;;
	*)
		case "$url" in *#*) ref="${url##*#}" url="${url%#*}" ;; esac
		if [ -z "$ref" ]; then
			git clone --quiet --depth 1 --recurse-submodules --shallow-submodules -- "$url" "$to"
		elif ! git clone --quiet --depth 1 --recurse-submodules --shallow-submodules --branch "$ref" -- "$url" "$to" 2>/dev/null; then
			rm -rf "$to"
			git clone --quiet --no-checkout -- "$url" "$to"
			git -C "$to" checkout --quiet --detach "$ref" --
			git -C "$to" submodule --quiet update --init --recursive
		fi
		;;
	esac
	if [ ! -f "$to/bin/detect" ] || [ ! -f "$to/bin/compile" ]; then
		say "There is no buildpack at $url: bin/detect or bin/compile is missing."
		return 1
	fi
	chmod +x "$to"/bin/*
}

# tidy DIR: what git and .slugignore leave out of a slug. Patterns are git's, so git itself matches them.
tidy() {
	rm -rf "$1/.git"
	[ -f "$1/.slugignore" ] || return 0
	local index
	index=$(mktemp -d)
	git --git-dir="$index" --work-tree="$1" init --quiet
	grep -v '^!' "$1/.slugignore" >"$index/patterns" || true
	(
		cd "$1"
		git --git-dir="$index" --work-tree=. ls-files --others --ignored --directory -z --exclude-from="$index/patterns" |
			xargs -0 --no-run-if-empty rm -rf --
	)
	rm -rf "$index"
}

# cache DIR LIMIT: makes the app's cache, and empties it when it is four fifths full, before a build stumbles over it.
cache() {
	if [ -d "$1" ] && [ "$(du --summarize --bytes "$1" | cut -f 1)" -gt $(($2 / 5 * 4)) ]; then
		echo "-----> The build cache is nearly full, and is emptied"
		chmod -R u+w "$1" 2>/dev/null || true
		rm -rf "$1"
	fi
	mkdir -p "$1"
}

# detect BUILDPACK DIR: standard output is the buildpack's name for the app.
detect() { cd "$2" && exec "$1/bin/detect" "$2"; }

# compile DIR CACHE ENV BUILDPACK [EARLIER BUILDPACK...]: earlier ones may have left an export script.
compile() {
	local dir="$1" cache="$2" env="$3" buildpack="$4" earlier
	shift 4
	set +eu
	for earlier in "$@"; do
		if [ -f "$earlier/export" ]; then . "$earlier/export"; fi
	done
	cd "$dir" && exec "$buildpack/bin/compile" "$dir" "$cache" "$env"
}

# release BUILDPACK DIR: standard output is YAML.
release() {
	[ -x "$1/bin/release" ] || return 0
	cd "$2" && exec "$1/bin/release" "$2"
}

# show FILE: standard output is its content, if it is there.
show() { [ ! -f "$1" ] || head -c 100000 -- "$1"; }

# pack DIR: standard output is a tar of it.
pack() { exec tar --create --file=- --directory="$1" --sort=name --numeric-owner --format=pax --warning=no-file-ignored .; }

"$@"

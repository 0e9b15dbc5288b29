#!/bin/sh
# Installs the Debian packages that are missing for a purpose: server (default), test, bench, postgres. Does nothing,
# quickly, when nothing is missing. "go" only checks that a Go toolchain is there.
set -eu

fail() { printf '%s\n' "$*" >&2; exit 1; }

need=""
want() { # want COMMAND PACKAGE
  PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || need="$need $2"
}

for purpose in "${@:-server}"; do
  case "$purpose" in
  go)
    command -v go >/dev/null 2>&1 || fail "Go is missing. Install Go 1.26 or newer and run this again."
    ;;
  server)
    want containerd containerd; want runc runc; want nft nftables; want ip iproute2; want git git
    want mmdebstrap mmdebstrap; want mkfs.ext4 e2fsprogs; want nsenter util-linux; want curl curl; want tar tar
    [ -e /etc/ssl/certs/ca-certificates.crt ] || need="$need ca-certificates"
    ;;
  test)
    want conntrack conntrack; want tcpdump tcpdump; want script bsdutils; want busybox busybox-static
    want rsyslogd rsyslog; want rsyslogd rsyslog-openssl; want mvn maven; want chromium chromium
    ;;
  postgres)
    [ -d /usr/lib/postgresql ] || need="$need postgresql"
    ;;
  bench)
    want h2load nghttp2-client; want nginx nginx-light; want haproxy haproxy; want caddy caddy
    ;;
  *) fail "install.sh: there is no purpose $purpose" ;;
  esac
done

[ -n "$need" ] || exit 0
command -v apt-get >/dev/null 2>&1 || fail "These packages are missing, and this is no Debian or Ubuntu, so install them yourself:$need"
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
echo "Installing$need..."
# Keep packages from starting services of their own: Cloister starts what it needs.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
  $sudo chmod 755 $policy
  made=yes
fi
log=$(mktemp)
trap '[ -z "$made" ] || $sudo rm -f $policy; rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $need; } >"$log" 2>&1; then
  cat "$log" >&2
  fail "The packages could not be installed."
fi

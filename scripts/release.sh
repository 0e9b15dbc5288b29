#!/bin/sh
# `make release`: binaries with checksums in dist. The server is in the Linux ones; the others are the CLI.
set -eu
cd "$(dirname "$0")/.."
rm -rf dist
mkdir dist
for target in linux/amd64 linux/arm64 darwin/arm64 darwin/amd64 windows/amd64; do
  os=${target%/*} arch=${target#*/} suffix=""
  [ "$os" = windows ] && suffix=.exe
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o "dist/cloister-$os-$arch$suffix" ./cmd/cloister
done
cd dist && sha256sum cloister-* > SHA256SUMS && cat SHA256SUMS

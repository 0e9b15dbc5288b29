# Cloister: private spaces that you own. The targets a newcomer needs are up, down, clean and test.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
SUDO    := $(shell [ "$$(id -u)" = 0 ] || echo sudo -E env "PATH=$$PATH")

.PHONY: up down clean test build dev test-pg conformance bench lint release

up: build               ## install what is missing, start Cloister, deploy the sample app, print its URL
	@scripts/up.sh

down:                   ## stop everything, keep the data
	@scripts/down.sh

clean: down             ## remove everything, data included
	@scripts/clean.sh

test:                   ## all tests that this machine can run
	@scripts/test.sh

build:                  ## bin/cloister
	@scripts/install.sh go
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/cloister ./cmd/cloister

dev: build              ## the API alone, on the fake engine, without root, data in ./tmp
	@mkdir -p tmp/dev
	bin/cloister server --engine fake --state $(CURDIR)/tmp/dev --run $(CURDIR)/tmp/dev/run

test-pg:                ## the store's tests on PostgreSQL
	@scripts/install.sh postgres
	@test/postgres.sh $(GO) test -count=1 ./internal/store/...

conformance: build      ## the official heroku CLI against a server of its own
	@scripts/conformance.sh

bench: build            ## speed and memory, as ratios in one run
	@scripts/bench.sh

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	@$(GO) vet ./...
	@GOOS=darwin $(GO) vet ./cmd/cloister
	@GOOS=windows $(GO) vet ./cmd/cloister

release: lint           ## binaries for Linux, and the CLI for macOS and Windows, with checksums
	@VERSION=$(VERSION) scripts/release.sh

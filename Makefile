# Five words: run, test, bench, fuzz, build. `make` alone builds.
#
#   make run     build, then hold a demonstration call on this machine: no key, no Redis, no trunk, no root
#   make test    install the real peers when absent (Debian, root), then run every test with the race detector
#   make bench   the media path and the rest, allocations reported
#   make fuzz    each fuzz target for FUZZTIME (default 30s)

GO       ?= go
FUZZTIME ?= 30s
BIN      := bin/trunkline

# The programs the tests call. Each line: program, Debian package.
PEERS := redis-server:redis-server sipp:sip-tester baresip:baresip-core gcc:gcc python3:python3 npm:npm chromium:chromium
# What else they need: file, Debian package. The two of speech hold recordings of people.
FILES := /usr/include/stdio.h:libc6-dev \
         /usr/share/asterisk/sounds/en_US_f_Allison:asterisk-core-sounds-en-wav \
         /usr/share/pocketsphinx/test:pocketsphinx-testdata

.PHONY: build run test peers bench fuzz fmt vet

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/trunkline

run: build
	$(BIN) demo $(ARGS)

test: peers vet
	$(GO) test -race -timeout 20m ./...
	$(GO) test -timeout 20m -run '^TestInterleavings$$' ./agent   # all 100,000 seeds: the race detector plays 2,000
	$(GO) test -timeout 20m -v -run '^TestSoak$$' -soak 5m .   # 6,000 calls, 300 at once: the race detector holds 10

vet:
	@test -z "$$(gofmt -l .)" || { echo "not gofmted:"; gofmt -l .; exit 1; }
	$(GO) vet ./...

peers:
	@missing=""; \
	for p in $(PEERS); do command -v $${p%%:*} >/dev/null 2>&1 || missing="$$missing $${p##*:}"; done; \
	for p in $(FILES); do [ -e $${p%%:*} ] || missing="$$missing $${p##*:}"; done; \
	if [ -n "$$missing" ]; then \
		echo "installing for the tests:$$missing"; \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing || exit 1; \
	fi; \
	cmp -s testdata/npm/package-lock.json testdata/npm/node_modules/.of || { \
		echo "installing for the tests: testdata/npm"; \
		(cd testdata/npm && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) && \
		cp testdata/npm/package-lock.json testdata/npm/node_modules/.of; }

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz:
	@set -e; for dir in $$($(GO) list -f '{{.Dir}}' ./...); do \
		for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go 2>/dev/null | sed 's/^func //'); do \
			echo "== $$f in $$dir"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$dir; \
		done; done

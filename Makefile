# `make help` lists what there is.

VERSION    ?= 0.1.0
REVISION   := $(shell git rev-parse HEAD 2>/dev/null)
BRANCH     := $(shell git rev-parse --abbrev-ref HEAD 2>/dev/null)
# The commit's date, so that building a commit twice gives the same bytes.
BUILD_DATE := $(shell git log -1 --format=%cd --date=format:%Y%m%d-%H:%M:%S 2>/dev/null)

INFO    := github.com/prometheus/common/version
LDFLAGS := -s -w \
	-X $(INFO).Version=$(VERSION) -X $(INFO).Revision=$(REVISION) \
	-X $(INFO).Branch=$(BRANCH) -X $(INFO).BuildDate=$(BUILD_DATE)

# Packages tested at a time, and how long one may take. The suites that run the
# real binary measure time, so they run after the others and one by one.
TEST_P       ?= 2
TEST_TIMEOUT ?= 25m
BENCH_ARGS   ?=

# The tests of the whole program measure time: they run after the others, and
# one package after the other.
WHOLE := -e /cmd/tocsin/acceptance -e /cmd/tocsin/e2e -e /cmd/tocsin/chaos -e /cmd/tocsin/machines

# How many seeds of the simulation make sim runs and how many make test, and how
# many run at a time. The binary is one in which a seed repeats to the letter.
SIM_RUNS      ?= 10000
SIM_TEST_RUNS ?= 300
SIM_PROCS     ?= $(shell nproc)
SIM            = go run ./cmd/tocsin/sim/build -o bin/sim.test && bin/sim.test -test.timeout 90m -sim.procs=$(SIM_PROCS)

# make chaos: the file that gets the table, which scenarios (a regular
# expression), on what, and how many at a time.
CHAOS_OUT      ?= bin/chaos.md
CHAOS_RUN      ?= .
CHAOS_SYSTEM   ?= tocsin,alertmanager
CHAOS_PARALLEL ?= 10

# make soak: how long each half of it takes.
SOAK ?= 10m

.DEFAULT_GOAL := help
.PHONY: run build packages test sim chaos soak bench microbench lint cover clean help

run: build ## Run three nodes on this machine, with something to try (Ctrl-C stops them)
	./bin/tocsin dev

build: ## Build bin/tocsin: static, without debug information
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/tocsin ./cmd/tocsin

packages: build ## Build bin/tocsin_*.deb and bin/tocsin-*.rpm for this kind of machine
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 0) \
	go run -ldflags '$(LDFLAGS)' ./cmd/tocsin/install/pack -binary bin/tocsin -version $(VERSION) -out bin

test: build ## Run all tests with the race detector; as root on Debian, install what they need
	./testdata/setup.sh
	go mod download
	go mod download -modfile=cmd/tocsin/install/pack/nfpm.mod
	go vet ./...
	@failed=; set -x; \
	./testdata/isolate.sh go test -race -p $(TEST_P) -timeout $(TEST_TIMEOUT) $$(go list ./... | grep -v $(WHOLE)) || failed=1; \
	TOCSIN_BINARY=$(CURDIR)/bin/tocsin ./testdata/isolate.sh go test -race -p 1 -timeout $(TEST_TIMEOUT) $$(go list ./... | grep $(WHOLE)) || failed=1; \
	{ $(SIM) -sim.runs=$(SIM_TEST_RUNS) -test.run 'TestRepeats|TestSimulation'; } || failed=1; \
	[ -z "$$failed" ]

sim: ## Run 10,000 seeds of the simulation of whole nodes, and the mutants that it must catch (half an hour)
	$(SIM) -sim.runs=$(SIM_RUNS) -test.run 'TestRepeats|TestSimulation|TestMutants'

chaos: build ## Break three nodes in every way, beside Alertmanager, and print what was told (as root, half an hour)
	./testdata/setup.sh
	TOCSIN_BINARY=$(CURDIR)/bin/tocsin ./testdata/isolate.sh go test -count=1 -timeout 60m ./cmd/tocsin/chaos -run TestChaos -v -args \
		-chaos.run '$(CHAOS_RUN)' -chaos.system $(CHAOS_SYSTEM) -chaos.parallel $(CHAOS_PARALLEL) -chaos.out $(abspath $(CHAOS_OUT))

soak: build ## Random faults for twice SOAK (10m): simulated clusters, then real ones (as root)
	./testdata/setup.sh
	TOCSIN_BINARY=$(CURDIR)/bin/tocsin ./testdata/soak.sh $(SOAK)

bench: build ## Load the program and measure, beside Alertmanager if it is installed (ten minutes)
	go run ./cmd/bench -bin ./bin/tocsin

lint: ## Check formatting, vet and staticcheck
	@unformatted="$$(go tool gofumpt -l cmd cluster dispatcher fsm httpapi store)"; \
	if [ -n "$$unformatted" ]; then echo "not formatted with gofumpt:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

cover: ## Measure test coverage, into bin/cover.html
	@mkdir -p bin
	go test -p $(TEST_P) -timeout $(TEST_TIMEOUT) -coverpkg=./... -coverprofile=bin/cover.out ./...
	go tool cover -func=bin/cover.out | tail -n 1
	go tool cover -html=bin/cover.out -o bin/cover.html

clean: ## Remove what was built
	rm -rf bin

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

# Packages tested at a time, and how long one may take.
TEST_P       ?= 2
TEST_TIMEOUT ?= 12m

.DEFAULT_GOAL := help
.PHONY: run build test bench lint cover clean help

run: build ## Run three nodes on this machine, with something to try (Ctrl-C stops them)
	./bin/tocsin dev

build: ## Build bin/tocsin: static, without debug information
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/tocsin ./cmd/tocsin

test: build ## Run all tests with the race detector; as root on Debian, install what they need
	./testdata/setup.sh
	go mod download
	go vet ./...
	./testdata/isolate.sh go test -race -p $(TEST_P) -timeout $(TEST_TIMEOUT) ./...

bench: ## Run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

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
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

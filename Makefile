# What a person needs: make demo, make test. The rest is for working on it.
# Go, make and git are all that has to be installed.

SHELL := /bin/sh
.DEFAULT_GOAL := build
.PHONY: build demo test test-unit test-sandbox test-e2e race lint bench sandbox sandbox-down picture clean

VERSION ?= $(shell git describe --tags --dirty 2>/dev/null || echo v0.0.0-dev)
BIN := $(CURDIR)/bin
# No C compiler is needed for anything but the race detector.
export CGO_ENABLED = 0

# What the program depends on is compiled without inlining: a tenth less to
# download, and no slower, because what takes time inlines little. The standard
# library and the program's own packages are compiled as usual.
SIZE := -gcflags=all=-l -gcflags=std= -gcflags=./...=

build: ## the plugin, in bin/
	@echo "building the plugin" >&2
	@go build -trimpath $(SIZE) -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN)/kubectl-istio_cni ./cmd/kubectl-istio_cni

demo: build $(BIN)/sandbox ## the whole how-to, in both directions, on a real cluster on this machine
	hack/demo.sh

test: test-unit test-sandbox test-e2e ## everything

test-unit: ## rules, goldens, clients
	go test ./...

test-sandbox: $(BIN)/sandbox ## the sandbox itself
	$(BIN)/sandbox build
	go -C hack/sandbox test $$(go -C hack/sandbox list ./... | grep -v /e2e)
	go -C hack/bench test ./...

# They build the plugin themselves, which go does not see, so none of their results
# is kept. One of them is in a real terminal, which takes tmux.
test-e2e: $(BIN)/sandbox ## the plugin on the sandbox
	$(BIN)/sandbox build
	@command -v tmux >/dev/null || echo "NOT RUN: TestTroubleshoot, because tmux is not installed" >&2
	go -C hack/sandbox test -count=1 -timeout 40m -parallel 2 $$(command -v tmux >/dev/null || echo "-skip ^TestTroubleshoot") ./e2e/...

race: ## the unit tests under the race detector, which takes a C compiler
	CGO_ENABLED=1 go test -race ./...

lint: $(BIN)/golangci-lint ## formatting and static analysis
	$(BIN)/golangci-lint run ./...
	cd hack/sandbox && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...
	cd hack/bench && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...

# BENCH is for flags, such as BENCH='--pods 2000 --runs 3'; they are in hack/bench/README.md.
bench: build ## measures reading a large cluster; writes docs/benchmarks.md
	go -C hack/bench run . --out $(CURDIR)/docs/benchmarks.md --shape --ways $(BENCH)

sandbox: $(BIN)/sandbox build ## a cluster to try things on; prints what a shell has to export
	@$(BIN)/sandbox up

sandbox-down: $(BIN)/sandbox ## ends what make sandbox started
	@$(BIN)/sandbox down

.PHONY: $(BIN)/sandbox
$(BIN)/sandbox:
	@echo "building the sandbox" >&2
	@go -C hack/sandbox build -trimpath -o $(BIN)/sandbox .

$(BIN)/golangci-lint: hack/tools/go.mod
	@echo "building the linter" >&2
	@go -C hack/tools build -trimpath -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

picture: build $(BIN)/sandbox ## draws the README's picture anew from a real run
	hack/picture.sh

clean:
	rm -rf $(BIN)

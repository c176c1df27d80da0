# `make help` lists the targets. Everything that is downloaded or built once (tools, the systems of test/bed) goes to
# connectd-bed in the user's cache folder.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help build test check-setup vet lint fmt test-unit test-integration test-faults test-chaos test-takeover test-cdc golden bench bench-cluster demo docs clean

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
RACE_TIMEOUT ?= 10m
BENCH ?= .
BENCHTIME ?= 0.5s

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: check-setup ## the binary, bin/connectd, static
	CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/connectd ./cmd/connectd

test: ## everything: vet, lint, unit tests with -race, integration tests against the real systems
	@tools/phase 'set-up' $(MAKE) --no-print-directory check-setup
	@tools/phase 'vet' $(MAKE) --no-print-directory vet
	@tools/phase 'lint' $(MAKE) --no-print-directory lint
	@tools/phase 'unit tests' $(MAKE) --no-print-directory test-unit
	@tools/phase 'integration' $(MAKE) --no-print-directory test-integration

check-setup: # Go as go.mod asks for
	@tools/need go >/dev/null

vet: check-setup ## go vet, with and without the integration tests
	go vet ./...
	go vet -tags integration ./...
	go vet -tags bench ./bench
	go vet -tags integration,takeover ./test/takeover

lint: check-setup ## golangci-lint, pinned in tools/go.mod
	@lint=$$(tools/need golangci-lint) && "$$lint" run --build-tags integration,bench ./...

fmt: check-setup ## gofmt and what the linter can mend by itself
	@lint=$$(tools/need golangci-lint) && "$$lint" fmt && "$$lint" run --build-tags integration,bench --fix ./...

test-unit: check-setup ## unit tests with the race detector; they need no other system
	@tools/need cc >/dev/null
	go test -race -timeout $(RACE_TIMEOUT) ./...

test-integration: check-setup ## integration tests; starts Kafka, MySQL, Elasticsearch and HDFS, and stops them again
	@tools/integration

test-faults: check-setup ## three workers and a broker are killed, frozen, cut off; FAULTS_ROUNDS=20, FAULTS_SEED repeats a run, FAULTS_ONLY=regexp
	FAULTS_ROUNDS=$${FAULTS_ROUNDS:-20} go test -tags integration -count=1 -v -timeout 30m ./test/faults

test-chaos: check-setup ## 200,000 changes while connectd is killed, MySQL restarts and fails over; needs Kafka of test/bed; CHAOS_CHANGES, CHAOS_SEED repeats a run, CDC_SERVER=mariadb
	CHAOS_CHANGES=$${CHAOS_CHANGES:-200000} go test -tags integration -count=1 -v -timeout 30m ./test/chaos

test-takeover: check-setup ## Java Connect → connectd → Java in the middle of snapshots, XA and large transactions; needs Kafka and MySQL of test/bed; TAKEOVER_VARIANTS=all: MariaDB too
	go test -tags integration,takeover -count=1 -v -timeout 30m ./test/takeover

test-cdc: check-setup ## the integration tests of connectors/mysql/cdc on both servers; needs MySQL and MariaDB of test/bed; CDC_SERVER=mysql or mariadb: one
	for server in $${CDC_SERVER:-mysql mariadb}; do CDC_SERVER=$$server go test -tags integration -count=1 -timeout 10m ./connectors/mysql/cdc; done

golden: check-setup ## the MySQL and MariaDB connectors in all modes against Debezium's records; needs Kafka, MySQL and MariaDB of test/bed (test/golden/capture records anew)
	GOLDEN_SERVER=$${GOLDEN_SERVER:-mysql,mysql-zones,mysql-hard,mysql-images,mariadb} go test -tags integration -count=1 -v -timeout 15m ./test/golden

bench: check-setup ## benchmarks: ns, bytes and allocations a record; BENCH=regexp chooses, BENCHTIME=0.5s each
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem -p 1 -timeout 5m $$(grep -rl --include='*_test.go' --exclude='*integration*' '^func Benchmark' . | xargs dirname | sort -u)

pgo: check-setup ## cmd/connectd/default.pgo, which the compiler optimises by, out of a run of bench-peers without the peers
	@profiles=$$(mktemp -d); trap 'rm -rf "$$profiles"' EXIT; \
	CONNECTD_CPUPROFILE=$$profiles BENCH_PEER=0 BENCH_ROUNDS=1 BENCH='^(snapshot|binlog|binlog-mixed|smts|file|elasticsearch|hdfs)' tools/bench-peers; \
	go tool pprof -proto "$$profiles"/*.pprof >cmd/connectd/default.pgo

bench-compare: check-setup ## bytes, allocations and relative time of the data path against tools/bench-figures.tsv: warns, never fails
	@tools/bench-compare

bench-peers: check-setup ## connectd, Java Connect with Debezium, and bare loops in one run, on a bed of its own; BENCH_QUICK=1, BENCH=regexp, BENCH_ROUNDS=2, BENCH_PEER=0: no Java
	@BENCH='$(filter-out .,$(BENCH))' tools/bench-peers

bench-cluster: check-setup ## 500 connectors of 2 tasks on 3 workers in one process: times, memory, CPU; CLUSTER_CONNECTORS=500, CLUSTER_PROFILE=file, BED_KAFKA uses a real broker
	go test -tags clusterbench -run '^TestCluster$$' -count=1 -v -timeout 10m ./cmd/connectd

demo: ## MySQL → Kafka → Elasticsearch and HDFS; DEMO_EXIT=1 compares and stops, DEMO_KAFKA=embedded needs no Kafka
	@test/demo/run.sh

docs: build ## docs/reference, from the code's own declarations
	bin/connectd docs docs/reference

clean: ## what was built here; the cache and a running bed or demo stay
	rm -rf bin dist
	go clean -testcache

# What can be done here. `make help` lists it.
#
# Nothing but Rust, a C compiler and make is assumed; what the tests need beyond that, `make test-needs` brings.

CARGO ?= cargo

.PHONY: help demo build release check test test-needs lint loom docs papers sbom audit deb bench bench-newer bench-needs bench-probing gates fuzz chaos chaos-needs

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: ## Show what it does: three small backends, the gateway, a story of 20 seconds
	$(CARGO) run --locked -- demo --for 20s

build: ## A quick build for trying things out
	$(CARGO) build --locked

release: ## The build to run
	$(CARGO) build --locked --release

check: ## Check the example configuration
	$(CARGO) run --locked --quiet -- check --config conf/pulsegate.yaml

lint: ## Formatting and clippy, warnings are errors
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

test-needs: ## Bring what the tests need (Python and Node packages into .tools, servers from the distribution; no service is started)
	bash scripts/test-needs

test: test-needs lint ## Everything: lint, then all tests
	$(CARGO) test --locked --no-fail-fast

loom: ## Try every order in which threads may meet in the small counters of the core (loom): a minute, most of it building
	RUSTFLAGS="--cfg loom" $(CARGO) test --locked --package pulsegate-core --lib --target-dir target/loom -- model::

papers: release ## Write completions and the man page to target/papers
	mkdir -p target/papers
	target/release/pulsegate man >target/papers/pulsegate.1
	target/release/pulsegate completions bash >target/papers/pulsegate.bash
	target/release/pulsegate completions zsh >target/papers/_pulsegate
	target/release/pulsegate completions fish >target/papers/pulsegate.fish

sbom: ## Write what the binary is made of to target/sbom, as CycloneDX (needs cargo-cyclonedx: cargo install --locked cargo-cyclonedx)
	python3 scripts/sbom

deb: papers sbom ## Build the Debian package (needs also cargo-deb: cargo install --locked cargo-deb)
	$(CARGO) deb --locked --no-build

audit: ## Known weaknesses, licences, sources of all crates (needs: cargo install --locked cargo-deny cargo-audit)
	$(CARGO) deny --locked --workspace check
	$(CARGO) audit --deny warnings

fuzz: ## Let a fuzzer loose on configuration, board, heads and health documents, each for FUZZ_SECONDS (default 60)
	bash scripts/test-needs fuzz
	bash scripts/fuzz

gates: bench-needs ## Fail when a request, a pick or a publication costs more than it may (instructions, CPU time)
	$(CARGO) bench --locked --bench gates

bench: bench-needs ## What does a request cost, beside nginx and HAProxy? Renews benches/README.md: about 22 minutes, on a machine with nothing else to do
	$(CARGO) build --locked --release --package pulsegate --package gateways
	$(BENCH) run --rounds 7 --seconds 2 --pulsegate target/release/pulsegate --write benches/README.md

bench-newer: bench-needs ## The same with newer nginx and HAProxy, Envoy, Caddy, Traefik and bare pingora beside them: about 27 minutes
	bash benches/bring-newer
	$(CARGO) build --locked --release --package pulsegate --package gateways
	$(BENCH) run --rounds 7 --seconds 2 --newer --pulsegate target/release/pulsegate --write benches/README.md

bench-probing: bench-needs ## Probe 10 000 backends every 5 s, beside HAProxy: about five minutes
	$(CARGO) build --locked --release --package pulsegate --package gateways
	$(BENCH) probing --pulsegate target/release/pulsegate

bench-needs: ## Bring what the benches need (nginx, HAProxy, Envoy, h2load, valgrind)
	bash scripts/test-needs bench

chaos: chaos-needs ## What do clients feel when something fails, beside HAProxy, nginx and Envoy? Renews docs/chaos.md: about half an hour, on an idle machine
	$(CARGO) build --locked --release
	$(CARGO) test --locked --test chaos -- compare --runs 5 --at-once 4 --pulsegate target/release/pulsegate --write docs/chaos.md

chaos-needs: ## Bring what the chaos suite needs (nginx, HAProxy, Envoy, nftables, trixter)
	bash scripts/test-needs chaos

# With the tools' paths, and all the files that the system allows.
BENCH = set -a && . ./.tools/env && ulimit -n $$(ulimit -Hn) && target/release/gateways

docs: ## Renew the generated documents
	PULSEGATE_BLESS=1 $(CARGO) test --locked --lib -- telemetry::table
	PULSEGATE_BLESS=1 $(CARGO) test --locked --test e2e -- generated_documents

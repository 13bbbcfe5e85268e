# Shortcuts. ./demo and ./test work without make, and set up on their own.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/sbin:/sbin

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## .venv with dependencies and the pinned compiler; system packages when root
	@scripts/setup.sh

.PHONY: demo
demo: ## compile examples/edge.pf, attach it in a scratch namespace, send traffic (root)
	@./demo

.PHONY: check
check: setup ## all that CI runs without root: style, types, imports, and the tests that need no kernel
	pytest -n auto --dist loadfile -m "not kernel"

.PHONY: test
test: ## everything that CI runs (the tests of the kernel need root)
	@./test

.PHONY: soak
soak: setup ## the long run, some hours: 10,000 policies x 500 frames, 5,000 with memory x 2,000, 100,000 texts, 18 sets of 10,000 and 100,000 rules x 1,000,000 (root; SOAK="--policies 100")
	python -m ebpfc.testing.soak $(SOAK)

.PHONY: soak-pcap
soak-pcap: setup ## the long run beside libpcap: 200,000 expressions, 20,000 of them in the kernel (root; SOAK="--kernel 0")
	python -m ebpfc.testing.pcap_soak $(SOAK)

.PHONY: bench
bench: setup ## ours beside C by hand and classic BPF: ns a packet, sizes, compile time (root); writes bench/RESULTS.md
	python -m bench.run --markdown bench/RESULTS.md

.PHONY: kernels
kernels: setup ## our objects on Linux 5.10, 6.1, 6.12 and the newest, under qemu; writes docs/kernels.md
	python -m ebpfc.testing.kernels --markdown docs/kernels.md

.PHONY: lint
lint: setup ## style, types, imports only
	scripts/lint.sh

.PHONY: format
format: setup ## rewrite every file as ruff would
	ruff check --fix-only --quiet .
	ruff format --quiet .

.PHONY: docs
docs: setup ## write the pages that are tables of the code: fields, names, errors/README, tcpdump
	python scripts/reference_pages.py

.PHONY: constraints
constraints: ## pin the newest versions that pyproject.toml allows, in constraints.txt
	scripts/pin.sh

.PHONY: clean
clean: ## remove .venv and every cache
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

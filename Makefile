# Two commands do everything on a machine with Python >= 3.11: make run, make test.

# The first Python that is new enough; name another with PYTHON=...
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
endif

RUN := .venv/bin
DEV := .venv-dev/bin
SOURCES := services shared clients tests docs
# Tests wait about as long as they compute: two workers a core, and one test at a time for each.
CORES := $(shell $(PYTHON) -c 'import os; print(min(4, os.cpu_count() or 1))')
WORKERS ?= $(shell echo $$((2 * $(CORES))))
SHARED_OUT := -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
PYTEST := PYTHONDONTWRITEBYTECODE= $(DEV)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help install run dev quick test wide check format lock asyncapi client-messages clients bots bench bench-peers cluster crash-windows chaos simulate mutants stack-test picture clean

help: ## List the verbs
	@echo 'heatsink: make VERB [ARGS="..."] [PYTHON=python3.12]'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s%s\n", $$1, $$2 }'

install: ## Install what running needs, hash-pinned, into .venv
	@sh deploy/venv.sh $(PYTHON) .venv requirements.lock slim

run: install ## Run the whole stack; options for `heatsink up`: make run ARGS="--exchange binance"
	@$(RUN)/python -m services.cli up $(ARGS)

dev: # Install what testing needs, hash-pinned, into .venv-dev
	@sh deploy/venv.sh $(PYTHON) .venv-dev requirements-dev.lock

quick: dev ## Run the tests that need no process, no socket and no weeks of a market, with fewer examples
	@$(PYTEST) -n $(CORES) -m "not sockets and not long" --hypothesis-profile quick $(ARGS)

test: dev ## Run the tests, with a sample of the cases of each kind; options for pytest: make test ARGS="-k heat"
	@$(PYTEST) $(SHARED_OUT) --durations 25 -m "not wide and not chaos" --hypothesis-profile some $(ARGS)

wide: dev ## The tests of `make test` with every case of every kind, and all examples of every property
	@$(PYTEST) $(SHARED_OUT) --durations 25 -m "not chaos" $(ARGS)

check: dev ## Lint, types, floors, then all tests
	$(DEV)/ruff check $(SOURCES)
	$(DEV)/ruff format --check $(SOURCES)
	$(DEV)/mypy
	$(DEV)/lint-imports
	$(MAKE) --no-print-directory test

format: dev ## Format the code
	$(DEV)/ruff check --fix-only $(SOURCES)
	$(DEV)/ruff format $(SOURCES)

lock: dev ## Pin every dependency anew, with hashes
	$(DEV)/python -m pip install --quiet uv
	$(DEV)/uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --upgrade \
		--output-file requirements.lock
	$(DEV)/uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra dev \
		--constraint requirements.lock --output-file requirements-dev.lock
	$(DEV)/uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra cluster \
		--constraint requirements.lock --output-file requirements-cluster.lock
	printf 'freqtrade==2026.9\nnautilus_trader==1.221.0\nredis\nmsgpack\n' | $(DEV)/uv pip compile --quiet - --universal \
		--python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file requirements-bots.lock
	echo 'nautilus_trader==1.221.0' | $(DEV)/uv pip compile --quiet - --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --output-file requirements-bench.lock

asyncapi: dev ## Write docs/asyncapi.yaml from the catalogue of messages
	$(DEV)/python -m shared.runtime.asyncapi > docs/asyncapi.draft
	mv docs/asyncapi.draft docs/asyncapi.yaml

client-messages: dev ## Write the messages of the client libraries from the catalogue of messages
	$(DEV)/python -m shared.runtime.client_messages

bots: ## Install freqtrade and NautilusTrader, hash-pinned, into .venv-bots: bots of others for `make clients`
	@[ -x .venv-bots/bin/python ] || $(PYTHON) -m venv .venv-bots
	@.venv-bots/bin/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes --requirement requirements-bots.lock
	@.venv-bots/bin/python -m pip install --quiet --no-input --disable-pip-version-check --no-deps ./clients/python ./clients/freqtrade

clients: dev bots ## The client libraries beside real services, and real freqtrade: killed servers, gates and bots, lost replies
	$(PYTEST) tests/clients tests/docs/test_bot_programs.py -n 2 --timeout 1200 --maxschedchunk 1 $(ARGS)

bench: dev ## Measure decisions, the way through Redis, bursts of bars, backtests
	$(DEV)/python -m tests.bench $(ARGS)

bench-peers: ## Install NautilusTrader, hash-pinned, into .venv-bench: the yardstick of `make bench`
	@[ -x .venv-bench/bin/python ] || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes \
		--requirement requirements-bench.lock

cluster: ## Install heatsink with Dask, hash-pinned, into .venv-cluster: for the workers of `heatsink sweep --cluster`
	@sh deploy/venv.sh $(PYTHON) .venv-cluster requirements-cluster.lock

crash-windows: dev ## Replay real crashes with breakers and without, and print a table of each
	@$(DEV)/python -m tests.simulation.crash_windows

stack-test: ## The whole stack in containers, with killed services
	bash tests/deploy/stack_test.sh

chaos: dev ## Faults, kills, hangs, clocks that step, poison, a second market, false fills, floods, lost commits, blocked output
	$(PYTEST) tests/e2e tests/adapters/redis/test_poisoned_keys.py -n 2 --maxschedchunk 1 --timeout 1200 --durations 12 -m "stack or processes or chaos" \
		-k "kill or fault or chaos or fire or wrong or backtest or ten_days or poison or nobody_reads" $(ARGS)

simulate: dev ## The whole stack under drawn faults in virtual time: make simulate SEED=1 RUNS=1000; a seed repeats exactly
	@PYTHONDONTWRITEBYTECODE= $(DEV)/python -m tests.simulation.seeded $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS)) $(ARGS)

mutants: dev ## Break the protocol in ways that must not pass, one at a time: a named test has to catch each
	@PYTHONDONTWRITEBYTECODE= $(DEV)/python -m tests.mutants $(ARGS)

picture: dev ## Draw docs/heatsink-up.png: the panel of a stack after a minute
	HEATSINK_PHASE=live HEATSINK_RAMP__REHEARSAL=true $(DEV)/python -m services.cli up --duration 60 --speed 1200 --data .heatsink/picture \
		--picture .heatsink/picture/up.svg $(ARGS)
	$(DEV)/python docs/picture.py .heatsink/picture/up.svg docs/heatsink-up.png

clean: ## Remove environments and caches (data under .heatsink stays)
	rm -rf .venv .venv-dev .venv-bench .venv-bots .venv-cluster build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf tests/node_client/node_modules clients/node/node_modules clients/python/build clients/freqtrade/build
	find services shared clients tests -name __pycache__ -type d -prune -exec rm -rf {} +

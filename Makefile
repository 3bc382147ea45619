# `make help` lists what there is. Everything happens in .venv, with the versions that requirements/ pins by hash.

PYTHON ?= python3
BIN := .venv/bin
PORT ?=
SBOM ?= dist/sbom.cdx.json
# More than there are cores: some tests wait.
PROCESSES ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count() * 3 // 2)')

.PHONY: help demo test compiled check format lint types arrows generated coverage mutation bench acceptance acceptance-quick sbom lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/server ## Start a throw-away server with sample contacts, and print the commands that read them
	@$(BIN)/dialbook demo $(if $(PORT),--port $(PORT))

test: .venv/dev compiled ## Run the whole test suite, on all cores
	@$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal

# Where PYTHONDONTWRITEBYTECODE is set, each of the many processes that tests start would compile all of it.
compiled: .venv/dev
	@$(BIN)/python -m compileall -q src

check: format lint types arrows generated ## Check everything that needs no running code

format: .venv/dev ## Check the format
	@$(BIN)/ruff format --check .

lint: .venv/dev ## Look for likely mistakes
	@$(BIN)/ruff check .

types: .venv/dev ## Check the types, strictly
	@$(BIN)/mypy

arrows: .venv/dev ## Check who imports whom
	@$(BIN)/lint-imports

generated: .venv/dev ## Check that generated files are fresh
	@$(BIN)/python tools/build_openapi.py --check
	@$(BIN)/python tools/build_settings_doc.py --check
	@$(BIN)/python tools/build_cli_doc.py --check
	@$(BIN)/python tools/build_sync_client.py --check

coverage: .venv/dev compiled ## Run the whole test suite, and say what it does not reach
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest --numprocesses $(PROCESSES) --dist worksteal
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered --show-missing
	@$(BIN)/coverage json --quiet -o - | $(BIN)/python tools/score_branches.py

# Processes that tests start import from PYTHONPATH, and so run the mutant, too.
mutation: .venv/acceptance ## Change our code in small ways, each of which a test has to notice: hours
	@HYPOTHESIS_PROFILE=verdict PYTHONDONTWRITEBYTECODE= PYTHONPATH=$(CURDIR)/mutants/src $(BIN)/mutmut run
	@$(BIN)/python tools/retry_mutants.py
	@$(BIN)/python tools/score_mutants.py

bench: .venv/bench ## Measure, as ratios against peers and ceilings in the same run (needs wrk and sqlite3)
	@$(BIN)/python -m bench

acceptance: .venv/acceptance ## Hold Dialbook to its promises, against faults and load: an hour, as root, on a machine that does nothing else
	@$(BIN)/python -m acceptance

acceptance-quick: .venv/dev ## A few rounds of some of that
	@$(BIN)/python -m acceptance --quick

sbom: .venv/dev ## List what a server runs with, as CycloneDX
	@mkdir -p $(dir $(SBOM))
	@$(BIN)/python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible --output-file $(SBOM) \
		requirements/server.txt

lock: .venv/dev ## Pin the newest versions that pyproject.toml allows
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--no-annotate --extra server --extra postgres --group build pyproject.toml --output-file requirements/server.txt $(UPGRADE)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--no-annotate --extra dev --group build pyproject.toml --output-file requirements/dev.txt $(UPGRADE)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--no-annotate --extra dev --group build --group bench --constraint requirements/dev.txt pyproject.toml \
		--output-file requirements/bench.txt $(UPGRADE)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--no-annotate --extra dev --group build --group acceptance --constraint requirements/dev.txt pyproject.toml \
		--output-file requirements/acceptance.txt $(UPGRADE)

clean: ## Remove the environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .schemathesis .coverage* mutants

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Dialbook needs Python 3.11 or newer: make PYTHON=…")'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/server: .venv/bin/python requirements/server.txt pyproject.toml
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/server.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/bin/python requirements/dev.txt pyproject.toml
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ .venv/server

.venv/acceptance: .venv/dev requirements/acceptance.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/acceptance.txt
	@touch $@

.venv/bench: .venv/dev requirements/bench.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/bench.txt
	@touch $@

# The front door: make setup, run, test. Paths are relative, so the checkout may lie below a folder with spaces.
# Not here: what the commands do (orchestration/cli.py) and the tools' settings (pyproject.toml).

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help setup run test lint test-unit bench bench-full kpis lock clean

PY := .venv/bin/python
PACKAGES := orchestration forecasting reporting examples benchmarks
# Whole modules for each worker, in the order that tests/conftest.py gives them; `make WORKERS=4 test` on a larger machine.
WORKERS := 2
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder
# Tried in this order; `make PYTHON=/path/to/python3.12 setup` chooses another. 3.11 is the one the lock was tested on,
# and for 3.14 some of the locked packages have no wheels.
PYTHONS := $(PYTHON) python3.11 python3.12 python3.13 python3 python

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: .venv/.installed .venv/.compiled ## Install everything into .venv; again only when the packages or the kernel changed

run: setup ## Start the database, the first night and the Dagster UI; Ctrl-C stops everything
	@$(PY) -m orchestration.cli up

test: lint ## Lint, types, and every test and doctest
	$(PYTEST) tests $(PACKAGES)

lint: setup ## Lint, format and types only
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

test-unit: setup ## The tests that need no database
	$(PYTEST) tests/unit

bench: setup ## How fast it is on this machine, beside what is promised; a few minutes
	$(PY) -m benchmarks

bench-full: setup ## The same with ten million lines; an hour, and 20 GB of disk
	$(PY) -m benchmarks --full

kpis: setup ## Write docs/kpis.md and dbt's metrics anew, from the KPIs' entries in the dbt models
	$(PY) -m orchestration.kpi_docs

lock: setup ## Resolve pyproject.toml anew and write requirements.lock; pins that still fit stay
	.venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--extra dev --quiet --output-file requirements.lock pyproject.toml

clean: ## Remove .venv and caches; never the data in .daybreak
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info dbt_project/target dbt_project/logs
	find . -name __pycache__ -type d -not -path './.daybreak/*' -prune -exec rm -rf {} +

# pip needs --no-deps beside --require-hashes: the lock is complete, and an extra of one package would resolve anew.
.venv/.installed: requirements.lock pyproject.toml
	@for python in $(PYTHONS); do \
		"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && found="$$python" && break; \
	done; \
	if [ -z "$${found:-}" ]; then \
		echo "Daybreak needs Python 3.11, 3.12 or 3.13; here python3 is $$(python3 --version 2>&1 || true)." >&2; \
		echo "Install it, or name it: make PYTHON=/path/to/python3.11 setup" >&2; exit 1; \
	fi; \
	echo "$$("$$found" --version) in .venv"; \
	"$$found" -m venv .venv
	@set -o pipefail; all=$$(grep -c '^[a-zA-Z0-9]' requirements.lock); echo "Installing at most $$all packages, checked by hash:"; \
	$(PY) -m pip install --disable-pip-version-check --no-input --progress-bar off --require-hashes --no-deps \
		-r requirements.lock | awk -v all="$$all" ' \
		/^(Collecting|Processing|Requirement already)/ {n++; if (n % 40 == 0) {printf "  fetched %d of %d\n", n, all; fflush()}} \
		/^Installing/ {print "  unpacking"; fflush()}'
	@$(PY) -m pip install --disable-pip-version-check --no-input --quiet --no-deps --no-build-isolation -e .
	@touch .venv/.installed

# The models stand compiled beside their sources: again when one of those changed, or nothing compiled is there.
COMPILED := $(wildcard forecasting/kernel/__pycache__/*/complete)
.venv/.compiled: .venv/.installed $(wildcard forecasting/kernel/*.py) $(if $(COMPILED),,compile-anew)
	@$(PY) -m forecasting.kernel.warm_up
	@touch .venv/.compiled
	@echo "Ready: make run"

.PHONY: compile-anew
compile-anew:

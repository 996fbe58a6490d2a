# The vocabulary of the project; every target that needs the environment makes it first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCALE ?= 0.1
# What is there already: the environment with uv in it, what running needs, and the rest.
MADE := $(VENV)/.made
READY := $(VENV)/.ready
READY_ALL := $(VENV)/.ready-all
# Where the state is elsewhere, so is Dagster's; who moves it tells dg.
ENV_FILE := $(if $(NETFLIX_HOME),,.env)
UV_ON_PATH := $(shell command -v uv)
UV = $(or $(UV_ON_PATH),$(BIN)/uv)
# Where it is set, as some containers do, each of our many processes compiles all of its imports anew.
unexport PYTHONDONTWRITEBYTECODE

# Call it with the locks. uv does not read where pip was told to look for packages.
define SYNC
	@UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(PYTHON) -m pip config get global.index-url 2>/dev/null)}}"; \
	if [ -n "$$UV_DEFAULT_INDEX" ]; then export UV_DEFAULT_INDEX; else unset UV_DEFAULT_INDEX; fi; \
	$(UV) pip sync --python $(1)/bin/python --require-hashes $(2)
endef
define INSTALL
	$(call SYNC,$(VENV),$(1))
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
endef

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header --no-strip-extras

.DEFAULT_GOAL := help
.PHONY: help setup demo dev docs test coverage test-fast fuzz torture build-modified bench bench-load bench-raw-load bench-arrival bench-snowflake bench-cost bench-growth bench-report pictures picture-report lint format lock clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(READY_ALL) $(ENV_FILE) ## Make .venv with every pinned package; `demo` and `dev` alone do with fewer

# Debian parts venv from Python, and says so in ten lines.
$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 to 3.13 is needed; set PYTHON=") if not (3, 10) <= sys.version_info[:2] < (3, 14) else None'
	@rm -rf $(VENV)
ifneq ($(UV_ON_PATH),)
	@$(UV_ON_PATH) venv --quiet --python "$$(command -v $(PYTHON))" $(VENV)
else
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "error: this Python cannot make environments; on Debian and Ubuntu: apt-get install $$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.lock > $(VENV)/uv.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes --requirement $(VENV)/uv.txt
endif
	@touch $@

$(READY): $(MADE) requirements.lock pyproject.toml setup.py
	@echo "installing what running needs"
	$(call INSTALL,requirements.lock $(if $(wildcard $(READY_ALL)),requirements-dev.lock))
	@touch $@

$(READY_ALL): $(READY) requirements-dev.lock
	@echo "installing what tests, lint and benches need besides"
	$(call INSTALL,requirements.lock requirements-dev.lock)
	@touch $@

# What `dg` and `dagster` read: their state is with ours. It is also for one's own settings, and never written again.
.env:
	@mkdir -p .netflix/dagster
	@cp netflix_assets/automation/dagster.yaml .netflix/dagster/
	@printf '%s\n' "# Read by dg and dagster, where it wins over the shell. Settings: .env.example." \
		"DAGSTER_HOME='$(CURDIR)/.netflix/dagster'" > $@

demo: $(READY) $(ENV_FILE) ## Sample data (or DATA=folder/zip/URL of MovieLens CSVs) -> local S3 -> warehouse -> marts
	$(BIN)/netflix-assets demo $(if $(DATA),"$(DATA)")

dev: $(READY) $(ENV_FILE) ## Local S3 and the Dagster UI on http://127.0.0.1:3000
	$(BIN)/netflix-assets dev

# The environment of dbt alone, from this folder: the same warehouse as the product's.
DBT := $(BIN)/dbt
DBT_FLAGS := --project-dir dbt_project --profiles-dir dbt_project --target-path $(abspath $(or $(NETFLIX_HOME),.netflix))/dbt-alone

docs: $(READY) ## dbt's documentation of models, columns and macros, as one page that opens offline
	$(DBT) --quiet docs generate --static $(DBT_FLAGS)
	@echo "the page: $(abspath $(or $(NETFLIX_HOME),.netflix))/dbt-alone/static_index.html"

# Three processes on two cores: one often waits for Dagster's daemons.
test: $(READY_ALL) ## Run the tests
	$(BIN)/python -m pytest -n 3

coverage: $(READY_ALL) ## Run the tests and see which lines they reach; fails below the floor in pyproject.toml
	$(BIN)/python -m pytest -n 3 --cov --cov-report=term:skip-covered $(TESTS)

test-fast: $(READY_ALL) ## Run the tests that start no process: no server, no dbt
	$(BIN)/python -m pytest -n 2 -q -r fE --no-processes

build-modified: $(READY) ## Build and test what differs from STATE=folder with the manifest.json of main, read the rest there
	$(DBT) build $(DBT_FLAGS) --select state:modified+ --defer --state "$(abspath $(STATE))"

fuzz: $(READY_ALL) ## Hold every reader of raw files to one verdict, by N lines (needs Python 3.11)
	$(BIN)/python -W ignore -m netflix_assets_tests.fuzz $(or $(N),1000)

torture: $(READY_ALL) ## Kill, starve and crowd the program N times (N=200), and compare with an undisturbed run
	$(BIN)/python -W ignore -m netflix_assets_tests.torture $(or $(N),200)

bench: bench-load bench-raw-load bench-arrival bench-snowflake bench-cost bench-report ## Measure every part (SCALE=1 is 32 million ratings)

bench-load: $(READY_ALL) ## The loading part of bench
	$(BIN)/python -m benchmarks.load --scale $(SCALE)

# An environment of its own: dlt is only compared with.
DLT := .netflix/bench/dlt
$(DLT)/.ready: $(READY_ALL) benchmarks/dlt.lock
	@$(UV) venv --quiet --clear --python $(BIN)/python $(DLT)
	$(call SYNC,$(DLT),benchmarks/dlt.lock)
	@touch $@

bench-raw-load: $(DLT)/.ready ## One file from S3 into DuckDB: ours, by hand, and with dlt (SCALE=0.1 is 3.2 million ratings)
	$(BIN)/python -m benchmarks.raw_load --scale $(SCALE) --dlt $(DLT)/bin/python

bench-report: $(READY_ALL) ## The report part of bench (DATA=folder/zip of MovieLens CSVs as well)
	$(BIN)/python -m benchmarks.report --scale $(SCALE) $(if $(DATA),--data "$(DATA)")

picture-report: $(READY_ALL) ## The README's picture of the report, made from DATA=folder/zip/URL of MovieLens CSVs
	$(BIN)/python -m netflix_assets_tests.reporting.picture "$(DATA)" docs/images/report.png

bench-arrival: $(READY_ALL) ## From an object in S3 to fresh marts under `make dev`, and what the ticks cost
	$(BIN)/python -W ignore -m benchmarks.arrival

pictures: $(READY_ALL) ## Take the README's pictures of the Dagster UI (needs chromium)
	$(BIN)/python -m netflix_assets_tests.browser.pictures

bench-snowflake: $(READY_ALL) ## The same load and build on DuckDB and on the Snowflake emulator (needs Python 3.11)
	$(BIN)/python -W ignore -m benchmarks.snowflake --scale $(or $(SNOWFLAKE_SCALE),0.01)

bench-cost: $(READY_ALL) ## What Snowflake and S3 would bill for a first load, a month and a correction (needs Python 3.11)
	$(BIN)/python -W ignore -m benchmarks.cost

bench-growth: $(READY_ALL) ## First load, one month and memory from 1 to 100 million ratings (MILLIONS="1 3.2"), and a chart
	$(BIN)/python -W ignore -m benchmarks.growth $(if $(MILLIONS),--millions $(MILLIONS))

lint: $(READY_ALL) ## Check style, types, imports, SQL and the files of the deployment
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt_project
	$(BIN)/python -m pytest -q --noconftest netflix_assets_tests/transform/test_sql_functions.py
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

format: $(READY_ALL) ## Put style right
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix dbt_project

NAMES = sed -n 's/^\([A-Za-z0-9._-]*\).*==.*/\1/p'

# What only developing needs, or needs on more machines than running does, is in a file of its own.
lock: ## Pin every package with its hashes (needs uv: on the PATH, or in .venv after `make setup`)
	cat requirements.lock requirements-dev.lock > $(VENV)/all.lock
	$(COMPILE) --extra production --extra dev --output-file $(VENV)/all.lock pyproject.toml
	$(COMPILE) --extra production --constraint $(VENV)/all.lock --output-file requirements.lock pyproject.toml
	grep -vxFf requirements.lock $(VENV)/all.lock | $(NAMES) > $(VENV)/dev.names
	$(COMPILE) --extra production --extra dev --constraint $(VENV)/all.lock --output-file requirements-dev.lock pyproject.toml \
		$$($(NAMES) requirements.lock | grep -vxFf $(VENV)/dev.names | sed 's/^/--no-emit-package /')
	$(COMPILE) --output-file benchmarks/dlt.lock benchmarks/dlt.in

clean: ## Remove the environment and all local state
	rm -rf $(VENV) .netflix

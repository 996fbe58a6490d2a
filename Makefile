# The vocabulary of the project; every target that needs the environment makes it first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SCALE ?= 0.1

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test bench bench-load bench-arrival bench-snowflake bench-report pictures picture-report lint format lock clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## Make .venv with the pinned packages

$(READY): requirements.lock pyproject.toml setup.py
	$(PYTHON) -c 'import sys; sys.exit("Python 3.10 to 3.13 is needed; set PYTHON=") if not (3, 10) <= sys.version_info[:2] < (3, 14) else None'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

demo: $(READY) ## Sample data (or DATA=folder/zip/URL of MovieLens CSVs) -> local S3 -> warehouse -> marts
	$(BIN)/netflix-assets demo $(if $(DATA),"$(DATA)")

dev: $(READY) ## Local S3 and the Dagster UI on http://127.0.0.1:3000
	$(BIN)/netflix-assets dev

# In the order of the folders, so that the tests which mostly wait for Dagster's intervals start early.
test: $(READY) ## Run the tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: bench-load bench-arrival bench-snowflake bench-report ## Measure every part (SCALE=1 is 32 million ratings)

bench-load: $(READY) ## The loading part of bench
	$(BIN)/python -m benchmarks.load --scale $(SCALE)

bench-report: $(READY) ## The report part of bench (DATA=folder/zip of MovieLens CSVs as well)
	$(BIN)/python -m benchmarks.report --scale $(SCALE) $(if $(DATA),--data "$(DATA)")

picture-report: $(READY) ## The README's picture of the report, made from DATA=folder/zip/URL of MovieLens CSVs
	$(BIN)/python -m netflix_assets_tests.reporting.picture "$(DATA)" docs/images/report.png

bench-arrival: $(READY) ## From an object in S3 to fresh marts under `make dev`, and what the ticks cost
	$(BIN)/python -W ignore -m benchmarks.arrival

pictures: $(READY) ## Take the README's pictures of the Dagster UI (needs chromium)
	$(BIN)/python -m netflix_assets_tests.browser.pictures

bench-snowflake: $(READY) ## The same load and build on DuckDB and on the Snowflake emulator (needs Python 3.11)
	$(BIN)/python -W ignore -m benchmarks.snowflake --scale $(or $(SNOWFLAKE_SCALE),0.01)

lint: $(READY) ## Check style, types, imports and SQL
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt_project

format: $(READY) ## Put style right
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix dbt_project

lock: ## Pin every package with its hashes (needs uv: it is in .venv after `make setup`)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --extra dev --extra production --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header --no-strip-extras \
		--output-file requirements.lock pyproject.toml

clean: ## Remove the environment and all local state
	rm -rf $(VENV) .netflix

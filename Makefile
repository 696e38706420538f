# Everything here sets up what it needs: Python >= 3.11, git and make are enough.
PYTHON ?= python3
UV_VERSION := 0.13.8
UV := .uv/bin/uv
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv

.DEFAULT_GOAL := help
.PHONY: help setup demo up deploy test check lint bench clean

help:  ## say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/.synced  ## create the environment from the committed lock

demo: setup  ## dub the bundled sample and say where the video and the report are
	$(BIN)/dubline demo

deploy: setup  ## bring pool, blocks, deployments and automations to a Prefect server; repeat at will
	$(BIN)/python -m flows.deploying

up: setup  ## server, UI and a worker on this machine, until Ctrl-C
	$(BIN)/dubline up

test: setup  ## run the tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: lint test  ## the gate: lint and tests

lint: setup  ## ruff, format, mypy --strict, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .ruff_cache/imports

bench: setup  ## measure beside the peers, as ratios in one run
	$(BIN)/python -m bench

clean:  ## remove the environment
	rm -rf .venv .uv

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11: run make PYTHON=python3.11 (or newer)"; exit 2; }
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.synced: .uv/bin/uv pyproject.toml uv.lock
	$(UV) sync --frozen --quiet --python .uv/bin/python --compile-bytecode
	@touch $@

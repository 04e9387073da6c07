# Strata: `make run` serves the site, `make test` runs every test. Both set up what they need first.
PORT ?= 8000
HOST ?= 127.0.0.1
# PYTHON=python3.12 picks the interpreter of the environment; ARGS="-k journey" goes to pytest.
PYTHON ?=
ARGS ?=
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup run test check format browser bench validation screenshots lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## the environment in .venv: the project, editable, and every extra
	@PYTHON="$(PYTHON)" scripts/setup.sh

run: setup ## serve the site on http://127.0.0.1:8000/ (PORT=..., HOST=...)
	@$(BIN)/python manage.py prepare
	@echo "Strata: http://$(HOST):$(PORT)/  (Ctrl-C stops it)"
	@exec $(BIN)/uvicorn simweb.asgi:application --host $(HOST) --port $(PORT) --log-level warning \
	  --timeout-graceful-shutdown 5 --ws-per-message-deflate false --ws-max-size 1048576

test: setup browser ## every test, those in a real browser included
	@$(BIN)/python -m tests $(ARGS)

check: setup ## format, lint, types, and whether the generated docs are up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m docs.generate --check

format: setup ## rewrite the code as `make check` wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

browser: setup ## find Chromium for the browser tests, or install it where that is allowed
	@$(BIN)/python -m tests.browser.chromium

bench: setup ## measure the figures of the design and write bench.json
	@$(BIN)/python -m bench $(ARGS)

validation: setup ## compare the model with published measurements anew, and write what docs and site show
	@mkdir -p var
	@$(BIN)/python -m simcore validate --json > var/result.json && mv var/result.json simcore/validate/result.json
	@$(BIN)/python -m docs.generate

screenshots: setup browser ## take the docs' pictures anew from the running site
	@$(BIN)/python scripts/screenshots.py

lock: setup ## rewrite requirements/*.txt from pyproject.toml (UPGRADE=1: newest versions)
	@scripts/lock.sh

clean: ## remove the environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis test-results build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

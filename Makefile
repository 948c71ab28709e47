# Newcomers need two: `make demo` shows what chatmill does, `make test` checks it. Both make their own environment in
# .venv from the lock file; Python 3.11 or newer and make are all they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := .demo
MODEL := .model

.PHONY: help demo test train check bench bench-store model fix docs lock

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/.installed ## run the whole job over sample_logs in a throw-away workspace
	@rm -rf $(DEMO)
	@mkdir -p $(DEMO)
	@CHATMILL_KEY_DIR=$(DEMO)/keys $(BIN)/chatmill run sample_logs -w $(DEMO)/workspace
	@echo
	@echo "All of it lies in $(DEMO)/workspace: open report.html in a browser, and the data card in datasets/*/card.html."
	@echo "Or review it in the browser: CHATMILL_KEY_DIR=$(DEMO)/keys $(BIN)/chatmill serve -w $(DEMO)/workspace"

test: $(VENV)/.installed ## run the test suite
	$(BIN)/python -m pytest -n auto

train: $(VENV)/.installed ## install what trains on this machine: torch, transformers, TRL, PEFT (1.5 GB)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[train]'

check: $(VENV)/.installed ## everything that must be clean before a commit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/chatmill rules check
	$(BIN)/python docs/generate.py --check
	$(BIN)/python tests/sizes.py
	$(BIN)/codespell

bench: $(VENV)/.installed ## measure against the baselines, each in the same run
	$(BIN)/python -m benchmarks

bench-store: $(VENV)/.installed ## build a store of a million conversations in .benchstore, and measure the pages on it
	$(BIN)/python -m benchmarks.store .benchstore
	$(BIN)/python -m benchmarks.pages .benchstore

model: $(VENV)/.installed ## rebuild the name model from the shared data (half an hour on 2 free cores)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/name_model/requirements.txt
	$(BIN)/python -m benchmarks.name_model.train $(MODEL)
	$(BIN)/python -m benchmarks.name_model.quantise $(MODEL)

fix: $(VENV)/.installed ## format, and mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python docs/generate.py

docs: $(VENV)/.installed ## write the generated reference pages
	$(BIN)/python docs/generate.py

lock: $(VENV)/.installed ## pin the newest allowed versions of everything
	$(BIN)/uv pip compile -q --universal --no-emit-index-url --no-emit-find-links --no-header -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile -q --universal --no-emit-index-url --no-emit-find-links --no-header --group dev -c requirements.lock \
		-o requirements-dev.lock pyproject.toml

$(VENV)/.installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "chatmill needs Python 3.11 or newer: make PYTHON=python3.11 demo")'
	@echo "Installing into $(VENV): about a minute, once."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

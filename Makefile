# What a newcomer needs. Every target sets up .venv first, when pyproject.toml has changed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PEERS  := .venv-peers

.PHONY: demo test lint lab bench clean

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "orchestra_kit needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing orchestra_kit and what it needs into $(VENV) (once, about two minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY)  ## check, measure, run, simulate five weeks and render the weekly report
	@$(BIN)/orchestra demo

test: $(READY)  ## the tests
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: $(READY)  ## style, types and the floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lab: $(READY)  ## JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir=notebooks

# Peers that cannot be installed are told as such in the table, and tried again the next time.
$(PEERS)/.ready: benchmarks/peers.txt | $(READY)
	@test -x $(PEERS)/bin/python || $(BIN)/python -m venv $(PEERS)
	@echo "Installing the peers that we are measured beside into $(PEERS) (once, 420 MB) ..."
	@missing=0; for peer in $$(grep -v '^#' $<); do \
	  $(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check "$$peer" \
	    || { echo "$$peer was not installed"; missing=1; }; done; \
	  test $$missing = 1 || touch $@

bench: $(READY) $(PEERS)/.ready  ## speed, as ratios against floors and peers
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) $(PEERS) reports/rendered build dist

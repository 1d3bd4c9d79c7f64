# Two commands: `make run` and `make test`. Everything is installed into .venv from requirements.lock, hashes checked.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export MACRO_FUND_HOME ?= $(CURDIR)/.macro_fund

.PHONY: run test test-long dagster lint types check clean

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed; give another one: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/pip check
	touch $(STAMP)

run: $(STAMP)            ## open a sample fund and run the graph to the latest session
	$(BIN)/macro-fund init --if-missing
	$(BIN)/macro-fund run --demo-pm

# Each process runs on one thread (macro_fund/arithmetic.py) and waits now and then for a disk or a process that it
# started: one worker more than cores keeps them busy, and more than four only build the same funds more often.
CORES := $(shell getconf _NPROCESSORS_ONLN)
WORKERS ?= $(shell echo $$(( $(CORES) < 4 ? $(CORES) + 1 : 4 )))

test: $(STAMP)           ## the whole test suite, the longest files first (macro_fund_tests/conftest.py)
	@$(BIN)/python -c "import macro_fund.definitions"  # dbt's manifest is written once, before two workers want it
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-long: $(STAMP)      ## funds that the suite leaves out: March 2020, every provider's faults on real data, the window's length
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m long

dagster: $(STAMP)        ## webserver and daemon on http://localhost:3001
	$(BIN)/macro-fund init --if-missing
	$(BIN)/macro-fund dagster --port 3001

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

check: lint types test

clean:
	rm -rf $(VENV) build *.egg-info

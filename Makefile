# One virtual environment for each Airflow version, made from constraints/ when it is first needed
# and again when its constraints, pyproject.toml or the Python change.

PYTHON ?= python3
PYTHONS := 3.11 3.12 3.13

VERSIONS := 3.1.8 3.2.2 3.3.2
OLDEST := $(firstword $(VERSIONS))
NEWEST := $(lastword $(VERSIONS))

BIN := .venv/airflow-$(NEWEST)/bin
PYTHON_IS := $(shell "$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
READY := .ready-$(PYTHON_IS)

# The vendor's description of the API is no part of this repository; where it lies beside it, the contract tests
# use it without being told.
DESCRIPTION := ../shared/spec/aicore-openapi-2.42.0.yaml
ifneq ($(wildcard $(DESCRIPTION)),)
export AICORE_OPENAPI ?= $(CURDIR)/$(DESCRIPTION)
endif

# Where it is set, each run would compile all our modules and tests again: a tenth of the time that the unit tier takes.
unexport PYTHONDONTWRITEBYTECODE

COMMA := ,

TESTS := $(VERSIONS:%=tests-on-%)

.PHONY: help demo screenshots test matrix check fuzz bench soak kills clean python-is-fit $(TESTS)
# The machine's cores belong to what the tests start: Airflow and the emulator.
.NOTPARALLEL:

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

demo: .venv/airflow-$(NEWEST)/$(READY) ## run the example pipeline on Airflow and the emulator (KEEP=1: leave them up, PORT=n: for the UI)
	@$(BIN)/python -m demo

screenshots: .venv/airflow-$(NEWEST)/$(READY) .venv/screenshots/.ready ## take the pictures of docs/images, with the Chromium on the PATH (CHROMIUM=...): some minutes
	@PYTHONPATH=.venv/screenshots $(BIN)/python -m demo.screenshots

test: check tests-on-$(NEWEST) tests-on-$(OLDEST) ## all that must be green: check, every tier on the newest Airflow, the oldest one too
	@echo "Airflow $(NEWEST): fuzz"
	@PYTHONHASHSEED=0 $(BIN)/python -m pytest tests/fuzz

matrix: $(TESTS) ## the tests on every supported Airflow version

check: .venv/airflow-$(NEWEST)/$(READY) ## lint, format, types, arrows
	@echo "Checking: ruff, ruff format, mypy, import-linter, and that pytest can read all tests"
	@$(BIN)/python -m ruff check --quiet .
	@$(BIN)/python -m ruff format --quiet --check .
	@$(BIN)/python -m mypy $(wildcard airflow_provider_aicore demo example_dags tests)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest --quiet --quiet --collect-only >.venv/collected || { cat .venv/collected; exit 1; }

fuzz: .venv/airflow-$(NEWEST)/$(READY) ## look longer for answers of the emulator that the vendor's description has not (EXAMPLES=n: for each operation)
	@AICORE_FUZZ_EXAMPLES=$(or $(EXAMPLES),200) $(BIN)/python -m pytest tests/fuzz

bench: .venv/airflow-$(NEWEST)/$(READY) ## measure, beside the patterns of other providers
	@$(BIN)/python -m pytest --capture=no tests/benchmarks

soak: .venv/airflow-$(NEWEST)/$(READY) ## kill the emulator under load, 200 times (SOAK_KILLS=n), and see that nothing is lost
	@$(BIN)/python -m pytest tests/soak

kills: .venv/airflow-$(NEWEST)/$(READY) ## SIGKILL Airflow's processes under 30 tasks, and 200 tasks at once; follow 20 executions (ROUNDS=n, SEED=n, WAITS=n): half an hour
	@KILLS_ROUNDS=$(or $(ROUNDS),1) KILLS_SEED=$(or $(SEED),0) KILLS_WAITS=$(or $(WAITS),200) $(BIN)/python -m pytest tests/kills
	@FOLLOWED_ROUNDS=4 $(BIN)/python -m pytest tests/e2e/test_following.py

clean: ## remove what these commands made
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# To capture less is a sixth of the unit tier's time: none of its tests looks at what a process prints into its own
# output, or at logs by `caplog`, for which pytest goes through all of Airflow's loggers six times a test.
# End to end takes minutes: all of it on the newest version, the tests marked `smoke` on the others. To judge each
# answer by the description takes half as long again: on the newest one too.
$(TESTS): tests-on-%: .venv/airflow-%/$(READY)
	@echo "Airflow $*: unit"
	@.venv/airflow-$*/bin/python -m pytest --capture=sys -p no:logging tests/unit
	@echo "Airflow $*: $(if $(filter $*,$(NEWEST)),unit with each answer judged$(COMMA) )contract, integration"
	@.venv/airflow-$*/bin/python -m pytest $(if $(filter $*,$(NEWEST)),-p tests.contract.judge_all tests/unit) \
	    $(wildcard tests/contract tests/integration)
	@$(if $(wildcard tests/e2e),echo "Airflow $*: end to end")
	@$(if $(wildcard tests/e2e),.venv/airflow-$*/bin/python -m pytest tests/e2e $(if $(filter $*,$(NEWEST)),,-m smoke))

# Beside the environments of the tests, which need no browser; what it needs besides, Airflow brings.
.venv/screenshots/.ready: constraints/screenshots.txt .venv/airflow-$(NEWEST)/$(READY)
	@rm -rf .venv/screenshots
	@$(BIN)/python -m pip install --quiet --no-deps --target .venv/screenshots -r $<
	@touch $@

# The newest one has the tools of `check` as well.
.venv/airflow-$(NEWEST)/$(READY): EXTRAS := demo,test,dev
.venv/airflow-%/$(READY): EXTRAS := demo,test
.venv/airflow-%/$(READY): constraints/airflow-%.txt pyproject.toml | python-is-fit
	@echo "Installing Airflow $* for Python $(PYTHON_IS) in .venv/airflow-$*: takes a minute or two"
	@rm -rf .venv/airflow-$* && mkdir -p .venv
	@"$(PYTHON)" -m venv .venv/airflow-$* >.venv/airflow-$*.log 2>&1 || \
	    { echo "$(PYTHON) -m venv failed: see .venv/airflow-$*.log" >&2; exit 1; }
# The build tools come first and from the constraints too: pip would fetch them unpinned for a build of its own.
	@{ .venv/airflow-$*/bin/python -m pip install -c $< hatchling editables && \
	   .venv/airflow-$*/bin/python -m pip install -c $< --no-build-isolation -e '.[$(EXTRAS)]'; } \
	    >>.venv/airflow-$*.log 2>&1 || \
	    { echo "pip could not install Airflow $* (is there a network?): see .venv/airflow-$*.log" >&2; exit 1; }
	@touch $@

python-is-fit:
	@:$(if $(filter $(PYTHON_IS),$(PYTHONS)),,$(error One of Python $(PYTHONS) is needed, and $(PYTHON) is $(or $(PYTHON_IS),missing): name another with PYTHON=...))

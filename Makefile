# Two commands for a newcomer: `make demo` and `make test`. Both need only Python 3.11-3.13 and the package index.

.DEFAULT_GOAL := help
.PHONY: help env demo test test-slow test-all bench docs pretrained lock clean

VENV := .venv
BIN := $(VENV)/bin
# Whole files go to two processes side by side; TEST_PROCESSES=0 runs them one after the other in one.
TEST_PROCESSES ?= 2
PYTEST := $(BIN)/python -m pytest
# `make env PYTHON=/path/to/python3.12` chooses an interpreter; otherwise the first one that fits is taken. On macOS
# OpenSim has wheels for 3.12 only.
CANDIDATES := $(if $(filter Darwin,$(shell uname -s)),python3.12) python3.11 python3.12 python3.13 python3 python
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in $(CANDIDATES); do if "$$p" -c '$(FITS)' >/dev/null 2>&1; then echo "$$p"; break; fi; done)

export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1

help:
	@echo "make demo      environment, then the main job on a sample that it makes itself (7 to 13 minutes)"
	@echo "make test      environment, then the tests (under 15 minutes)"
	@echo "make test-all  the tests with full-size counts"
	@echo "make bench     one JSON line a figure"
	@echo "make docs      the documentation as a site, in build/site"
	@echo "make pretrained  the shipped networks anew, in build/pretrained (about 8 CPU minutes)"
	@echo "make env       the environment alone, in $(VENV)"
	@echo "make lock      write requirements.lock and requirements-test.lock anew (for maintainers)"

env: $(VENV)/made-from-lock

$(VENV)/made-from-lock: requirements.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "No Python 3.11, 3.12 or 3.13 with the venv module was found. Install one, or name it: make env PYTHON=/path/to/python3.12" >&2; \
		exit 1; \
	fi
	@echo "Making $(VENV) with $$($(PYTHON) --version) ..."
	@if [ -x $(BIN)/python ] && ! $(BIN)/python -c '$(FITS)' >/dev/null 2>&1; then rm -rf $(VENV); fi
	@[ -x $(BIN)/pip ] || "$(PYTHON)" -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --requirement requirements.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/made-for-tests: $(VENV)/made-from-lock requirements-test.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --requirement requirements.lock --requirement requirements-test.lock
	@touch $@

demo: env
	@$(BIN)/kinesynth demo

test: $(VENV)/made-for-tests
	@$(PYTEST) -n $(TEST_PROCESSES) --dist loadfile

# No slow test collected (exit status 5) is no failure.
test-slow: $(VENV)/made-for-tests
	@$(PYTEST) -m slow || [ $$? -eq 5 ]

test-all: test test-slow

bench: $(VENV)/made-for-tests
	@for figure in benchmarks/*.py; do echo "== $$figure" >&2; $(BIN)/python "$$figure" || exit 1; done

docs: $(VENV)/made-for-tests
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# The shipped networks from nothing but virtual people and seeds; copy them to training/pretrained to ship them. Some gaits are
# refused (exit status 3), with the reason in the corpus. CHECKS="mcgill_walk_youth.h5 rbds_running.h5" (corpora of
# `kinesynth corpus clusters`) are scored, too, and stand on the cards of the networks that leave the plane.
pretrained: env
	@mkdir -p build/pretrained
	@$(BIN)/kinesynth gait population build/pretrained/people.h5 --subjects 150 --gaits 2 --seed 8 || [ $$? -eq 3 ]
	@$(BIN)/kinesynth imu cycles build/pretrained/people.h5 build/pretrained/virtual_walkers.h5 --repeats 6 --seed 8
	@for joint in knee hip ankle; do \
		$(BIN)/kinesynth network joint build/pretrained/virtual_walkers.h5 build/pretrained/$$joint.safetensors \
			--joint $$joint --seed 8 --licence Apache-2.0 || exit 1; \
	done
	@$(BIN)/kinesynth imu cycles build/pretrained/people.h5 build/pretrained/spatial_walkers.h5 --repeats 6 --seed 8 --out-of-plane
	@for joint in knee hip ankle; do \
		$(BIN)/kinesynth network joint build/pretrained/spatial_walkers.h5 build/pretrained/$${joint}_spatial.safetensors \
			--joint $$joint --seed 8 --licence Apache-2.0 $(CHECKS:%=--check %) || exit 1; \
	done

# The closure of pyproject.toml at today's newest versions, without local version labels such as +cpu.
lock:
	@rm -rf $(VENV)-lock && "$(PYTHON)" -m venv $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip install --quiet "setuptools>=77" --editable .
	@{ grep '^#' requirements.lock; $(VENV)-lock/bin/python -m pip freeze --all --exclude pip --exclude kinesynth | sed 's/+[a-z0-9.]*$$//'; } > requirements.lock.tmp
	@$(VENV)-lock/bin/python -m pip install --quiet --editable ".[test]"
	@{ grep '^#' requirements-test.lock; $(VENV)-lock/bin/python -m pip freeze --all --exclude pip --exclude kinesynth | sed 's/+[a-z0-9.]*$$//' | grep -vxFf requirements.lock.tmp; } > requirements-test.lock.tmp
	@mv requirements.lock.tmp requirements.lock && mv requirements-test.lock.tmp requirements-test.lock
	@rm -rf $(VENV)-lock

clean:
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis

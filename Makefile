# make demo: install and show.  make test: install what tests need and run them all.  See README.md.
# The first that is one program: an interpreter whose code lies in a shared library (pyenv builds it so) takes a tenth more CPU.
SOLID := import ensurepip, os, sys, venv; sys.exit(sys.version_info < (3, 11, 5) or os.path.getsize(os.path.realpath(sys.executable)) < 1 << 20)
ifndef PYTHON
PYTHON := $(shell for p in python3 /usr/bin/python3; do $$p -c '$(SOLID)' 2>/dev/null && echo $$p && exit; done; echo python3)
endif
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export PIP_USE_PEP517 := 1

PAIRS ?= ../shared/data/ecs

.PHONY: conformance install dev demo test peers lint types check bench faults reference lock clean

install: $(VENV)/.installed
dev: $(VENV)/.dev

$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null || { echo "missing: $(PYTHON) (3.11.5 or newer); install it or set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' || { echo "too old: $(PYTHON) must be 3.11.5 or newer (older ones match some patterns wrongly); set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "missing: Python's venv module (on Debian: apt-get install python3-venv)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.python deploy/requirements.lock pyproject.toml router/detect/engine/sieve.c
	@echo "installing Logweir into $(VENV)"
	@$(BIN)/pip install -q --require-hashes -r deploy/requirements.lock
	@PYTHONWARNINGS=ignore $(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed tests/requirements.lock
	@echo "installing what tests and checks need"
	@$(BIN)/pip install -q --require-hashes -r tests/requirements.lock
	@touch $@

demo: install
	@$(BIN)/logweir demo

peers: dev
	@$(BIN)/python -m tests.peers

test: dev peers
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: dev
	$(BIN)/mypy

check: lint types test

conformance: dev
	@$(BIN)/python -m tests.conformance.ecs --pairs $(PAIRS) --floors
	@$(BIN)/python -m tests.conformance.fidelity --pairs $(PAIRS)
	@$(BIN)/python -m tests.conformance.adversarial --pairs $(PAIRS) --lines 200000
	@$(BIN)/python -m tests.conformance.detection --summary build/conformance/detection.json

bench: dev
	$(BIN)/python -m benchmarks

reference: install
	@$(BIN)/logweir config reference deploy/reference

faults: dev peers
	$(BIN)/python -m tests.faults --scenario all --at-once 2 --again --summary build/faults

lock: $(VENV)/.python
	@$(BIN)/pip install -q 'pip-tools>=7.4'
	$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras --allow-unsafe \
	  --all-build-deps -o deploy/requirements.lock pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras --allow-unsafe \
	  --all-build-deps --extra dev -c deploy/requirements.lock -o tests/requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache

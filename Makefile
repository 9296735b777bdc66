# The front door for people who build Stagepass. `make help` says what there is.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
READY := $(VENV)/.ready
CHAOS_BACKENDS := sqlite+redis postgresql+rabbitmq mariadb+redis postgresql+redis
CHAOS_MINUTES ?= 10
CHAOS_JOBS ?= 5000
export UV_PYTHON_DOWNLOADS = never

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types up bench recovery chaos docs lock clean

help: ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(READY) ## make .venv with everything in it (the other commands do it by themselves)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Stagepass needs Python 3.11 or newer; install it, or say where it is: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "this Python has no venv; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: setup ## make a lyric, a song and a clip on this machine; the last line is the clip's path
	@$(BIN)/stagepass demo

up: setup ## start everything on this machine, with no configuration
	@$(BIN)/stagepass up

test: setup ## all tests, two files at a time; those of servers that are not here are skipped with one line each
	@$(BIN)/python -m pytest -n 2 --dist loadfile

lint: setup ## style, and that imports go only downwards
	@$(BIN)/ruff check src tests benchmarks examples
	@$(BIN)/ruff format --check src tests benchmarks examples
	@$(BIN)/lint-imports

types: setup ## the type checker, strict
	@$(BIN)/mypy

bench: setup ## figures beside a plain Celery chain, into docs/benchmarks.md
	@$(BIN)/python -m benchmarks.run --write

recovery: setup ## recovery times after kill -9, beside Celery alone and DBOS, into docs/reliability.md (a quarter of an hour, on a machine that does nothing else)
	@test -x $(VENV)-peers/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(VENV)-peers
	@$(BIN)/uv pip install --quiet --python $(VENV)-peers/bin/python -r benchmarks/recovery/peers.txt
	@$(BIN)/python -m benchmarks.recovery --kills 50 --restarts 50 --peers --together 2 --write

chaos: setup ## kill, pause and restart everything while jobs run (an hour; CHAOS_MINUTES, CHAOS_JOBS, CHAOS_SEED)
	@$(BIN)/python -m pytest tests/chaos/test_matrix.py tests/acceptance/test_vendor_at_once.py tests/acceptance/test_vendor_workers.py -m ""
	@mkdir -p build/chaos; failed=0; for backend in $(CHAOS_BACKENDS); do \
		$(BIN)/python -m tests.chaos.monkey --backend $$backend --jobs $(CHAOS_JOBS) --minutes $(CHAOS_MINUTES) \
			$(if $(CHAOS_SEED),--seed $(CHAOS_SEED)) --keep --report build/chaos/$$backend.json || failed=1; \
	done; exit $$failed

docs: setup ## check that every example and link in the docs holds
	@$(BIN)/python -m pytest tests/docs

lock: setup ## resolve the dependencies anew
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--group dev --upgrade pyproject.toml --output-file requirements.lock

clean: ## remove what was made here
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .hypothesis

# Commands for people who build Stagepass; `make help` lists them.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
VALIDATORS := .venv-validators/.ready
TEST_FILES ?= 3
CHAOS_BACKENDS := sqlite+redis postgresql+rabbitmq mariadb+redis postgresql+redis
CHAOS_MINUTES ?= 10
CHAOS_JOBS ?= 5000
export UV_PYTHON_DOWNLOADS = never

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types up bench recovery chaos docs lock validators clean

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(READY) ## create .venv with all dependencies (other commands do it when needed)

$(READY): requirements.lock requirements.setup.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Stagepass needs Python 3.11 or newer; install it, or run: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "this Python has no venv; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.setup.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: setup ## make lyrics, a song and a clip on this machine; the last line is the path of the clip
	@$(BIN)/stagepass demo

up: setup ## start everything on this machine, without configuration
	@$(BIN)/stagepass up

test: setup ## run all tests, TEST_FILES files at a time; tests of missing servers are skipped with one line each
	@$(BIN)/python -m pytest -n $(TEST_FILES) --dist loadfile --no-loadscope-reorder

lint: setup ## check style, words, and that imports point downwards only
	@$(BIN)/ruff check src tests benchmarks examples
	@$(BIN)/ruff format --check src tests benchmarks examples
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.docs.words
	@$(BIN)/stagepass deploy all --check

validators: $(VALIDATORS) ## install what checks the deployment files into .venv-validators (tests/integration/test_deploy_files.py)

$(VALIDATORS): deploy/validators/requirements.lock $(READY)
	@$(BIN)/uv venv --quiet --python $(BIN)/python --clear .venv-validators
	@$(BIN)/uv pip install --quiet --python .venv-validators/bin/python --require-hashes -r deploy/validators/requirements.lock
	@touch $@

types: setup ## run the type checker, in strict mode
	@$(BIN)/mypy

bench: setup ## measure against a plain Celery chain, into docs/benchmarks.md
	@$(BIN)/python -m benchmarks.run --write

recovery: setup ## measure recovery after kill -9 against Celery and DBOS, into docs/reliability.md (15 minutes on an idle machine)
	@test -x $(VENV)-peers/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(VENV)-peers
	@$(BIN)/uv pip install --quiet --python $(VENV)-peers/bin/python -r benchmarks/recovery/peers.txt
	@$(BIN)/python -m benchmarks.recovery --kills 50 --restarts 50 --peers --together 2 --write

chaos: setup validators ## kill, pause and restart everything while jobs run (an hour; CHAOS_MINUTES, CHAOS_JOBS, CHAOS_SEED)
	@$(BIN)/python -m pytest tests/chaos/test_matrix.py tests/chaos/test_flows.py tests/engine/test_flow_property.py tests/acceptance/test_vendor_at_once.py tests/acceptance/test_vendor_workers.py tests/acceptance/test_deployed.py -m ""
	@mkdir -p build/chaos; failed=0; for backend in $(CHAOS_BACKENDS); do \
		$(BIN)/python -m tests.chaos.monkey --backend $$backend --jobs $(CHAOS_JOBS) --minutes $(CHAOS_MINUTES) \
			$(if $(CHAOS_SEED),--seed $(CHAOS_SEED)) --keep --report build/chaos/$$backend.json || failed=1; \
	done; exit $$failed

docs: setup ## check every example, command and link in the docs
	@$(BIN)/python -m pytest tests/docs

lock: setup ## resolve the dependencies again
	@echo "$$(grep -oE '^uv==[0-9.]+' requirements.setup.lock)" | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header - --output-file requirements.setup.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--upgrade deploy/validators/requirements.in --output-file deploy/validators/requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--group dev --upgrade pyproject.toml --output-file requirements.lock

clean: ## remove everything that was built
	rm -rf $(VENV) .venv-validators dist build .mypy_cache .ruff_cache .hypothesis

# Everything runs from a fresh clone with Python 3.11 or later; uv is fetched if it is missing.

UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
PYTHON := $(shell for p in python3 python3.15 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$p" && break; done)
READY := .venv/.ready
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test check bench faults alterations format clean

help: ## Show what there is to do
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 14

run: $(READY) ## Start PostgreSQL, the API and the projectors; Ctrl-C ends them
	@exec $(BIN)/ofrecord serve

test: $(READY) ## Run every test, on two workers
	@$(BIN)/pytest -n 2 --dist worksteal

check: $(READY) ## Look for mistakes without running anything: ruff, mypy, import-linter, house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/test_tidy.py

bench: $(READY) ## Measure speed, beside other ways to do the same in the same run
	@$(BIN)/python -m bench

faults: $(READY) ## Ill-treat the processes for long, from ten seeds (tests/faults; one short one is in the tests)
	@OFRECORD_FAULT_SEEDS=10 OFRECORD_FAULT_CLIENTS=60 $(BIN)/pytest tests/faults --timeout 3600

alterations: $(READY) ## Alter a log a thousand times in the database, and verify archives of it (tests/archives)
	@OFRECORD_ALTERATIONS=1000 $(BIN)/pytest tests/archives/test_alterations.py -n 2 --timeout 3600

format: $(READY) ## Put the code into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove what make made; the data folder stays
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The environment, exactly as uv.lock pins it. The system's certificates are the ones that also hold
# behind a company's proxy.
$(READY): pyproject.toml uv.lock | $(UV)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed, and was not found."; exit 1; }
	@$(UV) sync --frozen --quiet --system-certs --python "$(PYTHON)"
	@touch $@

.tools/bin/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed, and was not found."; exit 1; }
	@echo "uv is missing: fetching $(UV_VERSION) into .tools …"
	@"$(PYTHON)" -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# Every job of the project, one target each; CI calls the same ones.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test check fix docs tiny slow clean

## run: set up and run the nano recipe; ends by printing where the report is
run: $(READY)
	$(BIN)/hornbook run nano

## test: set up and run the fast tests
# Each worker, and each process that a test starts, would compile anew what is not kept.
test: export PYTHONDONTWRITEBYTECODE =
test: $(READY)
	$(BIN)/python -m pytest -n 3 --dist worksteal

## slow: the tests that take long
slow: $(READY)
	$(BIN)/python -m pytest -m slow

## check: format, lint, types, import directions, generated docs
check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

## fix: what the formatter and the linter can mend themselves
fix: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

## docs: generate the reference pages and the README's picture
docs: $(READY)
	$(BIN)/python docs/generate.py

## tiny: every stage end to end in under a minute, from an empty folder
tiny: $(READY)
	rm -rf runs/tiny
	$(BIN)/hornbook run tiny

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hornbook needs Python 3.11 or newer; call make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

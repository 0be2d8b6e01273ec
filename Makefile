# `make report` and `make test` do everything on a fresh machine, set-up included.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OUT ?= results

# The first Python on the path that is new enough.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.14 python3 python; do \
	if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; \
	then echo "$$p"; break; fi; done)

.PHONY: report test test-slow lint benchmark calibration docs clean

report: $(READY)
	$(BIN)/atc report --out $(OUT)

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-slow: $(READY)
	$(BIN)/python -m pytest -n 2 -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

docs: $(READY)
	$(BIN)/python scripts/make_docs.py
	$(BIN)/python scripts/make_gallery.py

benchmark: $(READY)
	$(BIN)/python scripts/benchmark.py

# About an hour on two cores; it goes on where it was interrupted.
calibration: $(READY)
	PYTHONPATH=scripts $(BIN)/python -m calibration

$(READY): pyproject.toml constraints.txt
ifeq ($(strip $(PYTHON)),)
	@echo "No Python 3.12 or newer was found: install one, or name it with 'make PYTHON=/path/to/python'." >&2; exit 1
else
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module: install the package that brings it (python3-venv on Debian)." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@
endif

clean:
	rm -rf $(VENV) results build *.egg-info .pytest_cache .ruff_cache .hypothesis

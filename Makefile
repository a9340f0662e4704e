# Two commands a newcomer needs: `make reproduce` and `make test`. Each makes its own environment in .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
# The versions last tested; `make CONSTRAINTS= reproduce` takes the newest instead.
CONSTRAINTS ?= -c constraints.txt
# Passed on, for example `make reproduce ARGS="--profile smoke --recipe cyclegan"`.
ARGS ?=
# The folder of the SWIR_HDR set, for `make publish`.
DATA_ROOT ?= data/swir_hdr

# Test files run beside each other, each in one process, which keeps what its fixtures made; tests/conftest.py says
# which go first.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: reproduce test suite cells quick lab golden book showcase publish clean

reproduce: $(READY)
	$(BIN)/python -m companion reproduce $(ARGS)

# The notebooks' cells beside the tests: a kernel keeps one core busy, and a test process another.
test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check nircore nirlab notebooks/companion tests
	$(MAKE) --jobs 2 --no-print-directory suite cells
	$(BIN)/python -m pytest -q tests/companion/test_inspector_browser.py  # a browser wants the cores for itself

suite: $(READY)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) --ignore tests/companion/test_inspector_browser.py

cells: $(READY)
	$(BIN)/python -m pytest --nbval notebooks -p no:cacheprovider --ignore notebooks/companion

# After each change: everything that takes no more than a few seconds.
quick: $(READY)
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not slow" tests

lab: $(READY)
	$(BIN)/jupyter lab --notebook-dir notebooks

# Execute the notebooks again on the smoke profile and keep only the golden outputs.
golden: $(READY)
	$(BIN)/python tests/notebooks/golden.py

# README, docs and the executed notebooks as a site, build/book/index.html; a broken link is an error.
book: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS) -e ".[book]"
	$(BIN)/python -m sphinx -W --keep-going -q -c docs/book -d build/doctrees . build/book

# Publish every table and figure of the repository anew, with one version: two hours; interrupted, it goes on. BM3D, for
# non-commercial use alone, is put beside the environment: the default run, which everyone can repeat, has none.
publish: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade $(CONSTRAINTS) --no-deps --target build/rivals bm3d bm4d
	PYTHONPATH=$(CURDIR)/build/rivals $(BIN)/python -m companion publish --data-root $(DATA_ROOT)
	$(MAKE) showcase
	$(BIN)/python -m companion quote

# Publish the default run: its settings, tables, figures, report and executed notebooks go into the repository.
showcase: reproduce
	$(BIN)/python -m companion showcase phantom-cpu

# torch and torchvision go in together: wheels of one and the other from different sources do not match.
# A path file lets `companion` be imported from any folder: it is never installed, and no wheel holds it.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS) -e ".[dev]"
	$(BIN)/python -c "import pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), 'companion.pth').write_text('$(CURDIR)/notebooks\n')"
	touch $@

clean:
	rm -rf .venv reports/phantom-* data/phantom-*

# Two commands a newcomer needs: `make reproduce` and `make test`. Each makes its own environment in .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
# The versions last tested; `make CONSTRAINTS= reproduce` takes the newest instead.
CONSTRAINTS ?= -c constraints.txt
# Passed on, for example `make reproduce ARGS="--profile smoke --recipe cyclegan"`.
ARGS ?=

.PHONY: reproduce test lab golden showcase clean

reproduce: $(READY)
	$(BIN)/nircore reproduce $(ARGS)

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check nircore tests
	$(BIN)/python -m pytest tests nircore
	$(BIN)/python -m pytest --nbval notebooks -p no:cacheprovider

lab: $(READY)
	$(BIN)/jupyter lab --notebook-dir .

# Execute the notebooks again on the smoke profile and keep only the golden outputs.
golden: $(READY)
	$(BIN)/python tests/notebooks/golden.py

# Publish the default run: its settings, tables, figures and report go into the repository, no frames, no weights.
showcase: reproduce
	rm -rf reports/showcase
	mkdir -p reports/showcase
	cp -r $(addprefix reports/phantom-cpu/,config.yaml report.md tables figures) reports/showcase/

# torch and torchvision go in together: wheels of one and the other from different sources do not match.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS) -e ".[dev]"
	touch $@

clean:
	rm -rf .venv reports/phantom-* data/phantom-*

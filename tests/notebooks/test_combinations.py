"""Every recipe and every profile through every notebook, at the smallest sizes: pairs that nobody would try."""

import os
from itertools import cycle

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from nircore.config import available
from nircore.reproduce import NOTEBOOKS as CHAIN
from nircore.run import MARK
from tests.notebooks.golden import NOTEBOOKS

# A warning stops no notebook: matplotlib draws a tensor of PyTorch, which does not know NumPy's newest keyword.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]
#: Sizes that leave a profile and a recipe as they are in all else.
SMALLEST = {"animals": 6, "height": 64, "width": 64, "crop": 32, "ngf": 4, "ndf": 4, "batch": 1, "epochs": 2}
SMALLEST |= {"steps_per_epoch": 1, "validation_frames": 1, "seeds": 1, "recipes": "", "timing_s": 0.01}
#: Each recipe and each profile is there at least once; the sizes are the test's own, so the pairing is free.
PAIRS = list(zip(available("recipes"), cycle(available("profiles"))))
#: All take ten minutes of a core: where nobody asks for them, the one that broke two notebooks once.
CHOSEN = PAIRS if os.environ.get("NIRCORE_COMBINATIONS") == "all" else [("pix2pix", "ablation")]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The phantom is the same for all."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def shell(tmp_path, monkeypatch, data):
    """A session like a notebook's kernel, in this process: starting ten kernels takes longer than their cells."""
    monkeypatch.setenv("NIRCORE_REPORTS", str(tmp_path / "reports"))
    monkeypatch.setenv("NIRCORE_DATA", str(data))
    monkeypatch.chdir(tmp_path)
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def ran(shell, path, **parameters):
    """Execute a notebook's cells in a fresh session, with parameters injected as papermill does."""
    shell.reset(new_session=True)
    for cell in nbformat.read(path, as_version=4).cells:
        sources = [cell.source] if cell.cell_type == "code" else []
        if "parameters" in cell.metadata.get("tags", []):
            sources.append("\n".join([MARK, *(f"{name} = {value!r}" for name, value in parameters.items())]))
        for source in sources:
            shell.run_cell(source, store_history=True).raise_error()


@pytest.mark.parametrize("recipe, profile", CHOSEN)
def test_every_notebook_runs_with_every_recipe_and_profile(shell, recipe, profile):
    for path in NOTEBOOKS:
        if path.stem in CHAIN:
            ran(shell, path, run="combined", profile=profile, recipe=recipe, **SMALLEST)


def test_every_recipe_and_every_profile_has_its_turn():
    recipes, profiles = map(set, zip(*PAIRS, strict=True))
    assert (
        recipes == set(available("recipes")) and profiles == set(available("profiles")) and set(CHOSEN) <= set(PAIRS)
    )

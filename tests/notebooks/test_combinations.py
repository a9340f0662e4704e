"""Every recipe and every profile through every notebook, at the smallest sizes: pairs that nobody would try."""

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


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A session like a notebook's kernel, in this process: starting ten kernels takes longer than their cells."""
    monkeypatch.setenv("NIRCORE_REPORTS", str(tmp_path / "reports"))
    monkeypatch.setenv("NIRCORE_DATA", str(tmp_path / "data"))
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


@pytest.mark.parametrize("recipe, profile", list(zip(available("recipes"), cycle(available("profiles")))))
def test_every_notebook_runs_with_every_recipe_and_profile(shell, recipe, profile):
    """Each recipe and each profile is there at least once; the sizes are the test's own, so the pairing is free."""
    assert len(available("recipes")) >= len(available("profiles"))
    for path in NOTEBOOKS:
        if path.stem in CHAIN:
            ran(shell, path, run="combined", profile=profile, recipe=recipe, **SMALLEST)

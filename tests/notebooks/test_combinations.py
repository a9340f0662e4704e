"""Every recipe and profile, and a user's folders, through every notebook, at the smallest sizes."""

import os
import sys
from itertools import cycle

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from companion.run import MARK, chain
from nircore.config import available
from tests.lab.made import frames, write
from tests.notebooks.golden import NOTEBOOKS

# A warning stops no notebook: matplotlib draws a tensor of PyTorch, which does not know NumPy's newest keyword.
pytestmark = [pytest.mark.slow("minutes"), pytest.mark.filterwarnings("default")]
#: Sizes that leave a profile and a recipe as they are in all else.
SMALLEST = {"animals": 6, "height": 64, "width": 64, "crop": 32, "ngf": 4, "ndf": 4, "batch": 1, "epochs": 2}
SMALLEST |= {"steps_per_epoch": 1, "validation_frames": 1, "seeds": 1, "recipes": "", "timing_s": 0.01}
#: Each recipe and each profile is there at least once; the sizes are the test's own, so the pairing is free.
PAIRS = list(zip(available("recipes"), cycle(available("profiles"))))
#: All take ten minutes of a core, for who asks; the one that broke two notebooks once is test_reproduce.py's chain.
ASKED = os.environ.get("NIRCORE_COMBINATIONS") == "all"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The phantom is the same for all."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def shell(tmp_path, monkeypatch, reports, data):
    """A session like a notebook's kernel, in this process: starting ten kernels takes longer than their cells."""
    monkeypatch.setenv("NIRCORE_DATA", str(data))
    monkeypatch.setenv(chain.IN_CHAIN, "1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # the session puts its own there
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


def chained(shell, **parameters):
    for path in NOTEBOOKS:
        if path.stem in [*chain.before(chain.LAST), chain.LAST]:
            ran(shell, path, **SMALLEST, **parameters)


@pytest.mark.skipif(not ASKED, reason="all pairs take ten minutes: NIRCORE_COMBINATIONS=all asks for them")
@pytest.mark.parametrize("recipe, profile", PAIRS)
def test_every_notebook_runs_with_every_recipe_and_profile(shell, recipe, profile):
    chained(shell, run="combined", profile=profile, recipe=recipe)


def test_a_users_folders_end_in_a_report_without_the_bad_file_on_request(shell, tmp_path):
    names = [f"{folder}/mouse{k}_{i:03d}.tif" for folder in ("low", "target") for k in range(4) for i in range(2)]
    for seed, name in enumerate(names):
        write(tmp_path / name, frames(1, (48, 48), seed))
    bad = tmp_path / "low" / "mouse9_000.tif"
    bad.write_bytes((tmp_path / "low" / "mouse0_000.tif").read_bytes()[:900])
    folders = {"low_light": str(tmp_path / "low"), "target": str(tmp_path / "target")}
    chained(shell, run="mine", profile="smoke", recipe="ssgan", dataset="folder", skip_bad=True, **folders)
    run = tmp_path / "reports" / "mine"
    assert (run / "report.html").is_file()
    assert str(bad) in (run / "tables" / "left_out.csv").read_text()
    assert "No frame" not in (run / "report.md").read_text() and "(no rows)" in (run / "report.md").read_text()

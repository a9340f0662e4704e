"""Opening a run from a notebook's parameters, with IPython's and papermill's ways of giving them."""

import papermill
import pytest

from companion.run import Run, open_run, places
from nircore.config import load_file
from nircore.errors import NircoreError
from nircore.recipe import resolve

CELL = '# Parameters\nfrom typing import Optional\n\nprofile: str = "smoke"\nepochs: Optional[int] = None\n'


pytestmark = pytest.mark.usefixtures("reports")


def notebook(*cells: str, **values):
    """A notebook's globals after these cells, while the cell that calls open_run is being executed."""
    return {"In": ["", *cells, "this_run = open_run(globals())"], "profile": "smoke", "epochs": None} | values


def test_defaults_are_the_profile():
    assert open_run(notebook(CELL)).config == resolve({"profile": "smoke"})


def test_an_injected_value_counts():
    run = open_run(notebook(CELL, "# Parameters\nepochs = 7\n", epochs=7))
    assert run.config.epochs == 7
    assert load_file(run.path("config.yaml")) == run.config


def test_a_users_own_variables_are_no_parameters():
    assert open_run(notebook("gain = 2.0", CELL, gain=2.0)).config == resolve({"profile": "smoke"})


def test_running_all_again_in_the_same_kernel_reads_the_newest_cells():
    cells = (CELL, "# Parameters\nepochs = 7\n", "this_run = open_run(globals())", "print(1)", CELL)
    assert open_run(notebook(*cells)).config.epochs == 10


def test_what_is_not_given_stays_as_the_run_was_made():
    open_run({"profile": "smoke", "epochs": 3, "learning_rate": 1e-3})
    later = open_run(notebook(CELL))
    assert (later.config.epochs, later.config.learning_rate) == (3, 1e-3)
    assert open_run({"profile": "smoke", "epochs": 4}).config.learning_rate == 1e-3


def test_another_profile_under_the_same_name_starts_from_its_own_values():
    open_run({"run": "mine", "profile": "smoke", "epochs": 3})
    assert open_run({"run": "mine", "profile": "cpu"}).config == resolve({"run": "mine", "profile": "cpu"})


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "x" * 200, "nul\0"])
def test_a_run_name_that_could_leave_the_folder_is_refused(name):
    with pytest.raises(NircoreError, match="cannot name a folder"):
        places.run_folder(name)


def test_a_missing_table_says_how_to_get_it():
    with pytest.raises(NircoreError, match="run the notebook"):
        Run(resolve({})).table("losses")


@pytest.mark.parametrize(
    "given, words",
    [({"epcohs": 5}, "'epcohs': did you mean 'epochs'"), ({"epochs": "five"}, "epochs='five' is not accepted")],
)
def test_plain_papermill_is_refused_by_the_first_call(tmp_path, reports, given, words):
    source = places.NOTEBOOKS / "02_training.ipynb"
    with pytest.raises(papermill.PapermillExecutionError, match=words) as caught:
        papermill.execute_notebook(
            source, tmp_path / "out.ipynb", given, kernel_name="python3", cwd=source.parent, progress_bar=False
        )
    assert caught.value.ename == "NircoreError"
    assert not reports.exists()

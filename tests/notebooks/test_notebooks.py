"""The notebooks as files, and that comparing their golden cells can fail."""

import ast
import copy
import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from companion.run import MARK, chain
from nircore.config import FIELDS
from nircore.recipe import resolve
from tests.notebooks.golden import NOTEBOOKS, is_golden, stripped

pytestmark = pytest.mark.slow

#: Stand-alone: compared like the others, no part of the chain.
ALONE = ["11_enhance_your_frames", "14_real_frames", "15_models_that_ship", "16_movies"]
EXPECTED = 18  # raise it with every notebook added: a lost one must not pass unseen


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_every_notebook_names_one_that_is_there_and_the_chain_is_a_line():
    names = [path.stem for path in NOTEBOOKS]
    assert len(names) == EXPECTED
    line = [*chain.before(chain.LAST), chain.LAST]
    assert line == sorted(line) and line == [name for name in names if name[:2] <= "10"]
    for name in names:
        assert set(chain.before(name)) <= set(names)
        assert name in ALONE or name == line[0] or chain.before(name)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestEachNotebook:
    def test_keeps_outputs_in_golden_cells_alone(self, path):
        notebook = nbformat.read(path, as_version=4)
        assert nbformat.writes(notebook) == nbformat.writes(stripped(notebook.copy()))
        golden = [cell for cell in code_cells(path) if is_golden(cell)]
        assert golden
        for cell in golden:
            assert cell.execution_count and cell.outputs and not any(o.output_type == "error" for o in cell.outputs)

    def test_cells_are_short_and_hold_no_logic(self, path):
        """A short loop over crops or panels is for the reader to see; what decides belongs elsewhere."""
        for cell in code_cells(path):
            assert len(cell.source.splitlines()) <= 15
            branches = (ast.While, ast.FunctionDef, ast.ClassDef, ast.Try)
            branches += () if path.stem in ALONE else (ast.If,)  # what a reader asks for by a parameter
            assert not any(isinstance(node, branches) for node in ast.walk(ast.parse(cell.source)))

    def test_parameters_are_settings_with_smoke_defaults(self, path):
        (cell,) = (cell for cell in code_cells(path) if "parameters" in cell.metadata.get("tags", []))
        assert cell.source.startswith(MARK)
        if path.stem in ALONE:
            return
        names = {node.target.id: node.value.value for node in ast.parse(cell.source).body if hasattr(node, "target")}
        assert set(names) <= set(FIELDS)
        assert {"run", "profile", "recipe", "dataset"} <= set(names)
        given = {name: value for name, value in names.items() if value is not None}
        assert resolve(given) == resolve({"profile": "smoke"})

    def test_explains_before_it_runs(self, path):
        cells = nbformat.read(path, as_version=4).cells
        assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
        assert sum(len(cell.source) for cell in cells if cell.cell_type == "markdown") > 500


PUBLISHED = """import pandas as pd
from companion.run import published

table = pd.read_csv(published("table1.csv")).add_prefix("published_").drop(columns="published_sample")"""


def test_a_changed_golden_value_fails(tmp_path):
    """Notebook 04's golden cell holds the published losses: nbval passes it as it is, and not with another value."""
    shutil.copy(NOTEBOOKS[0].parent / "conftest.py", tmp_path)
    notebook = nbformat.read(NOTEBOOKS[0].parent / "04_loss_table.ipynb", as_version=4)
    (golden,) = filter(is_golden, notebook.cells)
    changed = copy.deepcopy(golden)
    changed["id"] = "changed"
    (output,) = changed.outputs
    assert "12.0463" in output.text
    output.text = output.text.replace("12.0463", "12.0464")
    notebook.cells = [nbformat.v4.new_code_cell(PUBLISHED), golden, changed]
    nbformat.write(notebook, tmp_path / "04_loss_table.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "-v", "-p", "no:cacheprovider", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    cells = re.findall(r"::Cell \d (PASSED|FAILED)", result.stdout)
    assert result.returncode == 1 and cells == ["PASSED", "PASSED", "FAILED"], result.stdout

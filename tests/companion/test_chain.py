"""The chain of notebooks, on three small ones: what changes runs again, and nothing else."""

import json
from pathlib import Path

import nbformat
import pytest
from filelock import FileLock

from companion.run import Run, chain, closure, open_run, places
from nircore.errors import NircoreError
from nircore.recipe import resolve

PARAMETERS = '# Parameters\nrun: str = ""\nprofile: str = "smoke"\nrecipe: str = "ssgan"\ndataset: str = "phantom"'
CELLS = {
    "01_first": [
        "this_run = open_run(globals())",
        'this_run.write_table("first", pd.DataFrame({"x": [this_run.config.seed]}))',
    ],
    "02_second": [
        'this_run = open_run(globals(), after="01_first")',
        'from helper import twice\nthis_run.write_table("second", twice(this_run.table("first")))',
    ],
    "03_third": [
        'this_run = open_run(globals(), after="02_second")',
        'this_run.write_table("third", this_run.table("second"))',
    ],
}  # fmt: skip
HELPER = "def twice(table):\n    return 2 * table\n"


def write(folder: Path, name: str, cells: list[str], prose: str = "# A notebook") -> None:
    parameters = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    imports = nbformat.v4.new_code_cell("import pandas as pd\nfrom companion.run import open_run")
    code = [nbformat.v4.new_code_cell(source) for source in cells]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose), parameters, imports, *code])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, folder / f"{name}.ipynb")


@pytest.fixture
def books(tmp_path, monkeypatch, reports):
    """A folder with the three notebooks and the module that the second one imports."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name, cells in CELLS.items():
        write(folder, name, cells)
    (folder / "helper.py").write_text(HELPER)
    monkeypatch.setattr(places, "NOTEBOOKS", folder)
    monkeypatch.setitem(closure.ROOTS, "helper", folder)
    monkeypatch.delenv(chain.IN_CHAIN, raising=False)
    yield folder
    forget()


def forget() -> None:
    """Let the chain look at every file anew, as another process would."""
    for cached in (chain._stated, chain._inputs, closure._text, closure._modules):
        cached.cache_clear()


def ran(capsys, last: str = "03_third", **changed) -> list[str]:
    """Bring the run up to date and return the notebooks that ran."""
    forget()
    capsys.readouterr()
    chain.bring(resolve({"run": "tiny"} | changed), last)
    return [line.split(":")[0] for line in capsys.readouterr().out.splitlines() if ": running" in line]


def tiny() -> Run:
    return Run(resolve({"run": "tiny"}))


def test_the_notebooks_run_in_their_order_and_only_once(books, capsys):
    assert ran(capsys) == list(CELLS)
    assert tiny().table("third")["x"].tolist() == [0]
    assert all(tiny().path(f"notebooks/{name}.ipynb").is_file() for name in CELLS)
    assert ran(capsys) == []
    assert not list(tiny().folder.rglob(".partial*"))


def test_prose_reruns_nothing_and_a_cell_what_its_tables_touch(books, capsys):
    ran(capsys)
    write(books, "02_second", CELLS["02_second"], prose="# Another heading")
    assert ran(capsys) == []
    write(books, "02_second", [*CELLS["02_second"], "1 + 1"])
    assert ran(capsys) == ["02_second"]  # its table came out as it was, so the third notebook rests on the same
    (books / "helper.py").write_text(HELPER.replace("2 * table", "3 * table + 1"))
    assert ran(capsys) == ["02_second", "03_third"]
    assert tiny().table("third")["x"].tolist() == [1]


def test_a_published_table_that_a_notebook_reads_is_part_of_its_digest(books, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "REPOSITORY", tmp_path)
    table = tmp_path / "reports" / "recipes" / "table.csv"
    table.parent.mkdir(parents=True)
    table.write_text("x\n1\n")
    write(books, "01_first", ['this_run = open_run(globals(), beside="recipes/table.csv")'])
    forget()
    before = chain._digest(tiny(), "01_first")
    assert chain._digest(tiny(), "01_first") == before
    table.write_text("x\n2\n")
    assert chain._digest(tiny(), "01_first") != before


def test_a_setting_reruns_all_and_how_long_it_took_is_said(books, capsys):
    ran(capsys)
    forget()
    chain.bring(resolve({"run": "tiny", "seed": 5}), "03_third")
    said = capsys.readouterr().out
    assert tiny().table("third")["x"].tolist() == [10] and said.count(" s last time") == 3


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("x\n77\n")], ids=["lost", "changed"])
def test_a_table_that_is_not_what_its_notebook_wrote_is_made_again(books, capsys, spoil):
    ran(capsys)
    spoil(tiny().path("tables/second.csv"))
    assert ran(capsys) == ["02_second"]
    assert tiny().table("second")["x"].tolist() == [0]


def test_each_result_says_where_it_comes_from(books, capsys):
    ran(capsys)
    made = chain.origins(tiny())
    assert set(made) == {f"tables/{name}.csv" for name in ("first", "second", "third")}
    assert made["tables/second.csv"].startswith("02_second; nircore ")


def test_a_notebook_that_is_opened_alone_has_those_before_it_run_first(books, monkeypatch, capsys):
    opened = open_run({"run": "tiny", "profile": "smoke"}, after="02_second")
    assert opened.table("second")["x"].tolist() == [0] and not opened.path("tables/third.csv").is_file()
    assert "02_second: done" in capsys.readouterr().out
    monkeypatch.setenv(chain.IN_CHAIN, "1")
    opened.path("tables/second.csv").unlink()
    open_run({"run": "tiny", "profile": "smoke"}, after="02_second")
    assert not opened.path("tables/second.csv").is_file()  # in the chain nobody runs what runs anyway


def test_a_failing_notebook_is_named_and_kept_and_goes_on_once_it_is_mended(books, capsys):
    write(books, "02_second", [*CELLS["02_second"], "raise ValueError('no light')"])
    with pytest.raises(NircoreError, match=r"02_second.ipynb failed in cell \[6\]: ValueError: no light") as caught:
        ran(capsys)
    kept = tiny().path("notebooks/02_second.partial.ipynb")
    assert str(kept) in str(caught.value) and kept.is_file()
    write(books, "02_second", CELLS["02_second"])
    assert ran(capsys) == ["02_second", "03_third"] and not kept.is_file()


def test_a_kernel_that_dies_is_reported_in_one_sentence(books, capsys):
    write(books, "01_first", [CELLS["01_first"][0], "import os\nos._exit(1)"])
    with pytest.raises(NircoreError, match="01_first.ipynb: the kernel died, most likely for want of memory"):
        ran(capsys)


def test_one_process_at_a_time_makes_a_run(books, capsys):
    tiny().save_config()
    with FileLock(tiny().path(".lock")), pytest.raises(NircoreError, match="is being made by another process"):
        ran(capsys)


def test_what_a_notebook_rests_on_is_computed_however_far_it_lies():
    reached = {file.name for file in closure._reached("from companion.report import report")}
    assert {"report.md.j2", "chain.py", "config.py"} <= reached and "loop.py" not in reached
    assert closure.digest("import numpy") == closure.digest("import numpy")
    assert closure.digest("import numpy") != closure.digest("import numpy, torch")


def test_the_memory_of_another_version_is_no_obstacle(books, capsys):
    ran(capsys)
    tiny().path(chain.MEMORY).write_text("{")
    assert ran(capsys) == list(CELLS)
    assert set(json.loads(tiny().path(chain.MEMORY).read_text())) == set(CELLS)

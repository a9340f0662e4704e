"""The chain of notebooks: once in full on the smallest settings, then what changes re-run."""

import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from nircore import paths
from companion import reproduce as chain
from nircore.config import FIELDS, resolve
from nircore.errors import NircoreError
from companion.reproduce import NOTEBOOKS, Progress, reproduce
from companion.run import Run, notebooks, provenance
from companion.run.steps import made_in, makers

pytestmark = pytest.mark.slow

# The pair of recipe and profile whose notebooks broke once; the paper's system and a taught one are its rivals.
TINY = {"run": "tiny", "recipe": "pix2pix", "profile": "ablation", "recipes": "ssgan realtime", "seeds": 1,
        "animals": 12, "height": 64, "width": 64, "crop": 32, "ngf": 2, "ndf": 2, "blocks": 1, "epochs": 2,
        "steps_per_epoch": 1, "validation_fraction": 0.15, "validation_frames": 1, "timing_s": 0.01}  # fmt: skip
COUNT = 10


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A place of its own for runs, data and notebooks, with the chain run once; yields what runs it again."""
    root = tmp_path_factory.mktemp("world")
    shutil.copytree(paths.notebooks(), root / "notebooks")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("reports", "data", "notebooks"):
            patch.setenv(f"NIRCORE_{name.upper()}", str(root / name))
        assert ran(root) == list(NOTEBOOKS)
        yield root


def ran(root, **changed) -> list[str]:
    """Reproduce the tiny run and return the notebooks whose executed copy is new."""
    given = TINY | changed
    executed = {name: root / "reports" / "tiny" / "notebooks" / f"{name}.ipynb" for name in NOTEBOOKS}
    before = {name: path.stat().st_mtime_ns if path.exists() else 0 for name, path in executed.items()}
    report = reproduce(resolve(given))
    assert report.is_file()
    return [name for name, path in executed.items() if path.stat().st_mtime_ns != before[name]]


def test_the_chain_makes_every_artefact_it_promises(world):
    run = Run(resolve(TINY))
    aside = {name for name, step in makers().items() if step.aside}
    promised = [name for name, book in made_in().items() if book in NOTEBOOKS and name not in aside]
    assert len(NOTEBOOKS) == COUNT and len(promised) > 60
    assert [name for name in promised if not run.path(name).is_file()] == []
    assert not list(run.folder.rglob(".partial-*")) and not list(run.folder.rglob("*.partial.ipynb"))


def test_every_setting_is_used_by_a_step(world):
    """As it was recorded: all but those of other datasets and of recipes without pairs (test_fidelity_of_run.py)."""
    run = Run(resolve(TINY))
    used = {name for entry in provenance.records(run) for name in entry.settings}
    assert set(FIELDS) - used == {"run", "data_root", "low_light", "target", "skip_bad", "prevalence_share"}


def test_what_a_step_or_a_cell_read_is_what_it_opened(world):
    run = Run(resolve(TINY))
    read = {entry.step: set(entry.reads) for entry in provenance.records(run)}
    assert {"tables/losses.csv", "data/paper/table1.csv"} <= read["tables/table1_losses"]  # written by a cell
    assert "tables/split.csv" not in read["tables/table1_losses"] and "tables/split.csv" in read["training"]
    assert {"models/generator.safetensors", "tables/split.csv"} <= read["frame_pages"]
    assert read["figures/fig3c_losses"] == {"tables/table1_losses.csv"}
    assert {"data/paper/claims.yaml", "tables/table10_real_time.csv"} <= read["verdicts"]
    assert provenance.of(run, "verdicts").reads["tables/table7_recipes.csv"] == ""  # looked for, and not there


def test_every_figure_has_its_table_beside_it_and_is_small(world):
    run = Run(resolve(TINY))
    figures = sorted(run.path("figures").glob("*.png"))
    assert len(figures) >= 15
    assert max(path.stat().st_size for path in figures) <= 150_000


def test_the_report_shows_what_is_there(world):
    run = Run(resolve(TINY))
    markdown, html = run.path("report.md").read_text(), run.path("report.html").read_text()
    shown = [line.split("](")[1].split(")")[0] for line in markdown.splitlines() if line.startswith("![")]
    assert len(shown) >= 15 and all(run.path(name).is_file() for name in shown)
    assert html.count('src="data:image/png;base64,') == len(shown)
    assert "12.05" in markdown and "In&nbsp;[" not in html


def test_nothing_changed_nothing_runs(world, capsys):
    assert ran(world) == []
    assert "nothing changed" in capsys.readouterr().out


def test_edited_prose_reruns_nothing_and_an_edited_cell_its_notebook_alone(world):
    ran(world)  # whatever the tests before left
    path = world / "notebooks" / "02_training.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += "\n\nOne more sentence."
    nbformat.write(notebook, path)
    assert ran(world) == []
    checkpoint = world / "reports" / "tiny" / "models" / "checkpoint.safetensors"
    trained = checkpoint.stat().st_mtime_ns
    notebook.cells[-1] = nbformat.v4.new_code_cell("1 + 1")
    nbformat.write(notebook, path)
    assert ran(world) == ["02_training"]
    assert checkpoint.stat().st_mtime_ns == trained


def test_a_lost_table_is_made_again_and_a_half_written_file_goes(world):
    ran(world)
    half = world / "reports" / "tiny" / "tables" / ".partial-abc.csv"
    half.touch()
    (world / "reports" / "tiny" / "tables" / "table1_losses.csv").unlink()
    assert ran(world) == ["04_loss_table"]
    assert not half.exists()


@pytest.mark.parametrize("name, again", [("rank", {"07"}), ("quantitation", {"05", "06", "07", "10"})])
def test_a_changed_line_of_a_metric_reruns_what_imports_it_and_no_training(world, monkeypatch, name, again):
    ran(world)
    run, changed, read_text = Run(resolve(TINY)), paths.PACKAGE / "metrics" / f"{name}.py", Path.read_text
    assert all(notebooks.fresh(run, notebook) for notebook in NOTEBOOKS)
    edited = lambda path, **how: read_text(path, **how) + "# one more line\n" * (path == changed)  # noqa: E731
    monkeypatch.setattr(Path, "read_text", edited)
    assert {notebook[:2] for notebook in NOTEBOOKS if not notebooks.fresh(run, notebook)} == again
    assert provenance.fresh(run, provenance.of(run, "training"))


def test_a_failing_notebook_is_named_and_kept(world):
    ran(world)
    path = world / "notebooks" / "04_loss_table.ipynb"
    original = path.read_text()
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("1 / 0"))
    nbformat.write(notebook, path)
    executed = world / "reports" / "tiny" / "notebooks" / "04_loss_table.ipynb"
    before = executed.read_bytes()
    with pytest.raises(
        NircoreError, match=r"04_loss_table.ipynb failed in cell \[\d+\]: ZeroDivisionError"
    ) as caught:
        ran(world)
    partial = executed.with_name("04_loss_table.partial.ipynb")
    assert str(partial) in str(caught.value) and partial.is_file()
    assert executed.read_bytes() == before
    path.write_text(original)
    assert ran(world) == [] and not partial.exists()  # what was made before is as it was


def test_a_kernel_that_dies_is_reported_in_one_sentence(world):
    ran(world)
    path = world / "notebooks" / "04_loss_table.ipynb"
    original = path.read_text()
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("import os; os.kill(os.getpid(), 9)"))
    nbformat.write(notebook, path)
    with pytest.raises(NircoreError, match="04_loss_table.ipynb: the kernel died"):
        ran(world)
    path.write_text(original)
    assert ran(world) == []


def test_table1_has_our_epochs_beside_the_published_rows(world):
    table = Run(resolve(TINY)).table("table1_losses")
    published = pd.read_csv(paths.REPOSITORY / "data" / "paper" / "table1.csv")
    assert list(table["published_generator"]) == list(published["generator"])[: len(table)]
    assert table["generator"].notna().all()


def test_a_training_setting_reruns_training_and_what_depends_on_it(world, monkeypatch):
    """The last of those that use the run: it changes what all others look at."""
    ran(world)
    begun = dict.fromkeys(list(NOTEBOOKS)[:3], 1)
    monkeypatch.setattr(chain, "NOTEBOOKS", begun)
    assert ran(world, learning_rate=1e-3) == ["02_training", "03_stepwise_enhancement"]
    assert (world / "reports" / "tiny" / "models-replaced").is_dir()
    run = Run(resolve(TINY | {"learning_rate": 1e-3}))
    rest = {name: notebooks.fresh(run, name) for name in NOTEBOOKS if name not in begun}
    assert [name for name, fresh in rest.items() if fresh] == ["08_real_time"]


def test_progress_moves_with_what_the_kernel_prints():
    progress = Progress(total=100)
    progress.begin("02_training", 50)
    progress.write("epoch 5/10  G 3.2")
    assert progress.bar.n == 25
    progress.write("epoch 4/10")  # never backwards
    assert progress.bar.n == 25
    progress.end()
    assert progress.bar.n == 50
    progress.bar.close()

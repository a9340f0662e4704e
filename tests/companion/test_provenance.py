"""What a step depends on is computed, what made an artefact is recorded, and a run is an RO-Crate."""

import hashlib
import json
import os
import re
import sys

import pandas as pd
import pytest

from companion import publish
from nircore import paths
from nircore.config import resolve
from nircore.data.frames import sha256
from nircore.errors import NircoreError
from nircore.paths import PACKAGE, VERSION
from companion.run import Run, closure, freshness, kernel, notebooks, provenance
from companion.run.steps import Step, made_in, makers, step
from companion.study.image_metrics import image_metrics
from companion.study.split_table import data_split

STEPS = sorted(notebooks.asked())


def files_of(step: str) -> set[str]:
    module, _ = notebooks.asked()[step]
    return {path.relative_to(PACKAGE).as_posix() for path in closure.closure(module)}


class TestClosure:
    """Which steps run again after a line of a module has changed."""

    def test_what_a_step_imports_is_among_its_sources_however_far(self):
        assert {"study/metric_quality_table.py", "run/__init__.py", "metrics/rank.py"} <= files_of(
            "metric_quality_table"
        )
        assert "metrics/vessel_width.py" in files_of("spectrum_shift")  # through study.spectrum_shift
        assert "baselines/noise2void.py" in files_of("benchmark")  # imported inside a function

    @pytest.mark.parametrize("changed", ["metrics/rank.py", "training/cyclegan.py", "lab/page_parts.py"])
    def test_it_is_what_python_loads(self, changed):
        """An independent reading: who imports the module, by plain text, level after level."""
        sources = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*.py")}
        reached, new = {changed}, {changed}
        while new:
            names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in new}
            new = {path for path, text in sources.items() if any(imports(text, name) for name in names)} - reached
            reached |= new
        for name in STEPS:
            home = notebooks.asked()[name][0].removeprefix("nircore.").replace(".", "/") + ".py"
            assert (changed in files_of(name)) == (home in reached), name

    def test_drawing_and_own_frames_touch_no_number(self):
        drawn = [name for name in STEPS if any(file.startswith("plots/") for file in files_of(name))]
        assert set(drawn) <= {"frame_pages", "report"}  # a page and a report hold pictures
        assert not any("lab/cluster.py" in files_of(name) for name in STEPS)

    def test_templates_are_among_them_with_those_they_build_on(self):
        assert {"templates/report.md.j2", "templates/report.html.j2", "templates/page.html.j2"} <= files_of("report")
        rendering = [name for name in STEPS if "templates/parts.html.j2" in files_of(name)]
        assert rendering == [name for name in STEPS if "lab/pages.py" in files_of(name)] == ["frame_pages"]
        assert "templates/report.md.j2" not in files_of("frame_pages")

    def test_the_version_is_no_code(self):
        assert not any(file == "__init__.py" for name in STEPS for file in files_of(name))


def imports(text: str, module: str) -> bool:
    room, _, name = module.rpartition(".")
    parent = f"nircore.{room}".rstrip(".")
    listed = re.findall(rf"from {re.escape(parent)} import (\([^)]*\)|[^\n]*)", text)
    named = any(re.search(rf"\b{name}\b", names) for names in listed)
    return named or bool(re.search(rf"(from|import) nircore\.{re.escape(module)} ?(import|as|$|\n)", text))


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A run whose split was made."""
    monkeypatch.setenv("NIRCORE_REPORTS", str(tmp_path / "reports"))
    monkeypatch.setenv("NIRCORE_DATA", str(tmp_path / "data"))
    run = Run(resolve({"run": "made", "animals": 8, "height": 64, "width": 64, "crop": 32, "ngf": 2, "blocks": 1}))
    run.save_config()
    run.make(data_split)
    return run


def test_every_artefact_says_what_made_it(made):
    (entry,) = provenance.records(made)
    assert set(entry.writes) == set(data_split.promised) and entry.version == VERSION and entry.step == "data_split"
    for name, digest in entry.writes.items():
        assert digest == sha256(made.path(name))
    assert {"crop": 32, "seed": 0, "animals": 8}.items() <= entry.settings.items()
    assert not {"run", "epochs", "learning_rate", "teacher"} & set(entry.settings)
    assert provenance.by_artefact(made)["tables/split.csv"] == entry
    assert re.fullmatch(rf"step data_split; nircore {VERSION}( \([0-9a-f]+\+?\))?", str(entry))


class Shell:
    """A notebook's shell: runs cells, and tells before and after."""

    def __init__(self):
        self.execution_count, self.callbacks = 0, {"pre_run_cell": [], "post_run_cell": []}
        self.events = self.history_manager = self
        self.input_hist_parsed = []

    def register(self, event, function):
        self.callbacks[event].append(function)

    def unregister(self, event, function):
        self.callbacks[event].remove(function)

    def run(self, source, cell):
        self.execution_count += 1
        self.input_hist_parsed.append(source)
        for function in self.callbacks["pre_run_cell"]:
            function(None)
        cell()
        for function in self.callbacks["post_run_cell"]:
            function(self)


@pytest.fixture
def shell(made, monkeypatch):
    """A shell that opened the run in a notebook."""
    shell, ipython = Shell(), type(sys)("IPython")
    ipython.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setenv("NIRCORE_NOTEBOOK", "04_loss_table")
    kernel.follow(made)
    yield shell
    monkeypatch.delitem(sys.modules, "IPython")
    kernel.follow(made)


def test_the_cell_that_wrote_an_artefact_is_named_with_what_it_read(made, shell):
    made.write_table("read", pd.DataFrame({"a": [1]}))
    shell.run("from nircore.metrics import rank", lambda: made.table("split"))
    shell.run("", lambda: made.write_table("drawn", made.table("read")))
    entry = provenance.by_artefact(made)["tables/drawn.csv"]
    assert (entry.notebook, entry.cell, entry.step) == ("04_loss_table", 2, "tables/drawn")
    assert set(entry.reads) == {"tables/read.csv"} and "nircore.metrics.rank" in entry.modules
    assert str(entry).startswith("04_loss_table, cell 2; nircore ")
    assert str(entry).endswith(f"; from tables/read.csv {sha256(made.path('tables/read.csv'))[:8]}")
    assert set(kernel.followed(made, "04_loss_table").reads) > {str(made.path("tables/split.csv"))}


def test_a_cell_with_a_slip_in_it_does_not_stop_the_record(made, shell):
    shell.run("from nircore import (", lambda: None)
    shell.run("", lambda: made.write_table("drawn", pd.DataFrame({"a": [2]})))
    assert provenance.by_artefact(made)["tables/drawn.csv"].cell == 2


def test_what_a_step_writes_is_the_steps_and_no_cells(made, shell):
    made.path("tables/split.csv").unlink()
    shell.run("", lambda: made.make(data_split))
    assert {entry.step for entry in provenance.records(made)} == {"data_split"}
    assert provenance.by_artefact(made)["tables/split.csv"].cell == 1
    assert str(made.path("tables/split.csv")) in kernel.followed(made, "04_loss_table").writes


def test_a_step_that_did_not_have_to_run_is_what_a_notebook_rests_on_too(made, shell):
    shell.run("", lambda: made.make(data_split))
    assert str(made.path("tables/split.csv")) in kernel.followed(made, "04_loss_table").writes
    assert "crop" in kernel.followed(made, "04_loss_table").used


class TestFreshness:
    """A step is made again when what it rests on changed, whatever that is, and for nothing else."""

    @pytest.fixture
    def step(self, made):
        """A step that reads a table, looks for a file and lists a folder; yields run and record."""
        made.write_table("read", pd.DataFrame({"a": [1]}))
        with freshness.recording() as ledger:
            ledger.modules.add("companion.study.stepwise")
            made.table("read")
            assert (
                made.config.gan == "bce"
                and not made.has("models/absent")
                and len(list(made.path("tables").iterdir()))
            )
            made.write_table("drawn", made.table("read"))
            made.table("drawn")  # of its own making: no reason to make it again
        return made, provenance.record(made, "step", ledger)

    def test_what_it_rests_on_is_noted(self, step):
        run, entry = step
        assert entry.settings == {"gan": "bce"} | {
            key: getattr(run.config, key) for key in ("dataset", "profile", "recipe")
        }
        assert set(entry.reads) == {"tables/read.csv", "models/absent", "tables/"}
        assert set(entry.writes) == {"tables/drawn.csv"}

    def test_nothing_changed(self, step):
        assert provenance.fresh(*step)
        assert provenance.fresh(Run(step[0].config.replace(epochs=3)), step[1])
        paths.write_text(step[0].path("models/another"), "")
        assert provenance.fresh(*step)

    @pytest.mark.parametrize(
        "change",
        [
            lambda run: run.write_table("read", pd.DataFrame({"a": [3]})),
            lambda run: run.path("tables/read.csv").unlink(),
            lambda run: run.path("tables/drawn.csv").unlink(),
            lambda run: paths.write_text(run.path("models/absent"), ""),
            lambda run: paths.write_text(run.path("tables/new.png"), ""),
        ],
        ids=["read", "read and gone", "written and gone", "looked for and there", "one more in the folder"],
    )
    def test_a_file_changed(self, step, change):
        change(step[0])
        assert not provenance.fresh(*step)

    def test_a_setting_or_a_line_of_code_or_a_cell_changed(self, step, monkeypatch):
        run, entry = step
        assert not provenance.fresh(Run(run.config.replace(gan="lsgan")), entry)
        assert not provenance.fresh(run, entry, ["a cell"])
        monkeypatch.setattr(closure, "closure", lambda module: frozenset())
        assert not provenance.fresh(run, entry)

    def test_a_record_that_cannot_be_read_is_none(self, made):
        made.path("provenance/data_split.json").write_text("{")
        assert provenance.of(made, "data_split") is None and not provenance.fresh(made, None)

    def test_a_file_that_is_written_again_at_once_is_noticed(self, tmp_path):
        digests, path = freshness.Digests(tmp_path / "known.json"), tmp_path / "a"
        path.write_text("one")
        first = digests.of(path)
        path.write_text("two")  # of the same size, within a tick of the clock that dates files
        assert digests.of(path) != first == sha256_of(b"one")

    def test_an_old_file_is_hashed_once(self, tmp_path):
        digests, path = freshness.Digests(tmp_path / "known.json"), tmp_path / "a"
        path.write_text("one")
        os.utime(path, (1, 1))
        first = digests.of(path)
        digests.save()
        path.write_text("two")
        os.utime(path, (1, 1))
        assert freshness.Digests(tmp_path / "known.json").of(path) == first


def sha256_of(content):
    return hashlib.sha256(content).hexdigest()


def test_a_step_asked_for_alone_makes_what_it_misses(made, capsys):
    """`image_metrics` reads what `stepwise` writes, which reads what `training` does: nobody says so beforehand."""
    made.path("tables/split.csv").unlink()
    run = Run(made.config.replace(epochs=1, steps_per_epoch=1))
    run.make(image_metrics)
    done = re.findall(r"^(\w+): done$", capsys.readouterr().out, re.MULTILINE)
    assert done == ["data_split", "training", "stepwise", "image_metrics"]
    run.make(image_metrics)
    assert "image_metrics: nothing changed" in capsys.readouterr().out
    run.path("tables/enhanced.csv").unlink()
    run.make(image_metrics)
    assert "stepwise: done" in capsys.readouterr().out


def test_a_file_that_a_notebooks_cell_makes_is_made_by_running_that_notebook(made, monkeypatch):
    executed = []

    def execute(run, name, stream):
        executed.append(name)
        run.write_table("table1_losses", pd.DataFrame({"a": [1]}))

    @step("tables/needing.csv")
    def needing(run):
        run.write_table("needing", run.table("table1_losses"))

    monkeypatch.setattr(notebooks, "execute", execute)
    made.make(needing)
    made.make(needing)
    assert executed == ["04_loss_table"] == [made_in()["tables/table1_losses.csv"]]


def test_a_step_made_aside_is_never_begun_for_another(made):
    @step("tables/needing.csv")
    def needing(run):
        run.write_table("needing", run.table("table7_recipes"))

    assert makers()["tables/table7_recipes.csv"].aside
    with pytest.raises(NircoreError, match="There is no table .*table7_recipes.csv"):
        made.make(needing)


def test_a_run_is_an_ro_crate(made):
    pytest.importorskip("rocrate", reason="rocrate is not installed: pip install 'nircore[crate]'")
    path = publish.crate(made)
    graph = {entity["@id"]: entity for entity in json.loads(path.read_text())["@graph"]}
    assert path == made.path("ro-crate-metadata.json")
    for name in data_split.promised:
        assert graph[name]["sha256"] == sha256(made.path(name))
        assert {"@id": name} in graph["./"]["hasPart"] and {"@id": name} in graph["#data_split"]["result"]
    assert graph["#data_split"]["instrument"] == {"@id": "#nircore"}
    assert graph["#nircore"]["softwareVersion"].startswith(VERSION)
    before = path.read_bytes()
    assert publish.crate(made).read_bytes() == before


def test_a_crate_of_nothing_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("rocrate", reason="rocrate is not installed: pip install 'nircore[crate]'")
    monkeypatch.setenv("NIRCORE_REPORTS", str(tmp_path))
    with pytest.raises(NircoreError, match="Nothing is recorded in .*provenance: run nircore reproduce first"):
        publish.crate(Run(resolve({"run": "empty"})))


def test_a_step_that_does_not_keep_its_promise_is_a_defect(made):
    empty = Step(lambda run: None, ("tables/never.csv",), aside=False)
    with pytest.raises(NircoreError, match="The step <lambda> did not write tables/never.csv, as .*test_provenance"):
        made.make(empty)

"""What a step depends on is computed, what made an artefact is recorded, and a run is an RO-Crate."""

import hashlib
import json
import os
import re
import sys

import pandas as pd
import pytest

from nircore import freshness, paths, publish
from nircore.config import resolve
from nircore.data.frames import sha256
from nircore.errors import NircoreError
from nircore.paths import PACKAGE, VERSION
from nircore.run import Run
from nircore.stages import STAGES, closure, make, provenance


def files_of(stage: str) -> set[str]:
    return {path.relative_to(PACKAGE).as_posix() for path in closure.closure(f"nircore.stages.{stage}")}


class TestClosure:
    """Which steps run again after a line of a module has changed."""

    def test_what_a_step_imports_is_among_its_sources_however_far(self):
        assert {"stages/loss_table.py", "plots/losses.py", "plots/style.py", "run.py"} <= files_of("loss_table")
        assert "metrics/vessel_width.py" in files_of("spectrum_shift")  # through study.spectrum_shift
        assert "baselines/noise2void.py" in files_of("benchmark")  # imported inside a function

    @pytest.mark.parametrize("changed", ["metrics/rank.py", "training/cyclegan.py", "plots/fidelity.py"])
    def test_it_is_what_python_loads(self, changed):
        """An independent reading: who imports the module, by plain text, level after level."""
        sources = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*.py")}
        reached, new = {changed}, {changed}
        while new:
            names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in new}
            new = {path for path, text in sources.items() if any(imports(text, name) for name in names)} - reached
            reached |= new
        for stage in STAGES:
            assert (changed in files_of(stage)) == (f"stages/{stage}.py" in reached), stage

    def test_a_figure_of_one_step_touches_no_other(self):
        assert [name for name in STAGES if "plots/split.py" in files_of(name)] == ["data_split"]
        assert not any("lab/cluster.py" in files_of(name) for name in STAGES)

    def test_templates_are_among_them_with_those_they_build_on(self):
        assert {"templates/report.md.j2", "templates/report.html.j2", "templates/page.html.j2"} <= files_of("report")
        rendering = [name for name in STAGES if "templates/parts.html.j2" in files_of(name)]
        assert rendering == [name for name in STAGES if "lab/pages.py" in files_of(name)] and "explain" in rendering
        assert "templates/report.md.j2" not in files_of("explain")

    def test_the_version_is_no_code(self):
        assert not any("__init__.py" in files_of(name) for name in STAGES)


def imports(text: str, module: str) -> bool:
    room, _, name = module.rpartition(".")
    parent = f"nircore.{room}".rstrip(".")
    listed = re.findall(rf"from {re.escape(parent)} import (\([^)]*\)|[^\n]*)", text)
    named = any(re.search(rf"\b{name}\b", names) for names in listed)
    return named or bool(re.search(rf"(from|import) nircore\.{re.escape(module)} ?(import|as|$|\n)", text))


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A run whose step `architecture` was made: networks drawn, nothing trained."""
    monkeypatch.setenv("NIRCORE_REPORTS", str(tmp_path / "reports"))
    monkeypatch.setenv("NIRCORE_DATA", str(tmp_path / "data"))
    run = Run(resolve({"run": "drawn", "ngf": 2, "ndf": 2, "crop": 32}))
    run.save_config()
    make(run, "architecture")
    return run


def test_every_artefact_says_what_made_it(made):
    (entry,) = provenance.records(made)
    assert (
        set(entry.writes) == set(STAGES["architecture"]) and entry.version == VERSION and entry.step == "architecture"
    )
    for name, digest in entry.writes.items():
        assert digest == sha256(made.path(name))
    assert {"crop": 32, "ngf": 2, "ndf": 2, "blocks": 6}.items() <= entry.settings.items()
    assert not {"run", "epochs", "learning_rate", "teacher"} & set(entry.settings)
    assert provenance.by_artefact(made)["figures/fig2a_generator.png"] == entry
    assert re.fullmatch(rf"step architecture; nircore {VERSION}( \([0-9a-f]+\+?\))?", str(entry))


def test_the_cell_that_asked_is_named(made, monkeypatch):
    class Shell:
        execution_count = 7

    ipython = type(sys)("IPython")
    ipython.get_ipython = Shell
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setenv("NIRCORE_NOTEBOOK", "04_loss_table")
    made.write_table("read", pd.DataFrame({"a": [1]}))
    with freshness.recording() as ledger:
        made.table("read")
        made.write_table("drawn", pd.DataFrame({"a": [2]}))
    provenance.keep(made, provenance.record(made, "drawn", ledger))
    entry = provenance.by_artefact(made)["tables/drawn.csv"]
    assert (entry.notebook, entry.cell) == ("04_loss_table", 7)
    assert str(entry).startswith("04_loss_table, cell 7; nircore ")
    assert str(entry).endswith(f"; from tables/read.csv {sha256(made.path('tables/read.csv'))[:8]}")
    assert not any("/tmp" in name for name in entry.reads)


class TestFreshness:
    """A step is made again when what it rests on changed, whatever that is, and for nothing else."""

    @pytest.fixture
    def step(self, made):
        """A step that reads a table, looks for a file and lists a folder; yields run and record."""
        made.write_table("read", pd.DataFrame({"a": [1]}))
        with freshness.recording() as ledger:
            ledger.modules.add("nircore.stages.loss_table")
            made.table("read")
            assert (
                made.config.gan == "bce"
                and not made.has("models/absent")
                and len(list(made.path("figures").iterdir()))
            )
            made.write_table("drawn", made.table("read"))
            made.table("drawn")  # of its own making: no reason to make it again
        return made, provenance.record(made, "step", ledger)

    def test_what_it_rests_on_is_noted(self, step):
        run, entry = step
        assert entry.settings == {"gan": "bce"} | {
            key: getattr(run.config, key) for key in ("dataset", "profile", "recipe")
        }
        assert set(entry.reads) == {"tables/read.csv", "models/absent", "figures/"}
        assert set(entry.writes) == {"tables/drawn.csv"}

    def test_nothing_changed(self, step):
        assert provenance.fresh(*step)
        assert provenance.fresh(Run(step[0].config.replace(epochs=3)), step[1])
        step[0].write_table("another", pd.DataFrame({"a": [1]}))
        assert provenance.fresh(*step)

    @pytest.mark.parametrize(
        "change",
        [
            lambda run: run.write_table("read", pd.DataFrame({"a": [3]})),
            lambda run: run.path("tables/read.csv").unlink(),
            lambda run: run.path("tables/drawn.csv").unlink(),
            lambda run: paths.write_text(run.path("models/absent"), ""),
            lambda run: paths.write_text(run.path("figures/new.png"), ""),
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
        made.path("provenance/architecture.json").write_text("{")
        assert provenance.of(made, "architecture") is None and not provenance.fresh(made, None)

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
    """`loss_table` reads what `training` writes, which reads what `data_split` does: nobody says so beforehand."""
    run = Run(made.config.replace(epochs=1, steps_per_epoch=1, blocks=1, animals=8, height=64, width=64))
    make(run, "loss_table")
    assert re.findall(r"^(\w+): done$", capsys.readouterr().out, re.MULTILINE)[-3:] == [
        "data_split",
        "training",
        "loss_table",
    ]
    make(run, "loss_table")
    assert "loss_table: nothing changed" in capsys.readouterr().out
    run.path("tables/split.csv").unlink()
    make(run, "loss_table")
    assert "data_split: done" in capsys.readouterr().out


def test_a_run_is_an_ro_crate(made):
    pytest.importorskip("rocrate", reason="rocrate is not installed: pip install 'nircore[crate]'")
    path = publish.crate(made)
    graph = {entity["@id"]: entity for entity in json.loads(path.read_text())["@graph"]}
    assert path == made.path("ro-crate-metadata.json")
    for name in STAGES["architecture"]:
        assert graph[name]["sha256"] == sha256(made.path(name))
        assert {"@id": name} in graph["./"]["hasPart"] and {"@id": name} in graph["#architecture"]["result"]
    assert graph["#architecture"]["instrument"] == {"@id": "#nircore"}
    assert graph["#nircore"]["softwareVersion"].startswith(VERSION)
    before = path.read_bytes()
    assert publish.crate(made).read_bytes() == before


def test_a_crate_of_nothing_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("rocrate", reason="rocrate is not installed: pip install 'nircore[crate]'")
    monkeypatch.setenv("NIRCORE_REPORTS", str(tmp_path))
    with pytest.raises(NircoreError, match="Nothing is recorded in .*provenance: run nircore reproduce first"):
        publish.crate(Run(resolve({"run": "empty"})))


def test_a_step_that_does_not_keep_its_promise_is_a_defect(made, monkeypatch):
    from nircore import stages

    monkeypatch.setitem(stages.STAGES, "architecture", ("tables/never.csv",))
    with pytest.raises(NircoreError, match="The step architecture did not write tables/never.csv, as it promises"):
        make(made, "architecture")

"""The fidelity tests of a run: each leaves a table, or says why not; and one table sums up."""

import numpy as np
import pandas as pd
import pytest
import torch

from companion.plots import fidelity as draw
from companion.run import Run
from companion.study import training
from companion.study.fidelity import of_run as stage
from companion.study.fidelity import redegradation, summary
from companion.study.fidelity.animals import Animal
from companion.study.split_table import data_split
from nircore.data.frames import write_frame
from nircore.models import build_generator, checkpoint
from nircore.recipe import resolve

pytestmark = pytest.mark.slow

TESTS = ("linearity", "structures", "faint", "widths", "emptiness", "redegradation", "cycle", "prevalence")
SMALL = {"height": 96, "width": 80, "crop": 32, "animals": 6, "ngf": 2, "blocks": 1, "device": "cpu"}


@pytest.fixture
def world(reports, monkeypatch):
    """A place for runs, and few animals; returns a run whose networks were never trained."""
    for name, value in {"KNOWN": 1, "SWEPT": 1, "CYCLED": 1, "RETRAINED": 2, "RETESTED": 1}.items():
        monkeypatch.setattr(stage, name, value)

    def made(**given) -> Run:
        run = Run(resolve(SMALL | given))
        data_split(run)
        save(run, "generator", build_generator(run.config).state_dict())
        pair = {f"{part}/{k}": v for seed, part in enumerate(("g_ab", "g_ba"))
                for k, v in build_generator(run.config, seed).state_dict().items()}  # fmt: skip
        save(run, "checkpoint", pair)
        tuned = {"method": ["low-light", "non-local means"], "tuned": ["", "0.4"]}
        run.write_table("table3_truth", pd.DataFrame(tuned))
        return run

    return made


def save(run, name, tensors):
    checkpoint.save(run.path(f"models/{name}.safetensors"), tensors, run.config, {})


@pytest.fixture
def trained(monkeypatch):
    """What the trainer was called with."""
    calls = []

    def train_frames(config, low_light, target, view, folder, before):
        calls.append((config, low_light, target, folder))
        return build_generator(config)

    monkeypatch.setattr(training, "train_frames", train_frames, raising=False)
    return calls


def test_the_phantom_gets_every_test(world, trained):
    run = world(epochs=8, prevalence_share=0.25)
    extra = build_generator(run.config, 9).state_dict()
    save(run, f"oracle-{run.config.seed}/generator", extra)
    stage.fidelity(run)
    table = run.table("table5_fidelity")
    assert list(table.columns) == summary.COLUMNS and set(table["test"]) == set(TESTS)
    assert not (table["measure"] == "not done").any()
    for name in TESTS:
        rows = run.table(f"fidelity_{name}")
        assert len(rows) and "reason" not in rows
        getattr(draw, name)(rows) if hasattr(draw, name) else draw.numbers(rows, name)
    compared = ["low-light", "non-local means", "enhanced", "oracle"]
    for name in ("linearity", "structures", "faint", "widths", "emptiness", "redegradation"):
        assert [n for n in run.table(f"fidelity_{name}")["denoiser"].unique() if n in compared] == compared
    assert len(trained) == 3 and {config.epochs for config, *_ in trained} == {2}
    assert len({folder for *_, folder in trained}) == 3
    assert all(len(low) == len(target) == 2 for _, low, target, _ in trained)
    assert set(run.table("fidelity_prevalence")["steps"]) == {2 * run.config.steps_per_epoch}
    told = table.loc[table["test"] == "prevalence", "on"]
    assert told.str.contains(
        f"{2 * run.config.steps_per_epoch} of the run's {8 * run.config.steps_per_epoch} steps"
    ).all()
    agree(run, table)


def agree(run, table):
    """What the summary says is what the tables hold, and the input and the controls are what they must be."""
    table = table.set_index(["test", "measure", "denoiser"])["number"]
    cases = run.table("fidelity_redegradation")
    control = cases[cases["denoiser"] == "clean low-light"]["chi2"].mean()
    assert table["redegradation", "reduced chi2", "clean low-light"] == pytest.approx(control)
    assert control == pytest.approx(1, abs=0.06)
    assert table["redegradation", "reduced chi2", "low-light"] == pytest.approx(0, abs=1e-9)
    assert table["structures", "lesions missed", "low-light"] == 0
    assert table["emptiness", "largest excursion", "low-light"] == pytest.approx(3.3, abs=0.3)
    assert table["linearity", "R2, lesion", "clean low-light"] == pytest.approx(1)


def test_a_recipe_without_a_way_back_says_so(world):
    run = world()
    assert len(stage._translators(run)) == 2
    save(run, "checkpoint", {"average/x": torch.zeros(1)})
    assert "way back" in stage._left_out(run, "cycle")
    run.path("models/checkpoint.safetensors").unlink()
    assert "way back" in stage._left_out(run, "cycle")


def test_frames_without_truth_get_the_tests_that_need_none(world, trained, tmp_path):
    for k in range(4):
        animal = Animal(k, (64, 64))
        for domain, scale in (("low", 1), ("high", 3)):
            pixels = np.clip(scale * animal.noisy(scale) + 100, 0, None).astype(np.uint16)
            write_frame(tmp_path / f"{domain}/m{k}/frame.tif", pixels, np.uint16)
    folders = {"dataset": "folder", "low_light": str(tmp_path / "low"), "target": str(tmp_path / "high")}
    run = world(**folders)
    stage.fidelity(run)
    table = run.table("table5_fidelity").set_index("test")
    left_out = set(table.index[table["measure"] == "not done"])
    assert left_out == set(stage.NEED_TRUTH) and not trained
    assert table.loc[sorted(left_out), "reads_as"].str.contains("phantom").all()
    assert not run.table("fidelity_redegradation")["control"].any()


def test_the_long_exposure_of_a_real_scene_explains_the_short_one(world, swir_hdr):
    run = Run(resolve({"dataset": "swir-hdr", "data_root": str(swir_hdr), "crop": 64}))
    data_split(run)
    rows = [row for row in stage._rows(run, 100) if row.filter == "BP1300"]
    case = stage._real_case(run.config, rows[0])
    row = redegradation.measure(case.controls["long exposure"], case.frame, case.noise, case.valid)
    assert row["chi2"] == pytest.approx(1, abs=0.25) and abs(row["neighbours"]) < 0.15

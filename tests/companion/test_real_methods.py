"""What the models are compared with on real frames: nothing of the left-out animal, and pairs that are pairs."""

import numpy as np
import pytest

from companion.study import real_methods as rivals
from companion.study.comparison import CLASSICAL, PAIRED, UNPAIRED
from nircore.data import swir_hdr as swir
from nircore.models import build_generator, checkpoint
from nircore.recipe import resolve

pytestmark = pytest.mark.slow


@pytest.fixture
def seen(monkeypatch):
    """What a training is handed, in place of the training."""
    handed = []

    def stand_in(settings, cut, folder):
        handed.append((settings, cut, folder))

    monkeypatch.setattr(rivals, "fit", stand_in)
    return handed


@pytest.fixture
def loaded(monkeypatch):
    """The files that were read."""
    files, load = [], swir.load
    monkeypatch.setattr(swir, "load", lambda file, t, darks: files.append(str(file)) or load(file, t, darks))
    return files


@pytest.mark.parametrize("name", [rivals.PAPER, rivals.ORACLE])
def test_what_learns_sees_nothing_of_the_animal_left_out(swir_hdr, tmp_path, seen, loaded, name, monkeypatch):
    monkeypatch.setattr(rivals, "kept", lambda name, train: train())
    of_fold = next(of for (method, _, _), of in rivals.learnt(swir_hdr, tmp_path).items() if method == name)
    of_fold("F1-2")
    assert loaded and not any("F1-2" in file or "250506_M1_ICG" in file for file in loaded)
    assert seen[0][2].name.endswith("F1-2")


def test_the_paper_s_domains_are_of_different_scenes(swir_hdr, tmp_path, seen, loaded):
    rivals.paper(swir_hdr, tmp_path, "M8-1")
    scenes = {}
    for file in loaded:
        name, exposure = file.rsplit("/", 1)[1].rsplit("_", 1)
        scenes.setdefault(exposure.startswith("0320"), set()).add(name)
    assert len(scenes[True]) >= 4 and len(scenes[False]) >= 4 and not scenes[True] & scenes[False]


def test_the_paper_s_training_is_scored_on_the_animal_that_it_left_out(swir_hdr, tmp_path):
    config = resolve({"profile": "smoke", "dataset": "swir-hdr", "steps_per_epoch": 3})
    for epoch in (0, 4):
        generator = build_generator(config, epoch).state_dict()
        file = tmp_path / "paper-F5-2" / "epochs" / f"epoch_{epoch:03d}.safetensors"
        checkpoint.save(file, generator, config, {"epoch": epoch})
    table = rivals.paper_over_training(swir_hdr, tmp_path)
    assert list(table["animal"]) == ["F5-2"] * 2 and list(table["steps"]) == [3, 15]
    assert table["merged_psnr"].between(0, 45).all() and table["merged_psnr"].nunique() == 2


def test_the_oracle_s_pairs_are_of_one_scene_and_one_scale(swir_hdr, tmp_path, seen):
    """One ICG series, saturated in an eighth of its pixels, makes none: its lines would not meet."""
    rivals.oracle(swir_hdr, tmp_path, "F5-2")
    settings, cut, _ = seen[0]
    assert len(cut.pairs) == 11 and settings.ngf == 12
    for low, target in cut.pairs:
        slope, _ = np.polyfit(target.ravel(), low.ravel(), 1)
        assert 0.9 < slope < 1.1, slope


def test_every_candidate_has_its_kind(tmp_path):
    kinds = {name: kind for name, kind, _ in rivals.classical()}
    assert kinds["Gaussian"] == CLASSICAL and kinds["VST + NLM"] == CLASSICAL
    assert sum(name == "Gaussian" for name, _, _ in rivals.classical()) > 3
    learnt = {name: kind for name, kind, _ in rivals.learnt(tmp_path, tmp_path)}
    assert learnt[rivals.ORACLE] == PAIRED and learnt[rivals.PAPER] == UNPAIRED


def test_the_noise_that_bm3d_is_told_of_is_white_but_for_slow_drift(swir_hdr):
    spectrum = rivals._spectrum(swir_hdr, "M8-1")
    assert spectrum.shape == (640, 512)
    assert spectrum[100:300, 100:200].mean() == pytest.approx(1, abs=0.1)
    assert spectrum[0, 0] > 2


def test_the_classical_methods_get_clean_frames():
    frame = np.random.default_rng(0).normal(50, 5, (64, 64)).astype(np.float32)
    frame[30, 30] = 50_000
    of_fold = rivals.classical()["Gaussian", CLASSICAL, 1.0]
    assert of_fold("M8-1")(frame).max() < 100
    assert rivals.classical()["low-light", "input", 0.0]("M8-1")(frame) is frame

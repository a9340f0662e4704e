"""The weights that ship: small, whole, described by a card that follows its tables; and how they are made."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from companion.study import card
from companion.study import shipped as shipping
from nircore.inference import conformal
from nircore.inference.shipped import CARD
from nircore.models import build_generator, checkpoint
from nircore.recipe import resolve

pytestmark = pytest.mark.slow

TABLES = Path(__file__).resolve().parents[2] / "reports" / "benchmark"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    config = resolve({"recipe": "physics", "profile": "smoke", "ngf": 2, "levels": 1, "data_root": "/home/somebody"})
    path = tmp_path_factory.mktemp("made") / "generator.safetensors"
    checkpoint.save(path, build_generator(config).state_dict(), config, {"epoch": 3})
    return path


def test_export_halves_the_size_and_keeps_the_numbers(small, tmp_path):
    place = tmp_path / "best.safetensors"
    config = shipping.export(small, place)
    assert config.data_root == "" and b"somebody" not in place.read_bytes()
    x = torch.randn(1, 1, 64, 64)
    before, after = (checkpoint.load_generator(path)[0] for path in (small, place))
    with torch.inference_mode():
        assert float((before(x) - after(x)).abs().max()) < 1e-2
    assert all(tensor.dtype == torch.float16 for tensor in checkpoint.load(place)[0].values())


def test_a_training_leaves_its_animal_out_and_goes_on(swir_hdr, reports, monkeypatch):
    monkeypatch.setattr(shipping, "PHANTOMS", 0)
    monkeypatch.setitem(shipping.SIZES, "realtime", {"ngf": 2})
    monkeypatch.setattr(shipping, "STEPS_WITHOUT", {"epochs": 1, "steps_per_epoch": 1})
    seen, whole = [], shipping.whole
    monkeypatch.setattr(shipping, "whole", lambda scene, darks: seen.append(scene.group) or whole(scene, darks))
    said = []
    weights = shipping.train(swir_hdr, "realtime", "F1-2", said.append)
    assert set(seen) == {"F5-2", "M8-1", "m1_hdr_icg"} and weights.is_file()
    assert shipping.train(swir_hdr, "realtime", "F1-2", said.append) == weights
    assert "resuming after epoch 1/1" in said


def test_what_is_trained_once_is_kept_with_its_machine_time(small, tmp_path, monkeypatch):
    monkeypatch.setattr(shipping, "KEPT", tmp_path)
    asked = []
    for _ in range(2):
        generator = shipping.kept("paper-M8-1", lambda: asked.append(1) or small)
    assert len(asked) == 1 and not generator.training
    (row,) = shipping.trainings().to_dict("records")
    config = resolve({"profile": "smoke"})
    assert (row["trained"], row["without"]) == ("paper", "M8-1") and 0 <= row["core_minutes"] < 1
    assert row["steps"] == config.epochs * config.steps_per_epoch and row["parameters"] > 0


def seen_frames(size: float, count: int, seed: int) -> list[conformal.Seen]:
    """Frames whose error is half-normal of some size, and a term that knows it."""
    rng = np.random.default_rng(seed)
    shape, found = (30, 30), []
    for _ in range(count):
        wrong = np.abs(rng.normal(0, size, shape))
        found.append(({"spread": np.full(shape, size), "floor": np.ones(shape)}, wrong))
    return found


def test_the_share_outside_is_that_of_an_animal_that_did_not_calibrate():
    """Planted: one animal errs three times as much as its terms say, and only its own share shows it."""
    real = {name: seen_frames(1.0, 5, seed) for seed, name in enumerate(("M8-1", "F1-2"))}
    liar = [(terms, 3 * wrong) for terms, wrong in seen_frames(1.0, 5, 9)]
    calibration, coverage = shipping.calibrate(real | {"F5-2": liar}, seen_frames(1.0, 12, 7))
    assert calibration.frames + calibration.fitted == 27 and "real ones" in calibration.frames_are
    assert coverage["F5-2"] > 0.4
    assert coverage["M8-1"] < 0.15 and coverage["F1-2"] < 0.15


def test_the_card_is_what_its_tables_say():
    assert CARD.read_text(encoding="utf-8") == card.text(lambda name: pd.read_csv(TABLES / f"{name}.csv"))

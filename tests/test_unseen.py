"""Animals left out in turn: who judges whom, how a rival is tuned, and that a table goes on where it was."""

import numpy as np
import pandas as pd
import pytest

from nircore.data import swir_hdr as swir
from nircore.study import unseen


def rows(method: str, parameter: float, by_fold: dict[str, float]) -> list[dict]:
    return [
        {"method": method, "parameter": parameter, "scene": f"{fold}_BP1150", "group": fold, "filter": "BP1150",
         "fold": fold, "merged_psnr": psnr, "merged_ssim": 0.9, "single_psnr": np.nan, "single_ssim": np.nan}
        for fold, psnr in by_fold.items()
    ]  # fmt: skip


def test_every_series_at_hand_is_left_out_once(swir_hdr):
    groups = {scene.group for scene in swir.scenes(swir_hdr)}
    folds = {group: unseen.fold_of(group) for group in groups}
    assert set(folds.values()) == set(unseen.FOLDS) and groups == {g for gs in unseen.FOLDS.values() for g in gs}


def test_a_rival_is_tuned_on_the_other_animals_alone():
    """Planted: strength 1 is best on F1-2 and hopeless elsewhere, so that F1-2 itself is judged with strength 2."""
    table = pd.DataFrame(
        rows("BM3D", 1.0, {"F1-2": 40.0, "F5-2": 20.0, "M8-1": 20.0})
        + rows("BM3D", 2.0, {"F1-2": 30.0, "F5-2": 29.0, "M8-1": 29.0})
    )
    chosen = unseen.tuned(table).set_index("fold")
    assert chosen.loc["F1-2", "parameter"] == 2.0 and chosen.loc["F1-2", "merged_psnr"] == 30.0
    assert chosen.loc["M8-1", "parameter"] == 1.0  # the others' mean: 30 with 1, 29.5 with 2


def test_the_summary_tells_band_passes_long_pass_and_dye_apart():
    table = pd.DataFrame(rows("a", 0.0, {"F1-2": 30.0, "F5-2": 32.0, "m1_hdr_icg": 10.0}))
    table.loc[1, "filter"] = "LP1250"
    means = unseen.summary(table, ["a"]).set_index("part")
    assert means["merged_psnr"].to_dict() == {"four band-passes": 30.0, "LP1250": 32.0, "ICG": 10.0}


def test_scores_follow_the_protocol_and_go_on_where_they_were(swir_hdr, tmp_path, monkeypatch):
    scene = next(scene for scene in swir.scenes(swir_hdr) if scene.name == "M8-1_BP1300")
    monkeypatch.setattr(swir, "scenes", lambda root: [scene])
    folds, calls = [], []

    def method(fold):
        folds.append(fold)
        return lambda frame: calls.append(1) or frame

    table = unseen.scores(swir_hdr, {("low-light", 0.0): method}, tmp_path / "t.csv", lambda line: None)
    again = unseen.scores(swir_hdr, {("low-light", 0.0): method}, tmp_path / "t.csv", lambda line: None)
    assert folds == ["M8-1"] and len(calls) == 1 and len(again) == 1
    assert table["merged_psnr"][0] == pytest.approx(22, abs=2.5)
    assert table["merged_psnr"][0] > table["single_psnr"][0]


def test_what_ours_gets_every_method_gets(swir_hdr):
    scene = swir.scenes(swir_hdr)[3]
    frame = swir.load(scene.files[scene.low_s], scene.low_s, swir.darks(swir_hdr))
    frame[100, 100] = 50_000
    cleaned = unseen.cleaned(frame)
    assert cleaned.max() < 10_000
    drift = (frame - cleaned)[:, 5:90].mean(1)
    assert 0.01 < drift.std() < 2

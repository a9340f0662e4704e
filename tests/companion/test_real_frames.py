"""Animals left out in turn: who judges whom, how a rival is tuned, and that a table goes on where it was."""

import numpy as np
import pandas as pd
import pytest

from companion.study import exposures, real_frames
from companion.study.comparison import CLASSICAL, INPUT, UNPAIRED
from nircore.data import swir_hdr as swir

FOLDS = ("M8-1", "F1-2", "F5-2")


def rows(method: str, parameter: float, by_fold: dict[str, float], brightness: float = 50.0, kind: str = CLASSICAL):
    """One scene for each fold, as `real_frames.scores` writes them."""
    nothing = dict.fromkeys((*real_frames.SCORES, *real_frames.DETAIL, "seconds"), np.nan)
    return [
        nothing
        | {"method": method, "kind": kind, "parameter": parameter, "scene": f"{fold}_BP1150_{brightness:g}"}
        | {"group": fold, "filter": "BP1150", "fold": fold, "brightness_dn": brightness}
        | {"merged_psnr": psnr, "merged_ssim": 0.9}
        for fold, psnr in by_fold.items()
    ]


def test_every_series_at_hand_is_left_out_once(swir_hdr):
    groups = {scene.group for scene in exposures.scenes(swir_hdr)}
    folds = {group: real_frames.fold_of(group) for group in groups}
    assert set(folds.values()) == set(real_frames.FOLDS)
    assert groups == {group for groups in real_frames.FOLDS.values() for group in groups}


def test_a_rival_is_tuned_on_the_other_animals_alone():
    """Planted: strength 1 is best on F1-2 and hopeless elsewhere, so that F1-2 itself is judged with strength 2."""
    table = pd.DataFrame(
        rows("BM3D", 1.0, {"F1-2": 40.0, "F5-2": 20.0, "M8-1": 20.0})
        + rows("BM3D", 2.0, {"F1-2": 30.0, "F5-2": 29.0, "M8-1": 29.0})
    )
    chosen = real_frames.tuned(table).set_index("fold")
    assert chosen.loc["F1-2", "parameter"] == 2.0 and chosen.loc["F1-2", "merged_psnr"] == 30.0
    assert chosen.loc["M8-1", "parameter"] == 1.0  # the others' mean: 30 with 1, 29.5 with 2


def test_a_rival_is_tuned_on_scenes_of_like_brightness():
    """Planted: strength 2 suits ten dim scenes, strength 1 four bright ones: one strength for all would be 2."""
    parts = []
    for brightness in (20.0, 22.0, 24.0):
        parts += rows("BM3D", 1.0, dict.fromkeys(FOLDS, 30.0), brightness)
        parts += rows("BM3D", 2.0, dict.fromkeys(FOLDS, 35.0), brightness)
    for brightness in (900.0, 1000.0):
        parts += rows("BM3D", 1.0, dict.fromkeys(FOLDS, 40.0), brightness)
        parts += rows("BM3D", 2.0, dict.fromkeys(FOLDS, 38.0), brightness)
    chosen = real_frames.tuned(pd.DataFrame(parts))
    assert (chosen.groupby("brightness_dn")["parameter"].unique().map(list).to_dict()) == {
        20.0: [2.0], 22.0: [2.0], 24.0: [2.0], 900.0: [1.0], 1000.0: [1.0]
    }  # fmt: skip


def test_the_rival_of_an_animal_is_chosen_on_the_others():
    """Planted: a method that shines on M8-1 alone is not M8-1's rival."""
    table = pd.DataFrame(
        rows("NLM", 1.0, {"M8-1": 50.0, "F1-2": 30.0, "F5-2": 30.0})
        + rows("BM3D", 1.0, {"M8-1": 32.0, "F1-2": 32.0, "F5-2": 32.0})
    )
    by_fold = dict(zip(table["fold"], real_frames.rivals_of(table), strict=False))
    assert by_fold["M8-1"] == "BM3D" and by_fold["F1-2"] == "NLM"


def test_the_leaderboard_pairs_scenes_and_groups_them_by_animal():
    """Planted: ours gains 1, 2 and 3 dB on three animals."""
    table = pd.DataFrame(
        rows("low-light", 0.0, dict.fromkeys(FOLDS, 20.0), kind=INPUT)
        + rows("BM3D", 1.0, {"M8-1": 30.0, "F1-2": 32.0, "F5-2": 34.0})
        + rows("ours", 0.0, {"M8-1": 31.0, "F1-2": 34.0, "F5-2": 37.0}, kind=UNPAIRED)
    )
    board = real_frames.leaderboard(table).set_index(["part", "method"])
    ours = board.loc[("four band-passes", "ours")]
    assert ours["merged_psnr_gain"] == pytest.approx(2.0) and ours["above"] == 3 and ours["groups"] == 3
    half = 4.303 / 3**0.5  # Student's, of three animals whose gains have an SD of 1 dB
    assert ours["merged_psnr_gain_low"] == pytest.approx(2 - half, abs=1e-3)
    assert ours["merged_psnr_gain_high"] == pytest.approx(2 + half, abs=1e-3)
    assert ours["merged_psnr_p"] == pytest.approx(0.25)  # the least that three animals can give
    assert np.isnan(board.loc[("four band-passes", "BM3D"), "merged_psnr_gain"])
    assert board.loc[("all fifteen", "ours"), "merged_psnr"] == pytest.approx(34.0)


def test_scores_follow_the_protocol_and_go_on_where_they_were(swir_hdr, tmp_path, monkeypatch):
    scene = next(scene for scene in exposures.scenes(swir_hdr) if scene.name == "M8-1_BP1300")
    monkeypatch.setattr(exposures, "scenes", lambda root: [scene])
    folds, calls = [], []

    def method(fold):
        folds.append(fold)
        return lambda frame: calls.append(1) or frame

    def scored():
        methods = {("low-light", INPUT, 0.0): method}
        return real_frames.scores(swir_hdr, methods, tmp_path / "t.csv", say=lambda line: None)

    table, again = scored(), scored()
    assert folds == ["M8-1"] and len(calls) == 1 and len(again) == 1
    assert table["merged_psnr"][0] == pytest.approx(22, abs=2.5)
    assert table["merged_psnr"][0] > table["single_psnr"][0]
    assert table["fine_real"][0] < table["coarse_real"][0] < 1
    pd.read_csv(tmp_path / "t.csv").assign(nircore="0.0.1").to_csv(tmp_path / "t.csv", index=False)
    scored()
    assert len(calls) == 2  # a row of another version is none


def test_what_ours_gets_every_method_gets(swir_hdr):
    scene = exposures.scenes(swir_hdr)[3]
    frame = swir.load(scene.files[scene.low_s], scene.low_s, swir.darks(swir_hdr))
    frame[100, 100] = 50_000
    cleaned = real_frames.cleaned(frame)
    assert cleaned.max() < 10_000
    drift = (frame - cleaned)[:, 5:90].mean(1)
    assert 0.01 < drift.std() < 2

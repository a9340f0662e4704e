"""The table of the split on real frames, and what the scores of its test frames are shares and means of."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from companion.run import Run
from companion.study.image_metrics import METHODS, _full_scale, _summaries
from companion.study.split_table import data_split
from nircore.data import swir_hdr as reader
from nircore.recipe import resolve


@pytest.fixture
def real(swir_hdr, reports):
    """A split of the real set; returns the table for a seed."""

    def split(**given):
        run = Run(resolve({"dataset": "swir-hdr", "data_root": str(swir_hdr), "crop": 64} | given))
        data_split(run)
        return run.table("split")

    return split


@pytest.mark.parametrize("seed, tested", [(0, "M8-1"), (1, "F5-2"), (2, "F1-2")])
def test_real_training_domains_show_different_animals_and_the_test_a_third(real, seed, tested):
    table = real(seed=seed)
    train = table[table["split"] == "train"]
    low, target = (set(train.loc[train["domain"] == d, "group"]) for d in ("low_light", "target"))
    assert low and target and not low & target
    assert set(table.loc[table["split"] == "test", "group"]) == {tested}
    assert set(table.loc[table["domain"] == "low_light", "exposure_s"]) == {0.02, 0.04}
    assert set(table.loc[table["domain"] == "target", "exposure_s"]) == {0.32}
    assert table["sha256"].str.fullmatch("[0-9a-f]{64}").all()


def test_exposures_that_do_not_match_are_scored_apart():
    about = {"group": "a", "exposure_s": 0.02, "ssim": 0.5}
    rows = [
        about | {"file": f"{k}", "filter": name, "method": method, "psnr": 20.0 + k}
        for k, name in enumerate(["BP1150", "BP1300", *reader.MISMATCHED_FILTERS])
        for method in METHODS
    ]
    table = _summaries(pd.DataFrame(rows), {"Gaussian": "2 px"}, 0)
    assert list(table.loc[table["method"] == "Gaussian", "tuned"]) == ["2 px", "2 px"]
    assert list(table["filters"].unique()) == ["BP1150 BP1300", "LP1250"]
    assert list(table.loc[table["method"] == "enhanced", "psnr"]) == [20.5, 22.0]


@pytest.mark.parametrize("dataset, share", [("phantom", 1.0), ("folder", np.nan)])
def test_full_scale_is_where_a_known_sensor_saturates_above_its_dark(dataset, share):
    run = SimpleNamespace(config=SimpleNamespace(dataset=dataset))
    assert _full_scale(run, np.full((4, 4), 3790.0)) == pytest.approx(share, nan_ok=True)

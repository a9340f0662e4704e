"""What bfloat16 does to a training is measured: two trainings a seed, that differ, and are made once."""

import pandas as pd
import pytest
from companion.run import STAMP
from companion.workshop import precision

pytestmark = pytest.mark.slow
FRAMES = {"profile": "smoke", "run": "tiny", "seeds": 1, "animals": 6, "height": 64, "width": 64, "crop": 32}
TINY = {"crop": 32, "ngf": 4, "ndf": 4, "epochs": 2, "steps_per_epoch": 2, "validation_frames": 1}


def test_each_seed_is_trained_with_each_precision_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NIRCORE_REPORTS", str(tmp_path / "reports"))
    monkeypatch.setenv("NIRCORE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(precision, "SETTINGS", FRAMES)
    monkeypatch.setattr(precision, "TRAINED", TINY)
    table = precision.publish(tmp_path)
    assert table.groupby("precision")["seed"].nunique().to_dict() == dict.fromkeys(precision.PRECISIONS, 1)
    wide = table.pivot(index="seed", columns="precision", values="generator")
    assert (wide["float32"] != wide["bfloat16"]).all()
    assert ((wide["float32"] / wide["bfloat16"] - 1).abs() < 0.05).all()
    assert set(STAMP) <= {*pd.read_csv(tmp_path / "precision.csv")}
    assert "epoch 2/2" in capsys.readouterr().out
    pd.testing.assert_frame_equal(precision.publish(tmp_path), table)
    assert " s\n" not in capsys.readouterr().out  # no epoch that took some

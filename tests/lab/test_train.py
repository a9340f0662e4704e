"""Training on two own folders: from weights or from scratch, resumed, judged on what did not train."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from nircore.errors import NircoreError
from nircore.models import checkpoint
from nirlab.train import train
from tests.lab.made import frames, write

pytestmark = pytest.mark.slow

QUICK = {"epochs": 2, "steps_per_epoch": 2, "batch": 2, "crop": 32}


@pytest.fixture
def folders(tmp_path: Path, reports) -> tuple[Path, Path]:
    """Six low-light and six target frames of one animal, and a file that is none."""
    for name, gain in (("low", 1), ("target", 16)):
        for k in range(6):
            light = (frames(1, (64, 64), seed=k, pedestal=0)[0].astype(float) - 20) * gain + 1100
            write(tmp_path / name / f"m_{k}_0020ms.tif", light.clip(0, 65535).astype(np.uint16))
    (tmp_path / "low" / "bad.tif").write_bytes(b"no frame")
    return tmp_path / "low", tmp_path / "target"


def test_fine_tuning_begins_with_the_weights_and_is_judged_on_held_out_frames(folders, weights) -> None:
    said: list[str] = []
    final, table = train(*folders, start=str(weights), given=QUICK | {"learning_rate": 1e-8}, say=said.append)
    before, after = (checkpoint.load_generator(path)[0].state_dict() for path in (weights, final))
    for name in before:
        np.testing.assert_allclose(after[name], before[name], atol=1e-5)
    assert list(table["method"]) == ["degraded", "Gaussian, 2.5 px", "before training", "after training"]
    assert table["psnr"].between(0, 60).all()
    assert table["psnr"].iloc[2] == pytest.approx(table["psnr"].iloc[3], abs=0.01)
    assert any("bad.tif" in line for line in said) and any("epoch 2/2" in line for line in said)


def test_training_changes_the_weights_and_a_second_call_does_not_train_again(folders, weights) -> None:
    final, _ = train(*folders, start=str(weights), given=QUICK, say=lambda line: None)
    first = final.read_bytes()
    change = checkpoint.load_generator(final)[0].first.weight - checkpoint.load_generator(weights)[0].first.weight
    assert float(change.detach().abs().max()) > 1e-5
    said: list[str] = []
    final, _ = train(*folders, start=str(weights), given=QUICK, say=said.append)
    assert final.read_bytes() == first and any("resuming after epoch 2/2" in line for line in said)


def test_from_scratch_with_a_dark(folders, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "dark.tif", np.add(np.eye(64), 1100).astype(np.uint16))
    given = QUICK | {"ngf": 2, "levels": 1}
    final, table = train(
        *folders, start="scratch", dark=str(tmp_path / "dark.tif"), given=given, say=lambda line: None
    )
    assert checkpoint.load_generator(final)[1].ngf == 2 and len(table) == 3


def test_what_cannot_train_is_refused(folders, tmp_path: Path, weights) -> None:
    with pytest.raises(NircoreError, match="no checkpoint"):
        train(*folders, start="none.safetensors", say=lambda line: None)
    with pytest.raises(NircoreError, match="overlap"):
        train(folders[0], folders[0], start=str(weights), say=lambda line: None)
    tifffile.imwrite(tmp_path / "dark.tif", np.add(np.eye(40), 1100).astype(np.uint16))
    with pytest.raises(NircoreError, match="of one camera"):
        train(*folders, start=str(weights), dark=str(tmp_path / "dark.tif"), say=lambda line: None)

"""Pages and maps beside the results: made once, gone on with after a kill, and nothing left lying about."""

import shutil
from pathlib import Path

import pytest
import tifffile

from nircore.inference import conformal, trust
from nirlab import partial
from tests.lab.made import frames, left_over, write

pytestmark = pytest.mark.slow


@pytest.fixture
def calibrated(weights, tmp_path) -> Path:
    """The small network, with a calibration beside it."""
    mine = Path(shutil.copy(weights, tmp_path / "small.safetensors"))
    conformal.save(conformal.Calibration(1.0, {"spread": 1.0, "read": 0.5}, 0.1, 0.1, 18, 6, 2, "frames"), mine)
    return mine


@pytest.fixture
def counted(monkeypatch) -> list[int]:
    """Counts the maps that are made; the one at place `counted.ends` ends the program, as a kill would."""
    made, ends, before = [], [], trust.trust_map

    def trust_map(*given):
        if ends and len(made) == ends[0]:
            raise KeyboardInterrupt
        made.append(1)
        return before(*given)

    monkeypatch.setattr(trust, "trust_map", trust_map)
    monkeypatch.setattr(partial, "COMMIT_S", 0)
    return type("Counted", (), {"made": made, "ends": ends})


def run(nircore, folder, weights, out="out"):
    options = ("--out", folder / out, "--weights", weights, "--report", "--trust")
    return nircore("enhance", folder / "a.tif", folder / "b.tif", *options)


def test_maps_are_made_once_and_gone_on_with(nircore, calibrated, tmp_path, counted):
    for seed, name in enumerate("ab"):
        write(tmp_path / f"{name}.tif", frames(5, seed=seed))
    assert run(nircore, tmp_path, calibrated, "calm")[0] == 0 and len(counted.made) == 10
    counted.made.clear()
    counted.ends.append(8)  # in the second file
    assert run(nircore, tmp_path, calibrated)[0] == 130
    assert [path.name for path in (tmp_path / "out/trust").glob("*.tif")] == ["a.tif.trust.tif"]
    counted.ends.clear()
    first = (tmp_path / "out/trust/a.tif.trust.tif").stat().st_mtime_ns
    status, said, _ = run(nircore, tmp_path, calibrated)
    assert status == 0 and "0 enhanced, 2 already there" in said
    assert len(counted.made) == 10  # none is made twice
    assert (tmp_path / "out/trust/a.tif.trust.tif").stat().st_mtime_ns == first
    for name in "ab":
        one, calm = (tmp_path / out / f"trust/{name}.tif.trust.tif" for out in ("out", "calm"))
        assert one.read_bytes() == calm.read_bytes() and tifffile.imread(one).shape == (5, 40, 48)
    assert left_over(tmp_path) == []
    assert run(nircore, tmp_path, calibrated)[0] == 0 and len(counted.made) == 10


def test_maps_of_another_result_are_made_anew(nircore, calibrated, tmp_path, counted):
    for name in "ab":
        write(tmp_path / f"{name}.tif", frames(3))
    run(nircore, tmp_path, calibrated)
    before = tifffile.imread(tmp_path / "out/trust/a.tif.trust.tif")
    write(tmp_path / "a.tif", frames(3, seed=9))
    (tmp_path / "out/a.tif").unlink()
    assert run(nircore, tmp_path, calibrated)[0] == 0 and len(counted.made) == 9
    assert (tifffile.imread(tmp_path / "out/trust/a.tif.trust.tif") != before).any()

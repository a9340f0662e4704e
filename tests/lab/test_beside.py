"""Pages and maps beside the results: made once, gone on with after a kill, and nothing left lying about."""

import shutil
from pathlib import Path

import pytest
import tifffile

from nirlab import companions, map_file
from nirlab.locks import Locks
from nircore.inference import conformal
from tests.lab.made import frames
from tests.lab.test_enhance_command import left_over, write

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
    made, ends, before = [], [], companions.maps.trust_map

    def trust_map(*given):
        if ends and len(made) == ends[0]:
            raise KeyboardInterrupt
        made.append(1)
        return before(*given)

    monkeypatch.setattr(companions.maps, "trust_map", trust_map)
    monkeypatch.setattr(map_file, "PART_BYTES", 2 * 40 * 48 * 4)
    return type("Counted", (), {"made": made, "ends": ends})


def run(nircore, folder, weights, out="out"):
    options = ("--out", folder / out, "--weights", weights, "--report", "--trust")
    return nircore("enhance", folder / "a.tif", folder / "b.tif", *options)


def test_maps_are_made_once_and_gone_on_with(nircore, calibrated, tmp_path, counted):
    for seed, name in enumerate("ab"):
        write(tmp_path / f"{name}.tif", frames(5, seed=seed))
    assert run(nircore, tmp_path, calibrated, "calm")[0] == 0 and len(counted.made) == 10
    counted.made.clear()
    counted.ends.append(8)  # in the second file's second part
    assert run(nircore, tmp_path, calibrated)[0] == 130
    assert [path.name for path in (tmp_path / "out/trust").glob("*.tif")] == ["a.tif.trust.tif"]
    counted.ends.clear()
    first = (tmp_path / "out/trust/a.tif.trust.tif").stat().st_mtime_ns
    status, said, _ = run(nircore, tmp_path, calibrated)
    assert status == 0 and "0 enhanced, 2 already there" in said
    assert len(counted.made) == 11  # one part of two frames was begun twice
    assert (tmp_path / "out/trust/a.tif.trust.tif").stat().st_mtime_ns == first
    for name in "ab":
        one, calm = (tmp_path / out / f"trust/{name}.tif.trust.tif" for out in ("out", "calm"))
        assert one.read_bytes() == calm.read_bytes() and tifffile.imread(one).shape == (5, 40, 48)
    assert left_over(tmp_path) == []
    assert run(nircore, tmp_path, calibrated)[0] == 0 and len(counted.made) == 11


def test_maps_of_another_result_are_made_anew(nircore, calibrated, tmp_path, counted):
    for name in "ab":
        write(tmp_path / f"{name}.tif", frames(3))
    run(nircore, tmp_path, calibrated)
    before = tifffile.imread(tmp_path / "out/trust/a.tif.trust.tif")
    write(tmp_path / "a.tif", frames(3, seed=9))
    (tmp_path / "out/a.tif").unlink()
    assert run(nircore, tmp_path, calibrated)[0] == 0 and len(counted.made) == 9
    assert (tifffile.imread(tmp_path / "out/trust/a.tif.trust.tif") != before).any()


def test_what_a_killed_run_had_begun_is_cleared_away(nircore, calibrated, tmp_path):
    for name in "ab":
        write(tmp_path / f"{name}.tif", frames(1))
    begun = [
        tmp_path / "out" / name for name in (".partial-1.json", "report/.partial-2.html", "trust/.partial-3.tif")
    ]
    for path in begun:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert run(nircore, tmp_path, calibrated)[0] == 0
    assert not [path for path in begun if path.exists()] and left_over(tmp_path) == []


def test_what_is_younger_than_the_run_is_left(tmp_path):
    locks = Locks()
    assert locks.take(tmp_path / "a.tif")
    (tmp_path / ".partial-young.tif").touch()
    locks.close()
    assert (tmp_path / ".partial-young.tif").exists()


def test_maps_of_a_long_movie_are_a_big_tiff(tmp_path):
    """By the number of pixels: 3300 frames of 640 x 512 are 4.3 GB of maps, whatever the source's size on disk is."""
    assert map_file.MapFile(tmp_path / "a.tif", (3300, 512, 640), {}).big
    assert not map_file.MapFile(tmp_path / "a.tif", (3, 512, 640), {}).big

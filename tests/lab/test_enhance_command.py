"""`nircore enhance`: what comes out where, what is refused in one line, and what survives a kill."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

import nircore as package
from nircore.inference.settings import Settings
from nirlab import job as jobs
from tests.lab.made import frames

pytestmark = pytest.mark.slow


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.name.startswith((".", "whole"))]


def write(path: Path, array: np.ndarray) -> Path:
    """Write an array in the container that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["Cube/Images"] = array
    elif path.suffix == ".zarr":
        zarr.create_array(str(path), shape=array.shape, dtype=array.dtype, chunks=(2, *array.shape[1:]))[:] = array
    elif path.suffix == ".png":
        Image.fromarray(array[0]).save(path)
    else:
        tifffile.imwrite(path, array, photometric="minisblack")
    return path


def read(path: Path) -> np.ndarray:
    if path.suffix == ".npy":
        return np.load(path)
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return file["Cube/Images"][()]
    if path.suffix == ".zarr":
        return zarr.open(str(path), mode="r")[:]
    return np.array(Image.open(path)) if path.suffix == ".png" else tifffile.imread(path)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("suffix", [".tif", ".png", ".h5", ".npy", ".zarr"])
def test_every_container_and_type_comes_out_as_it_went_in(nircore, weights, tmp_path, suffix, dtype):
    if (suffix, dtype) == (".png", "float32"):
        return
    stack = (frames(3, pedestal=100) // (3 if dtype == "uint8" else 1)).astype(dtype)
    source = write(tmp_path / f"movie{suffix}", stack)
    status, output, error = nircore("enhance", source, "--out", tmp_path / "out", "--weights", weights)
    assert status == 0 and output.endswith(f"1 enhanced, 0 already there, 0 could not be used: {tmp_path / 'out'}\n")
    after = read(tmp_path / "out" / source.name)
    expected = package.enhance(stack[0] if suffix == ".png" else stack, weights=weights)
    np.testing.assert_array_equal(after, expected)
    assert after.dtype == dtype and left_over(tmp_path) == []
    record = json.loads((tmp_path / "out" / f"{source.name}.json").read_text())
    assert record["identity"]["model_sha256"] and record["identity"]["nircore"] == package.__version__
    assert len(record["frames"]["offset_dn"]) == (1 if suffix == ".png" else 3) and record["made"].endswith("Z")
    assert record["summary"]["flux_ratio"] == pytest.approx(1, abs=0.2)


def test_folders_patterns_and_files_and_a_second_run_does_nothing(nircore, weights, tmp_path, monkeypatch):
    for name in ("in/a.tif", "in/deep er/b.tif", "more/c1.tif", "more/c2.tif", "more/d.tif"):
        write(tmp_path / name, frames(1, seed=len(name)))
    out = tmp_path / "in" / "out"
    command = ("enhance", tmp_path / "in", f"{tmp_path}/more/c*.tif", "--out", out, "--weights", weights)
    assert nircore(*command)[0] == 0
    made = sorted(str(path.relative_to(out)) for path in out.rglob("*.tif"))
    assert made == ["a.tif", "c1.tif", "c2.tif", "deep er/b.tif"]
    stamps = [path.stat().st_mtime_ns for path in sorted(out.rglob("*.tif"))]
    monkeypatch.setattr(jobs, "do", lambda *_: pytest.fail("done twice"))
    status, output, _ = nircore(*command)
    assert status == 0 and "0 enhanced, 4 already there" in output
    assert [path.stat().st_mtime_ns for path in sorted(out.rglob("*.tif"))] == stamps


def test_a_result_that_was_made_otherwise_is_not_overwritten_unasked(nircore, weights, tmp_path):
    source = write(tmp_path / "a.tif", frames())
    command = ("enhance", source, "--out", tmp_path / "out", "--weights", weights)
    assert nircore(*command)[0] == 0
    before = (tmp_path / "out" / "a.tif").read_bytes()
    write(source, frames(seed=1))
    status, _, error = nircore(*command)
    assert (status, (tmp_path / "out" / "a.tif").read_bytes()) == (1, before) and left_over(tmp_path) == []
    status, output, error = nircore(*command, "--overwrite")
    assert status == 0 and (tmp_path / "out" / "a.tif").read_bytes() != before


def bad_files(folder: Path) -> dict[str, str]:
    """Every kind of bad file, and what its line must say."""
    noise = frames(1, (64, 64))
    write(folder / "truncated.tif", noise)
    (folder / "truncated.tif").write_bytes((folder / "truncated.tif").read_bytes()[:4000])
    (folder / "empty.tif").touch()
    (folder / "zip.tif").write_bytes(b"PK\x03\x04" + bytes(500))
    (folder / "mislabelled.png").write_bytes(write(folder / "good.tif", noise).read_bytes())
    (folder / "good.tif").unlink()
    tifffile.imwrite(folder / "bomb.tif", noise[0])
    with tifffile.TiffFile(folder / "bomb.tif", mode="r+b") as file:
        for tag in ("ImageWidth", "ImageLength"):
            file.pages[0].tags[tag].overwrite(100_000)
    with h5py.File(folder / "other.h5", "w") as file:
        file["Something"] = noise
    np.save(folder / "nan.npy", np.where(np.eye(64) > 0, np.nan, noise[0]))
    np.save(folder / "inf.npy", np.where(np.eye(64) > 0, np.inf, noise[0]))
    write(folder / "zero.tif", np.zeros((1, 40, 40), np.uint16))
    write(folder / "saturated.tif", np.where(frames(1) > 1105, 65535, frames(1) * 0 + 65535).astype(np.uint16))
    almost = np.full((1, 40, 40), 4095, np.uint16)
    almost[0, :5] = frames(1)[0, :5, :40]
    write(folder / "nearly saturated.tif", almost)
    tifffile.imwrite(folder / "rgb.tif", np.zeros((40, 40, 3), np.uint8), photometric="rgb")
    np.save(folder / "huge.npy", np.where(np.eye(40) > 0, 1e300, 1.0))
    movie = frames(3).astype(np.float32)
    movie[2, 3, 3] = np.nan
    write(folder / "movie.tif", movie)
    return {
        "truncated.tif": "missing", "empty.tif": "0 bytes", "zip.tif": "cannot be read",
        "mislabelled.png": "not a PNG", "bomb.tif": "100000 x 100000", "other.h5": "no dataset Cube/Images",
        "nan.npy": "64 NaN or infinite",
        "inf.npy": "64 NaN or infinite", "zero.tif": "every pixel is 0", "saturated.tif": "every pixel is 65535",
        "nearly saturated.tif": "saturated: 88%", "rgb.tif": "3 colour channels", "huge.npy": "NaN or infinite",
        "movie.tif": "frame 2, has 1 NaN",
    }  # fmt: skip


def test_one_line_for_each_bad_file_and_the_rest_proceeds(nircore, weights, tmp_path):
    expected = bad_files((tmp_path / "in").resolve()) if (tmp_path / "in").mkdir() is None else {}
    write(tmp_path / "in" / "good.tif", frames())
    write(tmp_path / "in" / "größe ü 日本.tif", frames())
    write(tmp_path / "in" / ("long" * 60 + ".tif"), frames())
    out = tmp_path / "out"
    status, output, error = nircore(
        "enhance", tmp_path / "in", tmp_path / "gone.tif", "--out", out, "--weights", weights
    )
    lines = [line for line in (output + error).splitlines() if line.startswith("nircore: ")]
    assert status == 1 and len(lines) == len(expected) + 1 == 15
    for name, words in (expected | {"gone.tif": "does not exist"}).items():
        (line,) = [line for line in lines if f"/{name}" in line]
        assert words in line, line
    made = {path.name for path in out.iterdir() if path.suffix == ".tif"}
    assert made == {"good.tif", "größe ü 日本.tif", "long" * 60 + ".tif"} and left_over(out) == []
    assert "3 enhanced, 0 already there, 15 could not be used" in output


def test_results_that_would_take_one_name_or_the_source_itself_are_refused(nircore, weights, tmp_path):
    for folder in ("a", "b"):
        write(tmp_path / folder / "x.tif", frames(seed=ord(folder)))
    out = tmp_path / "out"
    status, output, _ = nircore(
        "enhance", tmp_path / "a/x.tif", tmp_path / "b/x.tif", "--out", out, "--weights", weights
    )
    assert status == 1 and "would both become" in output and "1 enhanced" in output
    np.testing.assert_array_equal(
        tifffile.imread(out / "x.tif"), package.enhance(tifffile.imread(tmp_path / "a/x.tif"), weights=weights)
    )
    before = (tmp_path / "a/x.tif").read_bytes()
    status, output, _ = nircore("enhance", tmp_path / "a/x.tif", "--out", tmp_path / "a", "--weights", weights)
    assert status == 1 and "its own result" in output and (tmp_path / "a/x.tif").read_bytes() == before


@pytest.mark.parametrize(
    "extra, words",
    [
        (["--weights", "none"], "no checkpoint"),
        (["--dark", "none"], "does not exist"),
        (["--average", "4"], "odd"),
        (["--exposure", "-1"], "above 0"),
        (["--pedestal", "5"], "give a dark too"),
        (["--out", "/dev/null/x"], "Cannot create the folder"),
        (["--scheduler", "tcp://127.0.0.1:1"], "No Dask scheduler answers"),
    ],
)
def test_where_nothing_can_be_done_the_status_is_2(nircore, weights, tmp_path, monkeypatch, extra, words):
    monkeypatch.setattr("nirlab.cluster.WAIT_S", 0.3)
    source = write(tmp_path / "a.tif", frames())
    status, output, error = nircore("enhance", source, "--weights", weights, "--out", tmp_path / "out", *extra)
    assert status == 2 and words in error and error.count("\n") == 1


def test_a_full_disk_is_one_line_and_leaves_nothing_visible(nircore, weights, tmp_path, monkeypatch):
    source, write_part = write(tmp_path / "a.tif", frames()), np.savez

    def full(*arguments, **options):
        write_part(*arguments, **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    status, output, _ = nircore("enhance", source, "--weights", weights, "--out", tmp_path / "out")
    assert status == 1 and "No space left on device" in output
    assert list((tmp_path / "out").iterdir()) == []


def test_temporal_averaging_is_said_in_name_tags_and_record(nircore, weights, tmp_path):
    source = write(tmp_path / "m.tif", frames(4))
    assert nircore("enhance", source, "--weights", weights, "--out", tmp_path / "out", "--average", 3)[0] == 0
    target = tmp_path / "out" / "m_average3.tif"
    np.testing.assert_array_equal(tifffile.imread(target), package.enhance(frames(4), weights=weights, average=3))
    with tifffile.TiffFile(target) as file:
        assert "mean of 3 frames" in file.pages[0].software
    assert json.loads(target.with_name("m_average3.tif.json").read_text())["temporal_average_frames"] == 3


def test_the_exposure_of_each_frame_chooses_its_dark(nircore, weights, tmp_path):
    for exposure, level in ((10, 1000), (40, 1200)):
        write(tmp_path / "dark" / f"d_{exposure:05d}ms.tif", np.add(np.eye(40, 48), level)[None].astype(np.uint16))
    stack = frames(2, pedestal=0) + np.array([1000, 1200], np.uint16)[:, None, None]
    source = write(tmp_path / "a.h5", stack)
    with h5py.File(source, "a") as file:
        file["Cube/TimeExposure"] = [0.010, 0.040]
    out = tmp_path / "out"
    assert nircore("enhance", source, "--weights", weights, "--dark", tmp_path / "dark", "--out", out)[0] == 0
    first, second = read(out / "a.h5").astype(float)
    assert abs(np.median(first) - 1000) < 10 and abs(np.median(second) - 1000) < 10
    record = json.loads((out / "a.h5.json").read_text())
    assert record["identity"]["pedestal_dn"] == 1000 and record["identity"]["dark_subtracted"]
    write(tmp_path / "b.tif", frames(1))
    status, output, _ = nircore(
        "enhance", tmp_path / "b.tif", "--weights", weights, "--dark", tmp_path / "dark", "--out", out
    )
    assert status == 1 and "b.tif: The exposure is not known" in output


KILLED = """
import sys, time
from nirlab import job
do, begun, pause = job.do, open(sys.argv[1], "a"), float(sys.argv[2])
def noted(*arguments):
    print(arguments[1], file=begun, flush=True)
    done = do(*arguments)
    print("done", arguments[1], file=begun, flush=True)
    time.sleep(pause)
    return done
job.do, job.PART_BYTES = noted, 3 * 40 * 48 * 2
sys.argv = ["nircore", *sys.argv[3:]]
from nirlab.cli import main
main()
"""


@pytest.mark.parametrize("suffix", [".tif"])
def test_killed_at_any_moment_it_goes_on_and_does_nothing_twice(weights, tmp_path, suffix):
    source, log = write(tmp_path / f"m{suffix}", frames(30)), tmp_path / "log"
    command = [*("enhance", str(source), "--weights", str(weights), "--out", str(tmp_path / "out"))]
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(log), "0.3", *command])
    while not log.exists() or log.read_text().count("done") < 4:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")] == []
    before = log.read_text()
    assert subprocess.run([sys.executable, "-c", KILLED, str(log), "0", *command]).returncode == 0
    after = read(tmp_path / "out" / source.name)
    np.testing.assert_array_equal(after, package.enhance(frames(30), weights=weights))
    done = [line.split()[1] for line in log.read_text().splitlines() if line.startswith("done")]
    assert sorted(map(int, done)) == list(range(0, 30, 3)) and before.count("done") >= 4
    assert left_over(tmp_path) == []


def test_killed_between_the_last_part_and_the_end_it_only_puts_together(nircore, weights, tmp_path, monkeypatch):
    source = write(tmp_path / "m.tif", frames(3))
    job = jobs.plan(source, tmp_path / "out" / "m.tif", Settings(str(weights.resolve())))
    jobs.do(job, 0)
    (job.work / "whole-x").mkdir()
    (job.work / "whole-x" / "whole.tif").write_bytes(b"half")
    monkeypatch.setattr(jobs, "do", lambda *_: pytest.fail("done twice"))
    assert nircore("enhance", source, "--weights", weights, "--out", tmp_path / "out")[0] == 0
    np.testing.assert_array_equal(
        tifffile.imread(tmp_path / "out/m.tif"), package.enhance(frames(3), weights=weights)
    )
    assert left_over(tmp_path) == []


MEMORY = """
import resource, sys
from pathlib import Path
from nirlab import job, run
from nircore.inference.enhancer import Enhancer
from nircore.inference.settings import Settings
from nirlab.records import FACTS
job.PART_BYTES = 2**21
Enhancer.__call__ = lambda self, pixels, dtype, *rest: (pixels.astype(dtype), dict.fromkeys(FACTS, 1.0))
peaks = []
for name in sys.argv[2:]:
    tally = run.enhance_files([name], Path("out"), Settings(sys.argv[1]), say=lambda line: None)
    assert tally.made == 1
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print(*peaks)
"""


@pytest.mark.parametrize("suffix", [".tif", ".h5", ".npy"])
def test_memory_does_not_grow_with_the_movie(weights, tmp_path, suffix):
    """A movie of 64 MB needs less than 16 MB more than one of 2 MB; the network, alike for both, stands aside."""
    frame = frames(1, (256, 256))
    long = np.broadcast_to(frame, (512, 256, 256))
    files = [str(write(tmp_path / f"{n}{suffix}", stack)) for n, stack in enumerate((long[:16], long))]
    command = [sys.executable, "-c", MEMORY, str(weights), *files]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    short_peak, long_peak = map(int, result.stdout.split())
    assert long_peak - short_peak < 16 * 2**20 < long.nbytes
    assert read(tmp_path / "out" / f"1{suffix}").shape == (512, 256, 256)

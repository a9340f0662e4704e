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

import nircore as package
from nircore.inference.settings import Settings
from nirlab import partial
from nirlab.enhance import enhance_files
from nirlab.movie import Movie
from nirlab.result import Order
from tests.lab.made import frames, left_over, read, result_of, write

pytestmark = pytest.mark.slow("minutes")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("suffix", [".tif", ".png", ".h5", ".npy", ".zarr"])
def test_every_kind_of_file_comes_out_with_its_size_type_and_scale(enhance, weights, tmp_path, suffix, dtype):
    if (suffix, dtype) == (".png", "float32"):
        return
    stack = (frames(3, pedestal=100) // (3 if dtype == "uint8" else 1)).astype(dtype)
    source = write(tmp_path / f"movie{suffix}", stack)
    status, output, _ = enhance(source)
    assert status == 0 and output.endswith(f"1 enhanced, 0 already there, 0 could not be used: {tmp_path / 'out'}\n")
    target = result_of(source, tmp_path / "out")
    after = read(target)
    expected = package.enhance(stack[0] if suffix == ".png" else stack, weights=weights, engine="torch")
    np.testing.assert_array_equal(after, expected)
    assert after.dtype == dtype and left_over(tmp_path) == []
    record = json.loads((tmp_path / "out" / f"{target.name}.json").read_text())
    assert record["identity"]["model_sha256"] and record["identity"]["nircore"] == package.__version__
    assert len(record["frames"]["offset_dn"]) == (1 if suffix == ".png" else 3) and record["made"].endswith("Z")
    assert record["summary"]["flux_ratio"] == pytest.approx(1, abs=0.2)


def test_folders_patterns_and_files_and_a_second_run_does_nothing(enhance, tmp_path, monkeypatch):
    for name in ("in/a.tif", "in/deep er/b.tif", "more/c1.tif", "more/c2.tif", "more/d.tif"):
        write(tmp_path / name, frames(1, seed=len(name)))
    out = tmp_path / "in" / "out"
    command = (tmp_path / "in", f"{tmp_path}/more/c*.tif", "--out", out)
    assert enhance(*command)[0] == 0
    made = sorted(str(path.relative_to(out)) for path in out.rglob("*.tif"))
    assert made == ["a.tif", "c1.tif", "c2.tif", "deep er/b.tif"]
    stamps = [path.stat().st_mtime_ns for path in sorted(out.rglob("*.tif"))]
    monkeypatch.setattr(Movie, "enhanced", lambda *_: pytest.fail("done twice"))
    status, output, _ = enhance(*command)
    assert status == 0 and "0 enhanced, 4 already there" in output
    assert [path.stat().st_mtime_ns for path in sorted(out.rglob("*.tif"))] == stamps


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


def test_one_line_for_each_bad_file_and_the_rest_proceeds(enhance, tmp_path):
    (tmp_path / "in").mkdir()
    expected = bad_files(tmp_path / "in")
    write(tmp_path / "in" / "good.tif", frames())
    write(tmp_path / "in" / "größe ü 日本.tif", frames())
    write(tmp_path / "in" / ("long" * 60 + ".tif"), frames())
    out = tmp_path / "out"
    status, output, error = enhance(tmp_path / "in", tmp_path / "gone.tif")
    lines = [line for line in (output + error).splitlines() if line.startswith("nircore: ")]
    assert status == 1 and len(lines) == len(expected) + 1 == 15
    for name, words in (expected | {"gone.tif": "does not exist"}).items():
        (line,) = [line for line in lines if f"/{name}" in line]
        assert words in line, line
    made = {path.name for path in out.iterdir() if path.suffix == ".tif"}
    assert made == {"good.tif", "größe ü 日本.tif", "long" * 60 + ".tif"} and left_over(out) == []
    assert "3 enhanced, 0 already there, 15 could not be used" in output


def test_results_that_would_take_one_name_or_the_source_itself_are_refused(enhance, weights, tmp_path):
    for folder in ("a", "b"):
        write(tmp_path / folder / "x.tif", frames(seed=ord(folder)))
    status, output, _ = enhance(tmp_path / "a/x.tif", tmp_path / "b/x.tif")
    assert status == 1 and "would both become" in output and "1 enhanced" in output
    expected = package.enhance(read(tmp_path / "a/x.tif"), weights=weights)
    np.testing.assert_array_equal(read(tmp_path / "out/x.tif"), expected)
    before = (tmp_path / "a/x.tif").read_bytes()
    status, output, _ = enhance(tmp_path / "a/x.tif", "--out", tmp_path / "a")
    assert status == 1 and "its own result" in output and (tmp_path / "a/x.tif").read_bytes() == before


@pytest.mark.parametrize(
    "extra, words",
    [
        (["--weights", "none"], "none cannot be read"),
        (["--dark", "none"], "does not exist"),
        (["--average", "4"], "odd"),
        (["--exposure", "-1"], "above 0"),
        (["--pedestal", "5"], "give a dark too"),
        (["--out", "/dev/null/x"], "Cannot create the folder"),
        (["--scheduler", "tcp://127.0.0.1:1"], "No Dask scheduler answers"),
    ],
)
def test_where_nothing_can_be_done_the_status_is_2(enhance, tmp_path, monkeypatch, extra, words):
    monkeypatch.setattr("nirlab.cluster.WAIT_S", 0.3)
    status, _, error = enhance(write(tmp_path / "a.tif", frames()), *extra)
    assert status == 2 and words in error and error.count("\n") == 1


def test_a_full_disk_is_one_line_and_the_next_run_goes_on(enhance, tmp_path, monkeypatch):
    source, to_disk = write(tmp_path / "a.tif", frames(3)), partial._to_disk

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(partial, "_to_disk", full)
    status, output, _ = enhance(source)
    assert status == 1 and "No space left on device; free some space" in output
    assert [path for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")] == []
    monkeypatch.setattr(partial, "_to_disk", to_disk)
    assert enhance(source)[0] == 0 and left_over(tmp_path) == []


def test_temporal_averaging_is_said_in_name_tags_and_record(enhance, weights, tmp_path):
    source = write(tmp_path / "m.tif", frames(4))
    assert enhance(source, "--average", 3)[0] == 0
    target = tmp_path / "out" / "m_average3.tif"
    np.testing.assert_array_equal(tifffile.imread(target), package.enhance(frames(4), weights=weights, average=3))
    with tifffile.TiffFile(target) as file:
        assert "mean of 3 frames" in file.pages[0].software
    assert json.loads(target.with_name("m_average3.tif.json").read_text())["temporal_average_frames"] == 3


def test_the_exposure_of_each_frame_chooses_its_dark(enhance, tmp_path):
    for exposure, level in ((10, 1000), (40, 1200)):
        write(tmp_path / "dark" / f"d_{exposure:05d}ms.tif", np.add(np.eye(40, 48), level)[None].astype(np.uint16))
    stack = frames(2, pedestal=0) + np.array([1000, 1200], np.uint16)[:, None, None]
    source = write(tmp_path / "a.h5", stack)
    with h5py.File(source, "a") as file:
        file["Cube/TimeExposure"] = [0.010, 0.040]
    out = tmp_path / "out"
    assert enhance(source, "--dark", tmp_path / "dark")[0] == 0
    first, second = read(out / "a.ome.tif").astype(float)
    assert abs(np.median(first) - 1000) < 10 and abs(np.median(second) - 1000) < 10
    record = json.loads((out / "a.ome.tif.json").read_text())
    assert record["identity"]["pedestal_dn"] == 1000 and record["identity"]["dark_subtracted"]
    status, output, _ = enhance(write(tmp_path / "b.tif", frames(1)), "--dark", tmp_path / "dark")
    assert status == 1 and "b.tif: The exposure is not known" in output


KILLED = """
import signal, sys, time
from nirlab import partial
from nirlab.movie import Movie
made, done, pause = Movie.enhanced, open(sys.argv[1], "a"), float(sys.argv[2])
def noted(movie, page):
    time.sleep(pause)
    array, facts = made(movie, page)
    print(page, file=done, flush=True)
    return array, facts
Movie.enhanced, partial.COMMIT_S = noted, 0
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has it ignored in the background, as nohup does
sys.argv = ["nircore", *sys.argv[3:]]
from nirlab.cli import main
main()
"""


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_at_any_moment_it_goes_on_and_does_nothing_twice(weights, tmp_path, signal_number):
    source, log = write(tmp_path / "m.tif", frames(30)), tmp_path / "log"
    command = [*("enhance", str(source), "--weights", str(weights), "--out", str(tmp_path / "out"))]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(log), "0.1", *command], **pipes)
    while not log.exists() or len(log.read_text().split()) < 5:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal_number)
    said, _ = process.communicate()
    if signal_number == signal.SIGINT:
        assert process.returncode == 130 and "nircore: interrupted; run the same command again" in said
        assert "Traceback" not in said and "Aborted" not in said
    assert [path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")] == []
    (lines,) = (tmp_path / "out").glob(".partial-*/frames.jsonl")
    told = len(lines.read_text().splitlines()) - 1  # the first line is the identity; the last may stand there twice
    kept = min(told, lines.with_suffix(".raw").stat().st_size // frames().nbytes)
    first = [int(page) for page in log.read_text().split()]
    assert len(first) - 1 <= kept <= len(first)
    assert subprocess.run([sys.executable, "-c", KILLED, str(log), "0", *command]).returncode == 0
    np.testing.assert_array_equal(read(tmp_path / "out/m.tif"), package.enhance(frames(30), weights=weights))
    second = [int(page) for page in log.read_text().split()][len(first) :]
    assert second == list(range(kept, 30)) and left_over(tmp_path) == []


def test_killed_between_the_last_frame_and_the_end_it_only_puts_together(enhance, weights, tmp_path, monkeypatch):
    source = write(tmp_path / "m.tif", frames(3))
    with monkeypatch.context() as end, pytest.raises(SystemExit):
        end.setattr("nirlab.record.write", lambda *_: sys.exit("killed"))
        enhance_files([str(source)], Order(tmp_path / "out", Settings(str(weights.resolve()))))
    assert list((tmp_path / "out").glob(".partial-*/whole.tif"))
    monkeypatch.setattr(Movie, "enhanced", lambda *_: pytest.fail("done twice"))
    assert enhance(source)[0] == 0
    np.testing.assert_array_equal(read(tmp_path / "out/m.tif"), package.enhance(frames(3), weights=weights))
    assert left_over(tmp_path) == []


def test_a_line_that_was_half_written_counts_for_nothing(tmp_path):
    made = []

    def frame(page: int) -> tuple[np.ndarray, dict]:
        made.append(page)
        return np.full((2, 3), page), {"page": page}

    partial.Partial(tmp_path, "x", {"a": 1}, (4, 2, 3), np.int16).make(frame, lambda: None)
    lines = tmp_path / "x.jsonl"
    lines.write_text(lines.read_text()[:-4])
    one = partial.Partial(tmp_path, "x", {"a": 1}, (4, 2, 3), np.int16)
    assert len(one.facts) == 3
    one.make(frame, lambda: None)
    assert made == [0, 1, 2, 3, 3] and [int(pixels[0, 0]) for pixels in one.frames()] == [0, 1, 2, 3]
    assert partial.Partial(tmp_path, "x", {"a": 2}, (4, 2, 3), np.int16).facts == []


MEMORY = """
import resource, sys
from pathlib import Path
from nircore.inference.enhancer import Enhancer
from nircore.inference.prepared import FACTS
from nircore.inference.settings import Settings
from nirlab.enhance import enhance_files
from nirlab.result import Order
Enhancer.movie = lambda self, frame, count, dtype, camera, network, exposure_s, first=0: (
    (frame(index).astype(dtype), dict.fromkeys(FACTS, 1.0)) for index in range(first, count)
)
peaks = []
for name in sys.argv[2:]:
    (outcome,) = enhance_files([name], Order(Path("out").resolve(), Settings(sys.argv[1])), say=lambda line: None)
    assert outcome.made
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print(*peaks)
"""


@pytest.mark.parametrize("suffix", [".tif", ".h5"])
def test_memory_does_not_grow_with_the_movie(weights, tmp_path, suffix):
    """A movie of 64 MB needs less than 16 MB more than one of 2 MB; the network, alike for both, stands aside."""
    frame = frames(1, (256, 256))
    long = np.broadcast_to(frame, (512, 256, 256))
    files = [write(tmp_path / f"{n}{suffix}", stack) for n, stack in enumerate((long[:16], long))]
    command = [sys.executable, "-c", MEMORY, str(weights), *map(str, files)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    short_peak, long_peak = map(int, result.stdout.split())
    assert long_peak - short_peak < 16 * 2**20 < long.nbytes
    assert read(result_of(files[1], tmp_path / "out")).shape == (512, 256, 256)

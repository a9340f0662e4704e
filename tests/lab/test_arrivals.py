"""Frames as they arrive: their order and names, what is passed over with a word, and files that are still written."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nircore.errors import NircoreError
from nirlab import arrivals
from nirlab.arrivals import Arrivals, natural
from nirlab.stream import stream, to_folder
from tests.lab.made import OneStep, write

STACK = np.random.default_rng(0).integers(1, 4000, (12, 20, 24)).astype(np.uint16)


def written(folder: Path, names: list[str]) -> Path:
    for frame, name in zip(STACK, names, strict=False):
        write(folder / name, frame)
    return folder


def test_a_stack_is_opened_once_and_its_pages_are_numbered(tmp_path, monkeypatch):
    opened, real = [], arrivals.opened
    monkeypatch.setattr(arrivals, "opened", lambda path: opened.append(path) or real(path))
    tifffile.imwrite(tmp_path / "stack.tif", STACK, photometric="minisblack")
    found = Arrivals(tmp_path / "stack.tif")
    assert np.array_equal(list(found), STACK)
    assert len(opened) == 1  # however many pages
    assert found.names[:2] == ["stack_000000", "stack_000001"]


def test_files_come_in_the_order_of_their_numbers_under_their_own_names(tmp_path):
    names = [f"img_{k}.tif" for k in range(1, 13)]
    found = Arrivals(written(tmp_path / "in", names))
    assert np.array_equal(list(found), STACK)
    assert found.names == [Path(name).stem for name in names]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["b2", "b10", "a1"], ["a1", "b2", "b10"]),
        (["t1_z10", "t1_z9", "t10_z1"], ["t1_z9", "t1_z10", "t10_z1"]),
        (["9.tif", "10.tif", "x.tif"], ["9.tif", "10.tif", "x.tif"]),
    ],
)
def test_natural_order(names, wanted):
    assert [path.name for path in sorted(map(Path, names), key=natural)] == wanted


@pytest.mark.parametrize("name", ["._a.tif", ".hidden.tif", ".DS_Store", "notes.txt", "a.json"])
def test_what_is_hidden_or_of_another_kind_is_no_frame(tmp_path, name):
    folder, said = written(tmp_path / "in", ["a_1.tif"]), []
    (folder / name).write_bytes(b"\0\5\x16\7" + bytes(100))
    assert len(list(Arrivals(folder, say=said.append))) == 1 and not said


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda file: tifffile.imwrite(file, np.full((20, 24), 300, np.uint16)), "blank"),
        (lambda file: tifffile.imwrite(file, np.full((20, 24), np.nan, np.float32)), "not finite"),
        (lambda file: file.write_bytes(b"not a frame at all" * 9), "damaged"),
        (lambda file: file.write_bytes(b""), "0 bytes"),
    ],
)
def test_a_frame_that_cannot_be_used_is_named_and_the_others_go_on(tmp_path, spoil, word):
    folder, said = written(tmp_path / "in", ["a_0.tif", "a_1.tif", "a_2.tif"]), []
    spoil(folder / "a_1.tif")
    found = Arrivals(folder, say=said.append)
    assert np.array_equal(list(found), STACK[[0, 2]])
    assert len(found.passed_over) == len(said) == 1 and "a_1.tif" in said[0] and word in said[0]


def test_a_folder_that_is_being_written_is_followed(tmp_path):
    def acquire():
        for k, frame in enumerate(STACK[:6]):
            tifffile.imwrite(tmp_path / f"{k}.tif", frame, photometric="minisblack")
            time.sleep(0.03)

    writer = threading.Thread(target=acquire)
    writer.start()
    found = list(Arrivals(tmp_path, idle_s=3))
    writer.join()
    assert np.array_equal(found, STACK[:6])


def test_a_file_that_stands_still_half_written_is_tried_again(tmp_path):
    folder = written(tmp_path / "in", ["a_0.tif"])
    whole = (folder / "a_0.tif").read_bytes()
    (folder / "a_0.tif").write_bytes(whole[: len(whole) // 2])

    def finish():
        time.sleep(0.4)
        (folder / "a_0.tif").write_bytes(whole)

    writer = threading.Thread(target=finish)
    writer.start()
    said: list[str] = []
    found = list(Arrivals(folder, idle_s=0.8, say=said.append))
    writer.join()
    assert np.array_equal(found, STACK[:1]) and not said


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(NircoreError):
        next(iter(Arrivals(tmp_path / "missing.tif")))


def test_results_are_called_as_their_sources_and_never_twice_the_same(tmp_path):
    found = Arrivals(written(tmp_path / "in", ["x_2.tif", "x_10.tif"]))
    tifffile.imwrite(tmp_path / "in" / "x_2.tiff", STACK[3], photometric="minisblack")
    stream(found, OneStep(lambda frame: frame + 1000), to_folder(tmp_path / "out", found.names))
    made = {file.name: tifffile.imread(file) for file in (tmp_path / "out").iterdir()}
    assert set(made) == {"000000_x_2.tif", "000001_x_2.tif", "000002_x_10.tif"}
    np.testing.assert_array_equal(made["000002_x_10.tif"], STACK[1] + 1000.0)


def test_a_dark_is_taken_off_with_the_exposure_of_the_name(tmp_path):
    seen = []
    folder = written(tmp_path / "in", ["a_0020ms.tif"])
    list(Arrivals(folder, signal=lambda pixels, exposure_s: seen.append(exposure_s) or pixels))
    assert seen == [0.02]


def growing(file: Path) -> None:
    for k, frame in enumerate(STACK[:6]):
        tifffile.imwrite(file, frame, photometric="minisblack", metadata=None, append=k > 0)
        time.sleep(0.25)


def laid_out_and_filled(file: Path) -> None:
    tifffile.imwrite(file, np.zeros_like(STACK[:6]), photometric="minisblack", metadata=None)
    pages = tifffile.memmap(file, mode="r+")
    for k, frame in enumerate(STACK[:6]):
        time.sleep(0.25)
        pages[k] = frame
        pages.flush()


def anew_each_time(file: Path) -> None:
    for frame in STACK[:6]:
        tifffile.imwrite(file, frame, photometric="minisblack")
        time.sleep(0.4)


def a_ring_of_names(file: Path) -> None:
    for k, frame in enumerate(STACK[:6]):
        tifffile.imwrite(file.with_name(f"ring_{k % 4}.tif"), frame, photometric="minisblack")
        time.sleep(0.4)


def below(file: Path) -> None:
    (file.parent / "Pos0").mkdir()
    for k, frame in enumerate(STACK[:6]):
        tifffile.imwrite(file.parent / "Pos0" / f"img_{k}.tif", frame, photometric="minisblack")


@pytest.mark.parametrize("camera", [growing, laid_out_and_filled, anew_each_time, a_ring_of_names, below])
def test_every_frame_that_a_camera_writes_is_taken_once(tmp_path, camera):
    writer = threading.Thread(target=camera, args=(tmp_path / "latest.tif",))
    writer.start()
    found = Arrivals(tmp_path, idle_s=3)  # the writer may have to wait for a busy machine
    frames = list(found)
    writer.join()
    assert np.array_equal(frames, STACK[:6]) and not found.passed_over


class Stalled:
    """A clock that moves when one sleeps, and leaps a second ahead when it is asked for the `stall`-th time."""

    def __init__(self, stall: int) -> None:
        self.now, self.asked, self.stall = 0.0, 0, stall

    def monotonic(self) -> float:
        self.asked += 1
        self.now += self.asked == self.stall
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("stall", range(1, 30))
def test_no_file_overtakes_another_when_a_busy_machine_stalls(tmp_path, monkeypatch, stall):
    monkeypatch.setattr(arrivals, "time", Stalled(stall))
    written(tmp_path, [f"{k}.tif" for k in range(4)])
    assert np.array_equal(list(Arrivals(tmp_path, idle_s=3)), STACK[:4])


def test_a_blank_frame_between_others_holds_nothing_up_and_blank_ones_at_the_end_are_named(tmp_path):
    pages = STACK[:6].copy()
    pages[2], pages[5] = 300, 300
    tifffile.imwrite(tmp_path / "movie.tif", pages, photometric="minisblack", metadata=None)
    found = Arrivals(tmp_path, idle_s=0.5, say=lambda line: None)
    assert np.array_equal(list(found), STACK[[0, 1, 3, 4]])
    assert [line.split("frame ")[1][0] for line in found.passed_over] == ["2", "5"]


def test_files_of_other_kinds_get_a_word(tmp_path):
    folder, said = written(tmp_path / "in", ["a_1.tif"]), []
    (folder / "scan.czi").write_bytes(b"ZISRAWFILE" + bytes(100))
    assert len(list(Arrivals(folder, say=said.append))) == 1
    assert len(said) == 1 and "scan.czi is of a kind that is not read" in said[0]

"""A result that is there counts only for the very source it was made from: its path, and every byte of it."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

import nircore as package
from nircore.inference.settings import Settings
from nirlab.enhance import enhance_files
from nirlab.movie import Movie
from nirlab.partial import Partial
from nirlab.record import sha256
from nirlab.result import Order
from tests.lab.made import frames, left_over, read, result_of, write


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".h5", ".zarr"])
def test_a_source_rewritten_in_place_is_not_taken_for_the_old_one(enhance, weights, tmp_path, suffix):
    source, out = write(tmp_path / f"a{suffix}", frames(2)), tmp_path / "out"
    stamps = {path: path.stat() for path in (source, *source.rglob("*"))}
    assert enhance(source)[0] == 0
    before = read(result_of(source, out))
    if suffix == ".zarr":
        zarr.open(str(source), mode="r+")[:] = frames(2, seed=1)
    else:
        write(source, frames(2, seed=1))
    for path, stamp in stamps.items():  # as a copy that keeps times, or a clock that is too coarse
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    status, output, _ = enhance(source)
    assert status == 1 and f"was made from {source} as it was before: use --overwrite" in output
    assert (read(result_of(source, out)) == before).all() and left_over(tmp_path) == []
    assert enhance(source, "--overwrite")[0] == 0
    expected = package.enhance(frames(2, seed=1), weights=weights)
    np.testing.assert_array_equal(read(result_of(source, out)), expected)


def test_the_same_name_from_another_folder_does_not_keep_the_others_picture(enhance, tmp_path):
    monday, tuesday = (write(tmp_path / day / "a.tif", frames()) for day in ("monday", "tuesday"))
    assert enhance(monday)[0] == 0
    status, output, _ = enhance(tuesday)
    assert status == 1 and f"was made from {monday}, not from" in output


def test_a_source_that_was_only_touched_is_done(enhance, tmp_path, monkeypatch):
    source = write(tmp_path / "a.zarr", frames(2))
    assert enhance(source)[0] == 0
    for path in source.rglob("*"):
        os.utime(path)
    monkeypatch.setattr(Movie, "enhanced", lambda *_: pytest.fail("done twice"))
    assert "1 already there" in enhance(source)[1]


def test_the_hash_of_a_folder_counts_names_and_bytes(tmp_path: Path):
    write(tmp_path / "a.zarr", frames(3))
    before = sha256(tmp_path / "a.zarr")
    shutil.copytree(tmp_path / "a.zarr", tmp_path / "b.zarr")
    assert sha256(tmp_path / "b.zarr") == before
    (tmp_path / "b.zarr/c/0/0/0").rename(tmp_path / "b.zarr/c/0/0/9")
    assert sha256(tmp_path / "b.zarr") != before


def test_a_library_s_word_on_a_damaged_source_is_no_word_on_the_disk(weights, tmp_path: Path, monkeypatch) -> None:
    """A library says OSError without a number, as h5py does of an address that is impossible."""
    source = tmp_path / "a.npy"
    np.save(source, frames(2))

    def overflow(*_: object) -> None:
        raise OSError("Addr overflow, addr = 12884901887")

    monkeypatch.setattr(Partial, "frames", overflow)
    said: list[str] = []
    enhance_files([str(source)], Order(tmp_path / "out", Settings(str(weights))), say=said.append)
    assert len(said) == 1 and "a.npy is damaged (Addr overflow" in said[0] and "space" not in said[0]
    assert list((tmp_path / "out").iterdir()) == []

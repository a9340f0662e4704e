"""A result that is there counts only for the very source it was made from: its path, and every byte of it."""

import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr

import nircore as package
from nirlab.formats.content import content_sha256
from nircore.inference.settings import Settings
from nirlab import job as jobs
from nirlab.run import enhance_files
from tests.lab.made import frames
from tests.lab.test_enhance_command import read, write


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".h5", ".zarr"])
def test_a_source_rewritten_in_place_is_not_taken_for_the_old_one(nircore, weights, tmp_path, suffix):
    source, out = write(tmp_path / f"a{suffix}", frames(2)), tmp_path / "out"
    command = ("enhance", source, "--out", out, "--weights", weights)
    stamps = {path: path.stat() for path in (source, *source.rglob("*"))}
    assert nircore(*command)[0] == 0
    if suffix == ".zarr":
        zarr.open(str(source), mode="r+")[:] = frames(2, seed=1)
    else:
        write(source, frames(2, seed=1))
    for path, stamp in stamps.items():  # as a copy that keeps times, or a clock that is too coarse
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    status, output, _ = nircore(*command)
    assert status == 1 and f"was made from {source} as it was before: use --overwrite" in output
    assert nircore(*command, "--overwrite")[0] == 0
    expected = package.enhance(frames(2, seed=1), weights=weights)
    np.testing.assert_array_equal(read(out / source.name), expected)


def test_the_same_name_from_another_folder_does_not_keep_the_others_picture(nircore, weights, tmp_path):
    out = tmp_path / "out"
    for folder in ("monday", "tuesday"):
        write(tmp_path / folder / "a.tif", frames())
    assert nircore("enhance", tmp_path / "monday/a.tif", "--out", out, "--weights", weights)[0] == 0
    status, output, _ = nircore("enhance", tmp_path / "tuesday/a.tif", "--out", out, "--weights", weights)
    assert status == 1 and f"was made from {tmp_path / 'monday/a.tif'}, not from" in output


def test_a_source_that_was_only_touched_is_done(nircore, weights, tmp_path, monkeypatch):
    source = write(tmp_path / "a.zarr", frames(2))
    command = ("enhance", source, "--out", tmp_path / "out", "--weights", weights)
    assert nircore(*command)[0] == 0
    for path in source.rglob("*"):
        os.utime(path)
    monkeypatch.setattr(jobs, "do", lambda *_: pytest.fail("done twice"))
    assert "1 already there" in nircore(*command)[1]


def test_parts_of_another_content_are_not_gone_on_with(weights, tmp_path):
    settings, target = jobs.Settings(str(weights)), tmp_path / "out" / "a.tif"
    job = jobs.plan(write(tmp_path / "a.tif", frames(3)), target, settings)
    jobs.do(job, 0)
    assert jobs.plan(tmp_path / "a.tif", target, settings).todo() == []
    again = jobs.plan(write(tmp_path / "a.tif", frames(3, seed=1)), target, settings)
    assert again.todo() == [0]


def test_the_content_of_a_virtual_dataset_is_that_of_its_sources(nircore, weights, tmp_path):
    layout = h5py.VirtualLayout((1, 40, 48), "u2")
    layout[0] = h5py.VirtualSource("raw.h5", "x", (40, 48))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("Cube").create_virtual_dataset("Images", layout)
    command = ("enhance", tmp_path / "a.h5", "--out", tmp_path / "out", "--weights", weights)
    for seed in (0, 1):
        with h5py.File(tmp_path / "raw.h5", "w") as file:
            file["x"] = frames(seed=seed)[0]
        status, output, _ = nircore(*command)
        assert status == seed and ("as it was before" in output) == bool(seed)


def test_the_hash_of_a_folder_counts_names_and_bytes(tmp_path: Path):
    write(tmp_path / "a.zarr", frames(3))
    before = content_sha256(tmp_path / "a.zarr")
    shutil.copytree(tmp_path / "a.zarr", tmp_path / "b.zarr")
    assert content_sha256(tmp_path / "b.zarr") == before
    (tmp_path / "b.zarr/c/0/0/0").rename(tmp_path / "b.zarr/c/0/0/9")
    assert content_sha256(tmp_path / "b.zarr") != before
    (tmp_path / "x").write_bytes(b"abc")
    assert content_sha256(tmp_path / "x").startswith("ba7816bf")
    tifffile.imwrite(tmp_path / "y.tif", frames())
    assert content_sha256(tmp_path / "x", [tmp_path / "y.tif"]) != content_sha256(tmp_path / "x")


def test_a_library_s_word_on_a_damaged_source_is_no_word_on_the_disk(weights, tmp_path: Path, monkeypatch) -> None:
    """h5py says OSError without a number where an address of the copied file is impossible."""
    source = tmp_path / "a.npy"
    np.save(source, frames(2))

    def overflow(*_: object) -> None:
        raise OSError("Addr overflow, addr = 12884901887")

    monkeypatch.setattr(jobs, "_pages", overflow)
    said: list[str] = []
    tally = enhance_files([str(source)], tmp_path / "out", Settings(str(weights)), say=said.append)
    assert tally.bad == 1 and "a.npy is damaged (Addr overflow" in said[0] and "space" not in said[0]
    assert list((tmp_path / "out").iterdir()) == []

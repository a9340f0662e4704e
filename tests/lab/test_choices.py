"""Where a question is due nothing is chosen in silence: averages, dark movies, holes in folders."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr

import nircore as package
from tests.lab.made import frames, read, result_of, write


def channels(time: int = 4) -> np.ndarray:
    """(T, 2, 40, 48): the second channel stands 2000 DN above the first."""
    return np.stack([frames(time), frames(time, seed=1) + np.uint16(2000)], axis=1)


def averaged(stack: np.ndarray, weights: Path) -> np.ndarray:
    """What a mean of three along the first axis gives, each of the others for itself."""
    flat = stack.reshape(len(stack), -1, *stack.shape[-2:])
    each = [package.enhance(flat[:, k], weights=weights, average=3) for k in range(flat.shape[1])]
    return np.stack(each, axis=1).reshape(stack.shape)


def ome_zarr(path: Path, stack: np.ndarray) -> Path:
    axes = [{"name": name} for name in "tcyx"]
    group = zarr.create_group(
        str(path), zarr_format=2, attributes={"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    )
    group.create_array("0", shape=stack.shape, dtype=stack.dtype, chunks=(1, 1, 40, 48))[:] = stack
    return path


def hdf5(path: Path, stack: np.ndarray, labels: str) -> Path:
    with h5py.File(path, "w") as file:
        images = file.create_dataset("Cube/Images", data=stack)
        for dimension, label in zip(images.dims, labels, strict=True):
            dimension.label = label
    return path


def test_an_average_runs_along_time_and_leaves_channels_apart(enhance, weights, tmp_path):
    stack = channels()
    tifffile.imwrite(tmp_path / "imagej.tif", stack, imagej=True, metadata={"axes": "TCYX"})
    tifffile.imwrite(tmp_path / "ome.tif", stack, ome=True, metadata={"axes": "TCYX"})
    tifffile.imwrite(tmp_path / "shaped.tif", stack, photometric="minisblack", metadata={"axes": "TCYX"})
    swapped = np.ascontiguousarray(stack.swapaxes(0, 1))
    tifffile.imwrite(tmp_path / "swapped.ome.tif", swapped, ome=True, metadata={"axes": "CTYX"})
    ome_zarr(tmp_path / "a.zarr", stack)
    hdf5(tmp_path / "a.h5", stack, "tcyx")
    names = ["imagej.tif", "ome.tif", "shaped.tif", "swapped.ome.tif", "a.zarr", "a.h5"]
    sources = [tmp_path / name for name in names]
    status, output, _ = enhance(*sources, "--average", 3)
    assert status == 0, output
    expected = averaged(stack, weights)
    for source in sources:
        result = result_of(source.with_stem(f"{source.stem}_average3"), tmp_path / "out")
        after = zarr.open(str(result), mode="r")["0"][:] if source.suffix == ".zarr" else read(result)
        after = (
            after.reshape(swapped.shape).swapaxes(0, 1) if "swapped" in source.name else after.reshape(stack.shape)
        )
        # the frames of a file share what is known of the camera, so channels alone come out some DN apart, not 2000
        np.testing.assert_allclose(after.astype(float), expected, atol=60, err_msg=source.name)


def test_an_average_along_what_nobody_names_is_refused(enhance, tmp_path):
    stack = channels()
    np.save(tmp_path / "a.npy", stack)
    hdf5(tmp_path / "b.h5", stack, "qqyx")
    tifffile.imwrite(tmp_path / "c.ome.tif", stack[:, 0], ome=True, metadata={"axes": "ZYX"})
    tifffile.imwrite(tmp_path / "d.ome.tif", stack[:, 0], ome=True, metadata={"axes": "CYX"})
    tifffile.imwrite(tmp_path / "e.tif", stack, photometric="minisblack")
    sources = sorted(tmp_path.iterdir())
    status, output, _ = enhance(*sources, "--average", 3)
    assert status == 1 and output.count("does not say along which axis time runs") == len(sources) == 5
    assert "(?=4 x ?=2)" in output and "(Z=4)" in output and "(C=4)" in output
    assert enhance(*sources)[0] == 0


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".h5", ".zarr"])
def test_a_dark_movie_counts_as_its_mean_and_that_is_said(enhance, weights, tmp_path, suffix):
    movie = np.rint(np.random.default_rng(0).normal(1000, 20, (16, 40, 48))).astype(np.uint16)
    dark, source = write(tmp_path / f"dark{suffix}", movie), write(tmp_path / "a.npy", frames())
    status, output, _ = enhance(source, "--dark", dark)
    assert status == 0 and f"{dark}: the dark is the mean of its 16 frames" in output
    mean = movie.mean(axis=0, dtype=np.float64).astype(np.float32)
    expected = package.enhance(frames(), weights=weights, dark=mean)
    np.testing.assert_array_equal(np.load(tmp_path / "out/a.npy"), expected)
    record = json.loads((tmp_path / "out/a.npy.json").read_text())
    assert record["dark_frames"] == {dark.name: 16}


def test_a_dark_movie_at_several_exposures_is_refused(enhance, tmp_path):
    dark = write(tmp_path / "dark.h5", frames(2))
    with h5py.File(dark, "a") as file:
        file["Cube/TimeExposure"] = [0.01, 0.02]
    status, _, error = enhance(write(tmp_path / "a.npy", frames()), "--dark", dark)
    assert status == 2 and "several exposures" in error


def test_every_hole_in_a_folder_is_named_and_the_rest_proceeds(enhance, tmp_path):
    folder = tmp_path / "in"
    write(folder / "a.tif", frames())
    write(folder / "deep/b.npy", frames())
    (folder / "gone.TIFF").symlink_to("/nowhere/x.tif")
    (folder / "deep/gone.zarr").symlink_to("/nowhere/x.zarr")
    (folder / "deep/notes.txt").symlink_to("/nowhere/notes.txt")
    os.mkfifo(folder / "pipe.tif")
    (folder / "deep/up").symlink_to("..")
    (folder / "self").symlink_to("self")
    (folder / "movie.czi").write_bytes(b"x")
    (folder / "notes.txt").write_text("x")
    status, output, _ = enhance(folder)
    assert status == 1 and "2 enhanced, 0 already there, 3 could not be used" in output
    holes = {"gone.TIFF": "link to nothing", "deep/gone.zarr": "link to nothing", "pipe.tif": "neither"}
    for name, words in holes.items():
        (line,) = [line for line in output.splitlines() if f"{folder / name} is" in line]
        assert words in line
    assert f"passed over, of kinds that are not read (.czi): {folder / 'movie.czi'}" in output
    assert "notes.txt" not in output
    made = {path.name for path in (tmp_path / "out").rglob("*") if path.suffix != ".json"}
    assert made == {"a.tif", "deep", "b.npy"}


def test_a_folder_of_two_links_to_one_place_gives_both_and_a_pattern_names_its_holes(enhance, tmp_path):
    write(tmp_path / "true/a.tif", frames())
    (tmp_path / "in").mkdir()
    for name in ("one", "two"):
        (tmp_path / "in" / name).symlink_to(tmp_path / "true")
    (tmp_path / "in/gone.tif").symlink_to("/nowhere")
    status, output, _ = enhance(tmp_path / "in")
    assert status == 1 and "2 enhanced" in output
    status, output, _ = enhance(f"{tmp_path}/in/*.tif")
    assert status == 1 and "gone.tif is a link to nothing (/nowhere)" in output


def test_what_is_not_kept_is_on_the_line_and_in_the_record(enhance, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", frames()[0] >> 4, bitspersample=12, photometric="miniswhite", metadata=None)
    np.save(tmp_path / "b.npy", frames(4).reshape(2, 2, 40, 48))
    np.save(tmp_path / "c.npy", frames(2))
    hdf5(tmp_path / "d.h5", frames(2), "tyx")
    status, output, _ = enhance(tmp_path)
    said = {
        "a.tif": ["12 bits a pixel (now 16)"],
        "b.npy": [],
        "c.npy": [],
        "d.ome.tif": ["all that d.h5 says besides frames and exposures"],
    }
    assert status == 0 and output.count("not kept: ") == 2
    for name, words in said.items():
        assert json.loads((tmp_path / "out" / f"{name}.json").read_text())["not_kept"] == words
        assert not words or f"not kept: {words[0]}" in output


@pytest.mark.parametrize("inner, name", [("", "m.zarr"), ("0", "m_0.zarr"), ("0/0", "m_0_0.zarr")])
def test_an_image_of_a_bioformats2raw_store_is_enhanced_under_a_name_of_its_own(
    enhance, weights, tmp_path, inner, name
):
    zarr.create_group(str(tmp_path / "m.zarr"), zarr_format=2, attributes={"bioformats2raw.layout": 3})
    ome_zarr(tmp_path / "m.zarr/0", channels(2))
    status, output, _ = enhance(tmp_path / "m.zarr" / inner)
    assert status == 0 and "1 already there" in enhance(tmp_path / "m.zarr" / inner)[1], output
    place = {"m.zarr": "0/0", "m_0.zarr": "0", "m_0_0.zarr": ""}[name]
    after = zarr.open_array(str(tmp_path / "out" / name / place), mode="r")[:]
    expected = package.enhance(channels(2), weights=weights)
    np.testing.assert_array_equal(after, expected)

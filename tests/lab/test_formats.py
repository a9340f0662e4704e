"""Every container comes back as it went in: pixels, shape, type, byte order, compression, and what stands beside."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from nircore.errors import NircoreError
from nirlab.formats.containers import read_frame
from tests.lab.made import copied, movie, pages

TIFFS = {
    "plain": {},
    "big-endian": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
    "zlib and predictor": {"compression": "zlib", "predictor": True},
    "lzw": {"compression": "lzw"},
    "zstd": {"compression": "zstd"},
    "tiles": {"tile": (16, 16), "compression": "zlib"},
    "strips": {"rowsperstrip": 7},
    "OME": {"ome": True, "metadata": {"axes": "TYX", "PhysicalSizeX": 125.0}},
    "ImageJ": {"imagej": True, "metadata": {"axes": "TYX", "unit": "um", "Labels": list("abcde")}},
    "ImageJ, big-endian": {"imagej": True, "byteorder": ">", "metadata": {"axes": "TYX"}},
}


@pytest.mark.parametrize("flavour", TIFFS)
def test_tiff_flavours_come_back_as_they_were(tmp_path: Path, flavour: str) -> None:
    options, before = dict(TIFFS[flavour]), movie()
    writer = {key: options.pop(key) for key in ("byteorder", "bigtiff", "ome", "imagej") if key in options}
    tifffile.imwrite(tmp_path / "a.tif", before, resolution=(80, 64), resolutionunit=3, **writer, **options)
    target = copied(tmp_path / "a.tif", tmp_path)[0]
    np.testing.assert_array_equal(tifffile.imread(target), before)
    with tifffile.TiffFile(tmp_path / "a.tif") as a, tifffile.TiffFile(target) as b:
        assert (a.byteorder, a.is_bigtiff, len(a.pages)) == (b.byteorder, b.is_bigtiff, len(b.pages))
        assert a.ome_metadata == b.ome_metadata and a.imagej_metadata == b.imagej_metadata
        for one, other in zip(a.pages, b.pages, strict=True):
            for key in ("compression", "predictor", "is_tiled", "dtype", "photometric", "description"):
                assert getattr(one, key) == getattr(other, key), key
            if 282 in one.tags:
                assert one.tags[282].value == other.tags[282].value and one.resolutionunit == other.resolutionunit
        assert b.pages[0].software.startswith("a note") and (flavour != "OME" or b.is_ome)


def test_private_tags_and_the_text_of_every_page_are_kept(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=">") as writer:
        for page, pixels in enumerate(movie(count=3)):
            tags = [
                (51123, 2, 0, f'{{"t": {page}}}', True),
                (65000, 3, 2, (page, 7), True),
                (65001, 12, 1, 0.5, True),
            ]
            writer.write(
                pixels,
                description=f"page {page} \xb5".encode(),
                metadata=None,
                extratags=tags,
                software="camera \xb5 3".encode(),
            )
    target = copied(tmp_path / "a.tif", tmp_path)[0]
    with tifffile.TiffFile(target) as file:
        for page in range(3):
            tags = file.pages[page].tags
            assert (
                tags[270].value == f"page {page} \xb5" and tags[65000].value == (page, 7) and tags[65001].value == 0.5
            )
            assert str(page) in str(tags[51123].value)
            assert "camera \xb5 3" in tags[305].value


@pytest.mark.parametrize("kind", ["imagej", "shaped"])
def test_all_frames_behind_one_header_are_read_and_none_is_lost(tmp_path: Path, kind: str) -> None:
    before = movie(">u2" if kind == "imagej" else "uint16")
    path = tmp_path / "a.tif"
    if kind == "shaped":
        tifffile.imwrite(path, before, truncate=True)
    else:  # as ImageJ writes what is larger than 4 GB
        tifffile.imwrite(
            path, before[0], byteorder=">", description="ImageJ=1.54f\nimages=5\nframes=5\n", metadata=None
        )
        with tifffile.TiffFile(path) as file:
            start = file.pages[0].dataoffsets[0]
        assert start + before[0].nbytes == path.stat().st_size
        with open(path, "ab") as file:
            file.write(before[1:].tobytes())
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 1
    assert read_frame(path, page=4).pages == 5
    np.testing.assert_array_equal(read_frame(path, page=4).pixels, before[4])
    np.testing.assert_array_equal(pages(copied(path, tmp_path)[0]), before)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(NircoreError, match="not whole"):
        read_frame(path)


@pytest.mark.parametrize("bits", [8, 16])
def test_where_white_is_low_light_is_read_as_high_and_written_back_as_it_was(tmp_path: Path, bits: int) -> None:
    before = movie(f"uint{bits}", count=2)
    tifffile.imwrite(tmp_path / "a.tif", before, photometric="miniswhite")
    np.testing.assert_array_equal(
        read_frame(tmp_path / "a.tif", page=1).pixels, 2**bits - 1 - before[1].astype(float)
    )
    target = copied(tmp_path / "a.tif", tmp_path)[0]
    np.testing.assert_array_equal(tifffile.imread(target), before)
    with tifffile.TiffFile(target) as file:
        assert file.pages[0].photometric == tifffile.PHOTOMETRIC.MINISWHITE
    tifffile.imwrite(tmp_path / "b.tif", movie("float32"), photometric="miniswhite")
    with pytest.raises(NircoreError, match="white as low"):
        read_frame(tmp_path / "b.tif")


def test_pages_of_two_kinds_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(movie()[0], contiguous=False)
        writer.write(movie(shape=(40, 40))[0], contiguous=False)
    assert read_frame(tmp_path / "a.tif").pages == 2
    with pytest.raises(NircoreError, match="mixes pages: page 1 is"):
        read_frame(tmp_path / "a.tif", page=1)


@pytest.mark.parametrize("dtype", ["uint8", "<u2", ">u2", "int32", "float32", ">f8"])
@pytest.mark.parametrize("shape", [(20, 33), (5, 20, 33), (2, 3, 1, 20, 33)])
@pytest.mark.parametrize("order", [np.ascontiguousarray, np.asfortranarray])
def test_npy_stays_npy(tmp_path: Path, dtype: str, shape: tuple[int, ...], order) -> None:
    before = np.resize(movie(np.dtype(dtype).newbyteorder("=").name), shape).astype(dtype)
    np.save(tmp_path / "a.npy", order(before))
    after = np.load(copied(tmp_path / "a.npy", tmp_path)[0])
    np.testing.assert_array_equal(after, before)
    assert after.dtype == np.dtype(dtype)


def test_hdf5_becomes_an_ome_tiff_with_its_axes_and_exposures(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        images = file.create_dataset("Cube/Images", data=movie(">u2"), chunks=(2, 10, 33), compression="gzip")
        images.dims[0].label = "t"
        file["Cube/TimeExposure"] = np.full(5, 0.02)
    target = copied(tmp_path / "a.h5", tmp_path)[0]
    np.testing.assert_array_equal(tifffile.imread(target), movie(">u2"))
    with tifffile.TiffFile(target) as file:
        assert file.series[0].axes == "TYX" and file.ome_metadata.count('ExposureTime="0.02"') == 5


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_keeps_format_chunks_and_attributes(tmp_path: Path, version: int) -> None:
    path = tmp_path / "a.zarr"
    array = zarr.create_array(
        str(path), shape=(5, 20, 33), dtype="uint16", chunks=(2, 10, 33), zarr_format=version, attributes={"t": 3}
    )
    array[:] = movie()
    after = zarr.open(str(copied(path, tmp_path)[0]), mode="r")
    np.testing.assert_array_equal(after[:], movie())
    assert (after.metadata.zarr_format, after.chunks, after.dtype) == (version, (2, 10, 33), np.uint16)
    assert dict(after.attrs) == {"t": 3, "nircore": "a note"} and after.compressors == array.compressors
    zarr.create_group(str(tmp_path / "empty.zarr"))
    with pytest.raises(NircoreError, match="without an image"):
        read_frame(tmp_path / "empty.zarr")

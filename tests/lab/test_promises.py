"""A file that promises more than can be read is refused in one sentence, before any frame of it is used."""

import re
import struct
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from nircore.errors import NircoreError
from nirlab.formats.containers import container, opened, read_frame
from tests.lab.made import movie, pages


def refused(path: Path, words: str) -> None:
    with pytest.raises(NircoreError, match=words) as caught:
        read_frame(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">", "compression": "zlib"}])
@pytest.mark.parametrize("kept", [1, 3])
def test_a_tiff_cut_at_the_border_of_a_page(tmp_path: Path, options: dict, kept: int) -> None:
    path, layout = tmp_path / "a.tif", {key: options[key] for key in ("bigtiff", "byteorder") if key in options}
    with tifffile.TiffWriter(path, **layout) as writer:
        for pixels in movie():
            writer.write(pixels, metadata=None, contiguous=False, compression=options.get("compression"))
    with tifffile.TiffFile(path) as file:
        border = file.pages[kept].offset
    assert read_frame(path).pages == 5
    path.write_bytes(path.read_bytes()[:border])
    refused(path, rf"page {kept} is announced and lies beyond the end")


def test_a_chain_of_pages_that_was_cut_leaves_bytes_that_no_page_explains(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, movie(), metadata=None, photometric="minisblack")
    with tifffile.TiffFile(path) as file:
        place = file.pages[0].offset + 2 + 12 * len(file.pages[0].tags)
    data = bytearray(path.read_bytes())
    data[place : place + 4] = bytes(4)
    path.write_bytes(data)
    refused(path, "a page stands in it that no other page leads to")


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
@pytest.mark.parametrize("code, lawful", [(305, False), (283, False), (50000, True)])
@pytest.mark.parametrize("large", [False, True])  # nothing can be missing where the frame is the file
def test_a_header_whose_entries_mean_nothing_is_refused_but_for_a_vendors(
    tmp_path: Path, options, code, lawful, large
):
    path = tmp_path / "a.tif"
    frame = np.tile(movie("uint16")[0], (8, 8) if large else 1)
    tifffile.imwrite(path, frame, **options, extratags=[(50000, 3, 1, 7, True)])
    with tifffile.TiffFile(path) as file:
        tag, order = file.pages[0].tags[code], file.byteorder
    content = bytearray(path.read_bytes())
    content[tag.offset + 2 : tag.offset + 4] = struct.pack(f"{order}H", 29541)  # of a type that nobody knows
    path.write_bytes(content)
    if lawful or large:
        read_frame(path)
    else:
        refused(path, "1 of the entries in its header mean nothing")


@pytest.mark.parametrize("axes, shape", [("TYX", (5,)), ("TCYX", (2, 3)), ("TZCYX", (2, 1, 3))])
def test_ome_that_promises_more_planes_than_there_are(tmp_path: Path, axes: str, shape: tuple[int, ...]) -> None:
    path, stack = tmp_path / "a.ome.tif", np.resize(movie(), (*shape, 20, 33))
    tifffile.imwrite(path, stack, ome=True, metadata={"axes": axes})
    assert read_frame(path).pages == np.prod(shape)
    with tifffile.TiffFile(path) as file:
        text = file.ome_metadata
    with tifffile.TiffWriter(path) as writer:
        for index, pixels in enumerate(stack.reshape(-1, 20, 33)[:-1]):
            writer.write(pixels, metadata=None, contiguous=False, description=text if index == 0 else None)
    refused(path, rf"OME-XML promises {np.prod(shape)} frames, and {np.prod(shape) - 1} are there")


def test_ome_spread_over_several_files_is_whole_where_its_own_planes_are_there(tmp_path: Path) -> None:
    blocks = "".join(
        f'<TiffData FirstT="{k}" IFD="{k % 2}" PlaneCount="1"><UUID FileName="{"ab"[k // 2]}.ome.tif">urn:{k // 2}'
        "</UUID></TiffData>"
        for k in range(4)
    )
    for k, name in enumerate("ab"):
        text = (
            f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:{k}">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="33" SizeY="20" '
            f'SizeZ="1" SizeC="1" SizeT="4">{blocks}</Pixels></Image></OME>'
        )
        with tifffile.TiffWriter(tmp_path / f"{name}.ome.tif") as writer:
            for index, pixels in enumerate(movie(count=2 - k)):
                writer.write(pixels, metadata=None, contiguous=False, description=None if index else text)
    assert read_frame(tmp_path / "a.ome.tif").pages == 2
    refused(tmp_path / "b.ome.tif", "promises 2 frames, and 1 are there")


@pytest.mark.parametrize("said", ["images=9\nframes=9\n", "channels=3\nslices=3\n", "images=6\nslices=6\n"])
def test_imagej_that_promises_more_images_than_there_are(tmp_path: Path, said: str) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for index, pixels in enumerate(movie()):
            text = None if index else f"ImageJ=1.54f\n{said}"
            writer.write(pixels, metadata=None, contiguous=False, description=text)
    refused(path, "ImageJ description promises [69] frames, and 5 are there")


def metamorph(path: Path, planes: int, there: int) -> Path:
    """A stack of which the one header counts `planes`, and of which `there` are written."""
    stamps = b"".join(struct.pack("<6I", 1, 1, 2459000, k, 2459000, 0) for k in range(planes))
    tifffile.imwrite(path, movie()[0], metadata=None, extratags=[(33629, 5, 3 * planes, stamps, True)])
    with tifffile.TiffFile(path, mode="r+b") as file:
        where, start = file.pages[0].tags[33629].offset, file.pages[0].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[where + 4 : where + 8] = struct.pack("<I", planes)
    assert start + movie()[0].nbytes == len(data)
    path.write_bytes(data + movie()[1:there].tobytes())
    return path


@pytest.mark.parametrize("suffix", ["tif", "stk", "STK"])
def test_a_metamorph_stack_is_read_whole_or_refused(tmp_path: Path, suffix: str) -> None:
    whole = metamorph(tmp_path / f"whole.{suffix}", 5, 5)
    np.testing.assert_array_equal(pages(whole), movie())
    with opened(whole) as stack:
        target = tmp_path / f"again.{suffix}"
        assert "MetaMorph UIC2" in container(whole).write(stack, whole, target, iter(movie()), "note")
    np.testing.assert_array_equal(tifffile.imread(target, key=range(5)), movie())
    refused(
        metamorph(tmp_path / f"cut.{suffix}", 5, 4), "its header promises 5 frames, and not all of them are there"
    )


def test_a_shape_that_promises_more_frames_than_there_are(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, movie(), photometric="minisblack")
    path.write_bytes(path.read_bytes().replace(b'"shape": [5, ', b'"shape": [7, '))
    refused(path, "its shape promises 7 frames, and 5 are there")


def test_hdf5_that_keeps_its_pixels_elsewhere_is_refused(tmp_path: Path) -> None:
    layout = h5py.VirtualLayout((1, 20, 33), "u2")
    layout[0] = h5py.VirtualSource("r.h5", "x", (20, 33))
    (tmp_path / "secret.bin").write_bytes(b"x" * 4000)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("Cube").create_virtual_dataset("Images", layout)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        place = [(str(tmp_path / "secret.bin"), 0, 4000)]
        file.create_dataset("Cube/Images", (1, 20, 20), dtype="uint8", external=place)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["Cube/Images"] = h5py.ExternalLink(str(tmp_path / "b.h5"), "Cube/Images")
    for name in "abc":
        refused(tmp_path / f"{name}.h5", "keeps its pixels in another file: copy them into one")


def test_hdf5_frames_that_were_never_written(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:  # an acquisition that stopped after two of five frames
        images = file.create_dataset("Cube/Images", (5, 20, 33), "u2", chunks=(1, 20, 33))
        images[:2] = movie()[:2]
    refused(tmp_path / "a.h5", "3 of its 5 chunks were never written")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("Cube/Images", (5, 20, 33), "u2")
    refused(tmp_path / "b.h5", "6600 bytes of its frames were never written")


@pytest.mark.parametrize("shards", [None, (2, 20, 33)])
def test_a_zarr_whose_chunks_are_gone(tmp_path: Path, shards: tuple[int, ...] | None) -> None:
    path = tmp_path / "a.zarr"
    zarr.create_array(str(path), shape=(5, 20, 33), dtype="u2", chunks=(1, 20, 33), shards=shards)[:] = movie()
    assert read_frame(path).pages == 5
    (path / "c/1/0/0").unlink()
    with opened(path) as stack:  # legal: a writer may leave out what equals the fill value; so it is said
        assert re.fullmatch("1 of its [35] chunks are not in the store and read as its fill value 0", *stack.said)
    for chunk in (path / "c").rglob("0"):
        if chunk.is_file():
            chunk.unlink()
    refused(path, "([35]) of its \\1 chunks are not in the store")


def test_a_zarr_without_a_fill_value_needs_all_its_chunks(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    array = zarr.create_array(str(path), shape=(5, 20, 33), dtype="u2", chunks=(1, 20, 33), zarr_format=2)
    array[:] = movie()
    (path / "1.0.0").unlink()
    with opened(path) as stack:
        assert stack.said
    text = (path / ".zarray").read_text()
    (path / ".zarray").write_text(re.sub('"fill_value": [^,]*', '"fill_value": null', text))
    refused(path, "1 of its 5 chunks are not in the store")


def test_what_zarr_itself_leaves_out_is_read_as_it_was(tmp_path: Path) -> None:
    path, dark = tmp_path / "a.zarr", movie()
    dark[3] = 7
    zarr.create_array(str(path), shape=(5, 20, 33), dtype="u2", chunks=(1, 20, 33), fill_value=7)[:] = dark
    with opened(path) as stack:
        assert "1 of its 5 chunks" in stack.said[0]
        np.testing.assert_array_equal([stack.read(page) for page in range(5)], dark)


def test_npy_that_holds_more_or_less_than_its_header_says(tmp_path: Path) -> None:
    with open(tmp_path / "two.npy", "wb") as file:
        np.save(file, movie()[0])
        np.save(file, movie()[1])
    refused(tmp_path / "two.npy", "bytes follow the array")
    np.save(tmp_path / "short.npy", movie())
    (tmp_path / "short.npy").write_bytes((tmp_path / "short.npy").read_bytes()[:-2])
    refused(tmp_path / "short.npy", "cannot be read")


def test_a_png_that_is_an_animation_or_has_no_end(tmp_path: Path) -> None:
    pictures = [Image.fromarray(pixels) for pixels in movie("uint8", count=3)]
    pictures[0].save(tmp_path / "a.png", save_all=True, append_images=pictures[1:])
    refused(tmp_path / "a.png", "an animation of 3 frames")
    pictures[0].save(tmp_path / "b.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:-12])
    refused(tmp_path / "b.png", "its end is not there")


def test_frames_that_were_not_fetched_are_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    refused(tmp_path / "a.tif", "git lfs pull")
    (tmp_path / "b.tif").write_text("/annex/objects/SHA256E-s1--00.tif\n")
    refused(tmp_path / "b.tif", "git annex get")
    (tmp_path / "c.tif").symlink_to("/nowhere/annex/x.tif")
    refused(tmp_path / "c.tif", "a link to nothing")

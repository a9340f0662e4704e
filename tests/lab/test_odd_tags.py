"""TIFF tags as cameras and old programs write them: read right, written back, or listed as not kept."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nircore.errors import NircoreError
from nirlab.formats.containers import read_frame
from tests.lab.made import copied, movie


def without(path: Path, code: int, page: int = 0) -> None:
    """Take a tag out of a classic little-endian TIFF."""
    with tifffile.TiffFile(path) as file:
        offset = file.pages[page].offset
    data = bytearray(path.read_bytes())
    count = struct.unpack("<H", data[offset : offset + 2])[0]
    for place in range(offset + 2, offset + 2 + 12 * count, 12):
        if struct.unpack("<H", data[place : place + 2])[0] == code:
            end = offset + 6 + 12 * count
            data[place : end - 12] = data[place + 12 : end]
            data[offset : offset + 2] = struct.pack("<H", count - 1)
            break
    else:
        raise KeyError(code)
    path.write_bytes(data)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32"])
@pytest.mark.parametrize("layout", [{}, {"compression": "lzw"}, {"tile": (16, 16)}])
def test_black_is_0_where_no_tag_says_otherwise(tmp_path: Path, dtype: str, layout: dict) -> None:
    path, before = tmp_path / "a.tif", movie(dtype, count=2)
    tifffile.imwrite(path, before, photometric="minisblack", metadata=None, **layout)
    for page in range(2):
        without(path, 262, page)
    np.testing.assert_array_equal(read_frame(path, page=1).pixels, before[1].astype(np.float32))
    target, lost = copied(path, tmp_path)
    np.testing.assert_array_equal(tifffile.imread(target), before)
    assert lost == ["no PhotometricInterpretation (black was taken as 0, and is now said to be)"]


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("white_is_low", [False, True])
def test_packed_bits_keep_their_numbers(tmp_path: Path, bits: int, white_is_low: bool) -> None:
    path, light = tmp_path / "a.tif", movie(count=1)[0] >> (16 - bits)
    stored = 2**bits - 1 - light if white_is_low else light
    kind = "miniswhite" if white_is_low else "minisblack"
    tifffile.imwrite(path, stored, photometric=kind, bitspersample=bits, metadata=None)
    np.testing.assert_array_equal(read_frame(path).pixels, light)
    target, lost = copied(path, tmp_path)
    np.testing.assert_array_equal(read_frame(target).pixels, light)
    with tifffile.TiffFile(target) as file:  # as any reader sees it, by the bits that the file states
        page = file.pages[0]
        shown = 2**page.bitspersample - 1 - page.asarray() if white_is_low else page.asarray()
        assert page.photometric.name.lower() == kind
    np.testing.assert_array_equal(shown, light)
    assert lost == [f"{bits} bits a pixel (now 16)"]


def odd_tiles(path: Path, tile: int) -> np.ndarray:
    """A TIFF of uncompressed tiles whose side is no multiple of 16, which tifffile reads and does not write."""
    before = movie(count=1, shape=(40, 60))[0]
    tiles = [np.zeros((tile, tile), np.uint16) for _ in range(-(-40 // tile) * -(-60 // tile))]
    for number, one in enumerate(tiles):
        row, column = divmod(number, -(-60 // tile))
        part = before[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]
        one[: part.shape[0], : part.shape[1]] = part
    data, place = b"".join(one.tobytes() for one in tiles), 8
    size, many = tile * tile * 2, len(tiles)
    lists = place + len(data)
    offsets = struct.pack(f"<{many}I", *(place + size * k for k in range(many))) + struct.pack(
        f"<{many}I", *[size] * many
    )
    tags = [(256, 60), (257, 40), (258, 16), (259, 1), (262, 1), (277, 1), (322, tile), (323, tile)]
    entries = b"".join(struct.pack("<HHII", code, 4, 1, value) for code, value in tags)
    entries += struct.pack("<HHII", 324, 4, many, lists) + struct.pack("<HHII", 325, 4, many, lists + 4 * many)
    header = lists + len(offsets)
    ifd = struct.pack("<H", len(tags) + 2) + entries + bytes(4)
    path.write_bytes(b"II*\0" + struct.pack("<I", header) + data + offsets + ifd)
    return before


@pytest.mark.parametrize("tile", [20, 24, 36])
def test_tiles_that_are_no_multiple_of_16_become_strips(tmp_path: Path, tile: int) -> None:
    before = odd_tiles(tmp_path / "a.tif", tile)
    np.testing.assert_array_equal(read_frame(tmp_path / "a.tif").pixels, before)
    target, lost = copied(tmp_path / "a.tif", tmp_path)
    np.testing.assert_array_equal(tifffile.imread(target), before)
    assert lost == [f"tiles of {tile} x {tile} (now strips)"]


@pytest.mark.parametrize(
    "resolution, unit", [((0, 0), 2), ((7, 0), 3), ((300, 1), 0), ((300, 1), 5), ((0, 1), 65535)]
)
def test_odd_resolutions_are_listed_as_not_kept(tmp_path: Path, resolution: tuple[int, int], unit: int) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, movie(count=2), metadata=None, resolution=(10, 10), resolutionunit=2)
    with tifffile.TiffFile(path, mode="r+b") as file:
        for page in file.pages:
            page.tags[282].overwrite(resolution)
            page.tags[296].overwrite(unit)
    target, lost = copied(path, tmp_path)
    np.testing.assert_array_equal(tifffile.imread(target), movie(count=2))
    assert lost == ["a resolution that means nothing"]


@pytest.mark.parametrize("text", ["maus \xb5m".encode("latin-1"), "小鼠".encode("gbk"), "µm 小鼠".encode(), b"a\0b"])
def test_a_description_keeps_its_bytes_whatever_their_encoding(tmp_path: Path, text: bytes) -> None:
    tags = [(315, 2, 0, text, True)]
    tifffile.imwrite(tmp_path / "a.tif", movie(), description=text, metadata=None, software=text, extratags=tags)
    target, lost = copied(tmp_path / "a.tif", tmp_path)
    data = target.read_bytes()
    with tifffile.TiffFile(target) as file:
        for code, before in ((270, text), (315, text), (305, b"a note; " + text)):
            tag = file.pages[0].tags[code]
            assert data[tag.valueoffset : tag.valueoffset + tag.valuebytecount].rstrip(b"\0") == before
    assert lost == []


def test_exif_gps_and_other_pointers_are_listed_and_do_not_dangle(tmp_path: Path) -> None:
    tags = [(271, 2, 0, "a camera", True), (65100, 4, 1, 8, True), (65101, 4, 1, 8, True)]
    tifffile.imwrite(tmp_path / "a.tif", movie(count=1), metadata=None, extratags=tags)
    data = (tmp_path / "a.tif").read_bytes()
    for stand_in, code in ((65100, 34665), (65101, 34853)):  # the writer does not take pointers
        assert data.count(entry := struct.pack("<HHII", stand_in, 4, 1, 8)) == 1
        data = data.replace(entry, struct.pack("<HHII", code, 4, 1, 8))
    (tmp_path / "a.tif").write_bytes(data)
    target, lost = copied(tmp_path / "a.tif", tmp_path)
    with tifffile.TiffFile(target) as file:
        assert file.pages[0].tags[271].value == "a camera" and not {34665, 34853} & set(file.pages[0].tags.keys())
    assert lost == ["Exif", "GPS"]
    with tifffile.TiffWriter(tmp_path / "b.tif") as writer:  # a pyramid in SubIFDs
        writer.write(movie()[0], subifds=1, metadata=None)
        writer.write(movie()[0, ::2, ::2], subfiletype=1, metadata=None)
    assert copied(tmp_path / "b.tif", tmp_path)[1] == ["SubIFDs"]


def test_a_lossy_compression_becomes_lossless_and_is_listed(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", movie("uint8", shape=(32, 48)), compression="jpeg", photometric="minisblack")
    before = tifffile.imread(tmp_path / "a.tif")
    target, lost = copied(tmp_path / "a.tif", tmp_path)
    np.testing.assert_array_equal(tifffile.imread(target), before)
    assert "compression JPEG (now deflate)" in lost


def test_what_the_writer_refuses_is_known_before_computing(tmp_path: Path, monkeypatch) -> None:
    tifffile.imwrite(tmp_path / "a.tif", movie(), metadata=None)

    def refuse(*_, **__):
        raise ValueError("no such codec")

    monkeypatch.setattr(tifffile.TiffWriter, "write", refuse)
    with pytest.raises(NircoreError, match=r"a.tif, page 0, cannot be written like it is read \(no such codec\)"):
        copied(tmp_path / "a.tif", tmp_path)


def test_a_description_that_begins_like_the_writers_own_and_is_no_text_stays_whole(tmp_path: Path) -> None:
    path, before, odd = tmp_path / "a.tif", movie(count=2), b'{"shape": [\xc8\x8b\x00\x8f\xd6'
    with tifffile.TiffWriter(path) as writer:
        for page in before:
            writer.write(page, photometric="minisblack", metadata=None, description=odd)
    target, lost = copied(path, tmp_path)
    np.testing.assert_array_equal(read_frame(target, page=1).pixels, before[1])
    with tifffile.TiffFile(target) as file:
        assert bytes(file.pages[0].tags[270].value).rstrip(b"\0") == odd
    assert lost == []


@pytest.mark.parametrize("code", [270, 305])
def test_a_tag_whose_length_runs_over_the_next_page_does_not_make_a_result_that_is_refused(
    code: int, tmp_path: Path
) -> None:
    path, pages = tmp_path / "a.tif", movie(count=2)
    tifffile.imwrite(path, pages, photometric="minisblack", byteorder="<", compression="zlib")
    with tifffile.TiffFile(path) as file:
        tag, second = file.pages[0].tags[code], file.pages[1]
        count, long = tag.offset + 4, second.dataoffsets[0] - tag.valueoffset
    with path.open("r+b") as file:
        file.seek(count)
        file.write(struct.pack("<I", long))
    target, _ = copied(path, tmp_path)
    np.testing.assert_array_equal(read_frame(target, page=1).pixels, pages[1])

"""What of each container comes back, tried out; the table in docs/round_trip.md is what is found here.

NIRCORE_WRITE_DOCS=1 writes the table anew.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from nirlab.formats.containers import container, opened
from tests.lab.made import copied, movie
from tests.lab.test_odd_tags import odd_tiles

PAGE = Path(__file__).resolve().parents[2] / "docs" / "round_trip.md"
Facts = dict[str, object]


def enhanced(frame: np.ndarray) -> np.ndarray:
    """Every pixel one higher, as an enhanced frame would be."""
    return frame + frame.dtype.type(1)


def round_trip(source: Path) -> tuple[Path, list[str]]:
    (source.parent / "out").mkdir(exist_ok=True)
    return copied(source, source.parent / "out", enhanced)


def tiff(path: Path) -> Path:
    tags = [(65000, 3, 2, (3, 7), True), (271, 2, 0, "a camera", True), (281, 3, 1, 4000, True)]
    with tifffile.TiffWriter(path, byteorder=">", bigtiff=True) as writer:
        writer.write(
            movie()[0] // 2, description=b"maus \xb5", metadata=None, compression="lzw", tile=(16, 16), subifds=1,
            resolution=(80, 80), resolutionunit=3, software="camera 3",
            datetime="2026:01:02 03:04:05", extratags=tags,
        )  # fmt: skip
        writer.write(movie()[0, ::2, ::2], subfiletype=1, metadata=None)
    return path


def tiff_facts(path: Path) -> Facts:
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        names = {271: "camera tags", 65000: "private tags", 281: "MinSampleValue, MaxSampleValue", 330: "SubIFDs"}
        facts = {name: page.tags.valueof(code) for code, name in names.items()}
        software = page.tags.valueof(305, "")
        place = page.tags[270]
        file.filehandle.seek(place.valueoffset)
        return facts | {
            "type, size, byte order, BigTIFF": (page.dtype, page.shape, file.byteorder, file.is_bigtiff),
            "compression and tiles": (page.compression, page.tile),
            "bytes of descriptions (OME, ImageJ, camera)": file.filehandle.read(place.valuebytecount),
            "resolution and its unit": (page.tags.valueof(282), page.tags.valueof(296)),
            "DateTime": page.tags.valueof(306),
            "Software": software,
        }


def odd_tiff(path: Path) -> Path:
    odd_tiles(path, 24)
    return path


def odd_facts(path: Path) -> Facts:
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        return {"tiles that are no multiple of 16": page.tile if page.is_tiled else None}


def png(path: Path) -> Path:
    info = PngInfo()
    info.add_text("Comment", "mouse 3")
    info.add_itxt("Titel", "小鼠")
    info.add(b"gAMA", (45455).to_bytes(4, "big"))
    info.add(b"tIME", bytes((7, 234, 1, 2, 3, 4, 5)))
    exif = Image.Exif()
    exif[271] = "a camera"
    options = {"dpi": (300, 300), "exif": exif, "icc_profile": b"a profile", "transparency": 5}
    Image.fromarray(movie()[0] // 2).save(path, pnginfo=info, **options)
    return path


def png_facts(path: Path) -> Facts:
    with Image.open(path) as image:
        image.load()
        said = image.info
        return {
            "type and size": (image.mode, image.size),
            "text": {key: value for key, value in image.text.items() if key != "Software"},
            "resolution": said.get("dpi"),
            "Exif": dict(image.getexif()),
            "colour profile": said.get("icc_profile"),
            "gamma, time and other carried chunks": said.get("gamma"),
            "transparent value": said.get("transparency"),
            "Software": image.text.get("Software", ""),
        }


def ome_zarr(path: Path) -> Path:
    scales = [
        {"version": "0.4", "axes": [{"name": name} for name in "tyx"], "datasets": [{"path": "0"}, {"path": "1"}]}
    ]
    root = zarr.create_group(str(path), zarr_format=2, attributes={"bioformats2raw.layout": 3})
    group = root.create_group("0", attributes={"multiscales": scales, "omero": {"id": 1}})
    options = {"dtype": "u2", "chunks": (2, 10, 33), "chunk_key_encoding": {"name": "v2", "separator": "/"}}
    for name, pixels in (("0", movie() // 2), ("1", movie()[:, ::2, ::2])):
        group.create_array(name, shape=pixels.shape, fill_value=9, **options)[:] = pixels
    labels = group.create_group("labels", attributes={"labels": ["cells"]})
    labels.create_array("cells", shape=(20, 33), dtype="u1", chunks=(20, 33))[:] = 1
    (path / "OME").mkdir()
    (path / "OME/METADATA.ome.xml").write_text("<OME/>")
    return path


def zarr_facts(path: Path) -> Facts:
    group = zarr.open(str(path), mode="r")["0"]
    array, layout = group["0"], json.loads((path / "0/0/.zarray").read_text())
    return {
        "type, shape, format": (array.dtype, array.shape, array.metadata.zarr_format),
        "chunks, codecs, fill value": (array.chunks, str(array.compressors), int(array.fill_value)),
        "key separator": layout["dimension_separator"],
        "attributes (axes, omero)": (group.attrs["omero"], group.attrs["multiscales"][0]["axes"]),
        "labels": group["labels/cells"][:].tolist() if "labels" in group else None,
        "bioformats2raw layout and OME-XML": (path / "OME/METADATA.ome.xml").read_text(),
        "smaller images of the pyramid": "1" in group,
    }


CONTAINERS: dict[str, tuple[str, Callable[[Path], Path], Callable[[Path], Facts]]] = {
    "TIFF": ("a.tif", tiff, tiff_facts),
    "TIFF, odd tiles": ("b.tif", odd_tiff, odd_facts),
    "PNG": ("a.png", png, png_facts),
    "zarr": ("a.zarr", ome_zarr, zarr_facts),
}


def sorted_out(before: Facts, after: Facts) -> dict[str, list[str]]:
    """Say of each fact whether it was kept, changed or lost."""
    found: dict[str, list[str]] = {"kept": [], "changed": [], "not kept": []}
    for name, value in before.items():
        now = after[name]
        place = "kept" if repr(now) == repr(value) else "not kept" if now in (None, False, "", {}, ()) else "changed"
        found[place].append(name)
    return found


def table(rows: dict[str, tuple[dict[str, list[str]], list[str]]]) -> str:
    lines = [
        "# What comes back", "",
        "Made by `tests/lab/test_round_trip.py`, which writes a file of each kind, enhances it and looks. What is",
        "not kept is also named for each file: on the line that `nircore enhance` prints, and under `not_kept` in",
        "the record beside the result. A lossy compression becomes a lossless one.",
        "The note of what was done goes into Software (TIFF, PNG) or the attribute `nircore` (zarr).", "",
        "All other kinds of files are read and become OME-TIFF with their frames, axes and exposures.", "",
        "| container | kept | changed | not kept | `not_kept` says |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for name, (found, said) in rows.items():
        cells = ["; ".join(found[place]) or "-" for place in ("kept", "changed", "not kept")]
        lines.append(f"| {name} | {' | '.join(cells)} | {'; '.join(said) or '-'} |")
    return "\n".join(lines) + "\n"


def test_the_table_in_the_docs_is_what_comes_back(tmp_path: Path) -> None:
    rows = {}
    for name, (file, make, facts) in CONTAINERS.items():
        source = make(tmp_path / file)
        target, said = round_trip(source)
        found = sorted_out(facts(source), facts(target))
        assert set(found["changed"]) <= {"Software"} and bool(found["not kept"]) == bool(said), (name, found, said)
        rows[name] = found, said
    if os.environ.get("NIRCORE_WRITE_DOCS"):
        PAGE.write_text(table(rows), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == table(rows), "run it with NIRCORE_WRITE_DOCS=1"


@pytest.mark.parametrize("kind", ["sharded", "consolidated", "two images"])
def test_zarr_stores_of_other_layouts(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.zarr"
    if kind == "sharded":
        zarr.create_array(str(path), shape=(5, 20, 33), dtype="u2", chunks=(1, 20, 33), shards=(2, 20, 33))[:] = (
            movie()
        )
    else:
        ome_zarr(path)
    if kind == "two images":
        zarr.open_group(str(path), mode="r+").create_group("1", attributes={"multiscales": [{"datasets": []}]})
        with pytest.raises(Exception, match=r"holds 2 images \(0, 1\): name one, as .*a.zarr/0\."), opened(path):
            pass
        return
    if kind == "consolidated":
        zarr.consolidate_metadata(str(path))
    target, _ = round_trip(path)
    after = zarr.open(str(target), mode="r")
    image = after["0/0"] if kind == "consolidated" else after
    expected = movie() // 2 if kind == "consolidated" else movie()
    np.testing.assert_array_equal(image[:], expected + np.uint16(1))
    assert image.attrs["nircore"] == "a note" and image.shards == ((2, 20, 33) if kind == "sharded" else None)
    if kind == "consolidated":
        assert len(after["0"].attrs["multiscales"][0]["datasets"]) == 1


def test_frames_that_are_one_fill_value_are_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    array = zarr.create_array(
        str(path), shape=(2, 20, 33), dtype="u2", chunks=(1, 20, 33), config={"write_empty_chunks": True}
    )
    array[:] = movie()[:2]
    with opened(path) as stack:
        container(path).write(stack, path, tmp_path / "b.zarr", iter([movie()[0], movie()[0] * 0]), "a note")
    with opened(tmp_path / "b.zarr") as stack:
        assert stack.read(1).max() == 0

"""zarr in and out: an array, an OME-Zarr image, or the one image of a bioformats2raw store."""

import math
import shutil
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nircore.data.stack import Stack, of_array
from nircore.errors import NircoreError

NOTE = "nircore"  # attribute that holds the note
#: Files by which a folder is known as a zarr array or group (versions 2 and 3).
METADATA = (".zarray", ".zgroup", "zarr.json")
KEPT = (*METADATA, ".zattrs", ".zmetadata")


class Image(NamedTuple):
    """Where the frames of a store are.

    Attributes:
        array: the zarr array of full size.
        place: its path below the store, "" for the store itself.
        group: path below the store of the OME-Zarr image around it; None where there is none.
        levels: paths below the store of the smaller images that were made from it.
        names: of the array's axes, () where nobody states them.
    """

    array: Any
    place: str = ""
    group: str | None = None
    levels: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def is_store(path: Path) -> bool:
    """Say whether a folder is a zarr array or group, whatever its name."""
    return any((path / name).is_file() for name in METADATA)


@contextmanager
def opened(path: Path) -> Iterator[Stack]:
    """Describe the frames of a zarr array, or of the full-size image of an OME-Zarr group."""
    image = _image(path)
    stack = of_array(path, image.array, image.names)
    missing, said = _absent(image.array)
    yield stack._replace(missing=missing, said=said, file=image)


def _image(path: Path) -> Image:
    """Find the frames of a store; refuse one without an image, or with several."""
    import zarr

    node = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Array):
        return Image(node, names=tuple(name or "" for name in getattr(node.metadata, "dimension_names", None) or ()))
    if "bioformats2raw.layout" in _home(node):
        series = sorted(name for name, member in node.groups() if _scales(member))
        if len(series) != 1:
            raise NircoreError(
                f"{path} holds {len(series)} images ({', '.join(series)}): name one, as {path}/{(*series, '0')[0]}."
            )
        return _scaled(path, node[series[0]], f"{series[0]}/")
    if wells := (_home(node).get("plate") or {}).get("wells"):
        raise NircoreError(
            f"{path} is a plate of {len(wells)} wells: name one of their images, as {path}/{wells[0]['path']}/0."
        )
    if fields := (_home(node).get("well") or {}).get("images"):
        raise NircoreError(
            f"{path} is a well of {len(fields)} images: name one of them, as {path}/{fields[0]['path']}."
        )
    return _scaled(path, node, "")


def _scaled(path: Path, group: Any, prefix: str) -> Image:
    import zarr

    scales = _scales(group)
    levels = [str(level["path"]) for scale in scales for level in scale["datasets"]]
    if not levels or not isinstance(group.get(levels[0]), zarr.Array):
        raise NircoreError(
            f"{path} is a zarr group without an image: name an array inside it, as {path}/NAME, or an OME-Zarr image."
        )
    names = tuple(axis["name"] if isinstance(axis, dict) else str(axis) for axis in scales[0].get("axes") or [])
    smaller = tuple(prefix + level for level in levels if level != levels[0])
    return Image(group[levels[0]], prefix + levels[0], prefix.rstrip("/"), smaller, names)


def _home(node: Any) -> dict[str, Any]:
    """Return the attributes in which OME's stand: under "ome" since version 0.5."""
    attributes = dict(node.attrs)
    return attributes.get("ome", attributes)


def _scales(node: Any) -> list[dict[str, Any]]:
    return _home(node).get("multiscales") or []


def _absent(array: Any) -> tuple[str, tuple[str, ...]]:
    """Return what a store lacks, and what is to be said of chunks that are not in it.

    Writers may leave out a chunk that equals the fill value, so it is legal where the store states one and holds
    some other chunk. A copy that broke off looks the same: it is said.
    """
    layout = array.shards or array.chunks
    wanted = math.prod(-(-length // step) for length, step in zip(array.shape, layout, strict=True))
    inner = math.prod(step // chunk for step, chunk in zip(layout, array.chunks, strict=True))
    there = -(-array.nchunks_initialized // inner)
    if there >= wanted:
        return "", ()
    if array.metadata.fill_value is None or not there:
        return f"{wanted - there} of its {wanted} chunks are not in the store", ()
    value = array.metadata.fill_value
    return "", (f"{wanted - there} of its {wanted} chunks are not in the store and read as its fill value {value}",)


def write(stack: Stack, source: Path, target: Path, pages: Iterator[np.ndarray], note: str) -> list[str]:
    """Copy the store and write the frames over those in the copy; a pyramid keeps its full size.

    Returns:
        What was left out of the copy, in words: the smaller images that were made from the old one.
    """
    import zarr

    image = stack.file
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=_ignored(source, image))
    for path in (target, *target.rglob("*")):  # a read-only store has a result that can be written and removed
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    with zarr.config.set({"array.write_empty_chunks": True}):  # or a dark chunk would be missing from the result
        filled = zarr.open_array(str(target / image.place), mode="r+")
    filled.attrs[NOTE] = note
    _fill(filled, stack, pages)
    if image.group is not None:
        _one_scale(zarr.open_group(str(target / image.group), mode="r+", use_consolidated=False))
    _consolidate(target)
    return [f"the smaller image {level}, made from the old one" for level in image.levels]


def _ignored(source: Path, image: Image) -> Any:
    """Return what `shutil.copytree` leaves out: old pixels, and the smaller images."""
    array, levels = source / image.place, {source / level for level in image.levels}

    def ignore(folder: str, names: list[str]) -> list[str]:
        """Return the names in a folder that are left out."""
        if Path(folder) == array:
            return [name for name in names if name not in KEPT]
        return [name for name in names if Path(folder) / name in levels]

    return ignore


def _one_scale(group: Any) -> None:
    """Leave the full-size image alone in a group's description: the others were made from it."""
    attributes = dict(group.attrs)
    home = attributes.get("ome", attributes)
    home["multiscales"] = [{**home["multiscales"][0], "datasets": home["multiscales"][0]["datasets"][:1]}]
    group.attrs.update(attributes)


def _consolidate(target: Path) -> None:
    """Gather the metadata again where the source had it gathered."""
    import zarr

    node = zarr.open(str(target), mode="r")
    if getattr(node.metadata, "consolidated_metadata", None) is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(str(target))


def _fill(array: Any, stack: Stack, pages: Iterator[np.ndarray]) -> None:
    """Write frame after frame into an array on disk.

    They are gathered to whole chunks along the last axis before (H, W), which would otherwise be compressed anew for
    each.
    """
    leading = stack.stored[:-2]
    if len(leading) != 1:
        for index, pixels in enumerate(pages):
            array[np.unravel_index(index, leading) if leading else ...] = pixels
        return
    layout = getattr(array, "shards", None) or array.chunks
    step, start = (layout[0] if layout else 1), 0
    while gathered := list(islice(pages, step)):
        array[start : start + len(gathered)] = np.stack(gathered)
        start += len(gathered)

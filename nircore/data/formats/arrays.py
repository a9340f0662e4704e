"""npy, HDF5 and zarr in and out: (H, W), (N, H, W) or more axes, with everything that stands beside the frames."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nircore.data.formats.stack import Stack, of_array
from nircore.errors import NircoreError

DATASET = "Cube/Images"  # where the cameras of the published SWIR set keep their frames in HDF5
NOTE = "nircore"  # attribute that holds the note


@contextmanager
def npy_opened(path: Path) -> Iterator[Stack]:
    """Describe the frames of a npy file.

    Mapped, not loaded: a header that claims more than the file holds fails before memory is asked for, and pickled
    objects cannot be mapped at all.
    """
    yield of_array(path, np.lib.format.open_memmap(path, mode="r"))


def npy_write(source: Path, target: Path, stack: Stack, pages: Iterator[np.ndarray], note: str) -> None:
    """Write frame after frame; the byte order of `source` is kept (a npy file has no place for a note)."""
    with open(source, "rb") as file:
        version = np.lib.format.read_magic(file)
        dtype = (np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0)(
            file
        )[2]
    with open(target, "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": stack.stored}
        np.lib.format.write_array_header_1_0(file, header)
        for pixels in pages:
            file.write(np.ascontiguousarray(pixels, dtype=dtype).tobytes())


@contextmanager
def hdf5_opened(path: Path) -> Iterator[Stack]:
    """Describe the frames in the dataset `Cube/Images`, with exposures and filters where the camera noted them."""
    with h5py.File(path, "r") as file:
        images = file.get(DATASET)
        if not isinstance(images, h5py.Dataset):
            raise NircoreError(f"{path} has no dataset {DATASET}: store its frames there, or export a TIFF.")
        if images.external or images.file.filename != file.filename:
            raise NircoreError(f"{path} keeps its pixels in another file: copy them into one.")
        stack = of_array(path, images)
        exposures, gratings = file.get("Cube/TimeExposure"), file.get("Cube/GratingID")
        if exposures is not None and exposures.shape == (stack.pages,):
            stack = stack._replace(exposures_s=tuple(map(float, exposures)))
        if gratings is not None and gratings.shape == (stack.pages,):
            stack = stack._replace(filters=tuple(_filter(file, grating) for grating in gratings))
        yield stack


def _filter(file: h5py.File, grating: int) -> str | None:
    info = file.get(f"Cube/Info/Grating/{grating}")
    name = None if info is None else info.attrs.get("Name")
    return None if name is None else np.atleast_1d(name)[0].decode()


def hdf5_write(source: Path, target: Path, stack: Stack, pages: Iterator[np.ndarray], note: str) -> None:
    """Copy every group, dataset and attribute, and write the frames in the layout that `Cube/Images` has."""
    with h5py.File(source, "r") as before, h5py.File(target, "w") as after:
        images = before[DATASET]
        _copy_but(before, after, images)
        filled = after.create_dataset(
            DATASET, stack.stored, images.dtype, chunks=images.chunks, compression=images.compression,
            compression_opts=images.compression_opts, shuffle=images.shuffle, fletcher32=images.fletcher32,
        )  # fmt: skip
        for key, value in images.attrs.items():
            filled.attrs[key] = value
        filled.attrs[NOTE] = note
        _fill(filled, stack, pages)


def _copy_but(before: h5py.Group, after: h5py.Group, left_out: h5py.Dataset) -> None:
    """Copy a group's attributes and members; the dataset left out is the caller's to write."""
    for key, value in before.attrs.items():
        after.attrs[key] = value
    for name in before:
        link = before.get(name, getlink=True)
        if isinstance(link, (h5py.ExternalLink, h5py.SoftLink)):
            after[name] = link
        elif left_out.name.startswith(f"{before[name].name}/"):
            _copy_but(before[name], after.create_group(name), left_out)
        elif before[name] != left_out:
            before.copy(name, after)


@contextmanager
def zarr_opened(path: Path) -> Iterator[Stack]:
    """Describe the frames of a zarr array, or of the full-size image of an OME-Zarr group."""
    yield of_array(path, _zarr_array(path)[0])


def _zarr_array(path: Path) -> tuple[Any, Any, str]:
    """Return the array of a store, the group around it (None for an array alone), and the array's place in it."""
    import zarr

    node = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Array):
        return node, None, ""
    attributes = dict(node.attrs)
    scales = attributes.get("ome", attributes).get("multiscales")
    place = str(scales[0]["datasets"][0]["path"]) if scales else ""
    if not place or not isinstance(node.get(place), zarr.Array):
        raise NircoreError(f"{path} is a zarr group without an image: name an array, or an OME-Zarr image.")
    return node[place], node, place


def zarr_write(source: Path, target: Path, stack: Stack, pages: Iterator[np.ndarray], note: str) -> None:
    """Write the frames with the format, chunks, codecs and attributes of `source`; a pyramid keeps its full size."""
    import zarr

    array, group, place = _zarr_array(source)
    shutil.rmtree(target, ignore_errors=True)
    if group is not None:
        zarr.create_group(str(target), zarr_format=array.metadata.zarr_format, attributes=_one_scale(group))
    options = {"dimension_names": array.metadata.dimension_names} if array.metadata.zarr_format == 3 else {}
    filled = zarr.create_array(
        str(target / place) if place else str(target),
        shape=array.shape, dtype=array.dtype, chunks=array.chunks, shards=array.shards, filters=array.filters,
        compressors=array.compressors, fill_value=array.fill_value, zarr_format=array.metadata.zarr_format,
        attributes=dict(array.attrs) | {NOTE: note}, **options,
    )  # fmt: skip
    _fill(filled, stack, pages)


def _one_scale(group: Any) -> dict[str, Any]:
    """Return a group's attributes, with the full-size image alone of each pyramid: the others were made from it."""
    attributes = dict(group.attrs)
    home = attributes.get("ome", attributes)
    home["multiscales"] = [{**home["multiscales"][0], "datasets": home["multiscales"][0]["datasets"][:1]}]
    return attributes


def _fill(array: Any, stack: Stack, pages: Iterator[np.ndarray]) -> None:
    """Write frame after frame, gathered to whole chunks, which would otherwise be compressed anew for each."""
    leading = stack.stored[:-2]
    if len(leading) != 1:
        for index, pixels in enumerate(pages):
            array[np.unravel_index(index, leading) if leading else ...] = pixels
        return
    layout = getattr(array, "shards", None) or array.chunks
    step, gathered, start = (layout[0] if layout else 1), [], 0
    for pixels in pages:
        gathered.append(pixels)
        if len(gathered) == step:
            array[start : start + step] = np.stack(gathered)
            gathered, start = [], start + step
    if gathered:
        array[start : start + len(gathered)] = np.stack(gathered)

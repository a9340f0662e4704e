"""HDF5 in and out: the frames in `Cube/Images`, with everything that stands beside them."""

import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nircore.data.stack import Stack, of_array
from nircore.errors import NircoreError

DATASET = "Cube/Images"  # where the cameras of the published SWIR set keep their frames in HDF5
NOTE = "nircore"  # attribute that holds the note
LOSSY = {32013: "zfp", 32017: "sz", 32024: "sz3", 32018: "fpzip", 32010: "vbz", 32005: "fourier"}


@contextmanager
def opened(path: Path) -> Iterator[Stack]:
    """Describe the frames in the dataset `Cube/Images`, with exposures and filters where the camera noted them."""
    with h5py.File(path, "r") as file:
        images = file.get(DATASET)
        if not isinstance(images, h5py.Dataset):
            raise NircoreError(f"{path} has no dataset {DATASET}: store its frames there, or export a TIFF.")
        if images.external or images.file.filename != file.filename:
            raise NircoreError(f"{path} keeps its pixels in another file: copy them into one.")
        _check_filters(path, images)
        names = tuple(dimension.label for dimension in images.dims)
        stack = of_array(path, images, names)._replace(missing=_missing(path, images), beside=_sources(path, images))
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


def _filters(images: h5py.Dataset) -> list[tuple[int, str]]:
    """Return number and name of each filter in a dataset's pipeline."""
    created = images.id.get_create_plist()
    found = [created.get_filter(place) for place in range(created.get_nfilters())]
    return [(one[0], one[3].decode(errors="replace")) for one in found]


def _check_filters(path: Path, images: h5py.Dataset) -> None:
    """Refuse a compression for which no filter is installed, in words that say so."""
    for number, name in _filters(images):
        if not h5py.h5z.filter_avail(number):
            with suppress(ImportError):
                import hdf5plugin  # noqa: F401 (registers its filters)
        if not h5py.h5z.filter_avail(number):
            raise NircoreError(
                f"{path} is compressed with the HDF5 filter {number} ({name or 'without a name'}), which is not "
                "installed: pip install hdf5plugin, or store it again with gzip."
            )


def _missing(path: Path, images: h5py.Dataset) -> str:
    """Return what of a dataset was never written or is in files that are gone; HDF5 would read fill values."""
    if images.is_virtual:
        return _missing_sources(path, images)
    if images.chunks:
        wanted = math.prod(-(-length // step) for length, step in zip(images.shape, images.chunks, strict=True))
        there = images.id.get_num_chunks() if wanted else 0
        return f"{wanted - there} of its {wanted} chunks were never written" if there < wanted else ""
    lacking = images.size * images.dtype.itemsize - images.id.get_storage_size()
    return f"{lacking} bytes of its frames were never written" if lacking > 0 else ""


def _missing_sources(path: Path, images: h5py.Dataset) -> str:
    mapped = 0
    for source in images.virtual_sources():
        place = _place(path, source.file_name)
        if place is None:
            return f"its source {source.file_name} is not there"
        with h5py.File(place, "r") as file:
            held = file.get(source.dset_name)
            if not isinstance(held, h5py.Dataset):
                return f"its source {source.file_name} has no dataset {source.dset_name}"
            if not _fits(source, held):
                return f"its source {source.file_name} is of shape {held.shape}, smaller than announced"
            if place != path and (lacking := _missing(place, held)):
                return f"of its source {source.file_name}, {lacking}"
        mapped += source.vspace.get_select_npoints()
    return f"{images.size - mapped} of its pixels have no source" if mapped < images.size else ""


def _fits(source: Any, held: h5py.Dataset) -> bool:
    """Say whether a source dataset is as large as what is taken from it."""
    space = source.src_space
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        return source.vspace.get_select_npoints() <= held.size
    return len(space.shape) == held.ndim and not any(np.greater_equal(space.get_select_bounds()[1], held.shape))


def _place(path: Path, name: str) -> Path | None:
    """Return where HDF5 finds a source file, None where it does not: by itself, or beside the virtual file."""
    if name == ".":
        return path
    return next((place for place in (path.parent / name, Path(name)) if place.is_file()), None)


def _sources(path: Path, images: h5py.Dataset) -> tuple[Path, ...]:
    if not images.is_virtual:
        return ()
    places = {_place(path, source.file_name) for source in images.virtual_sources()}
    return tuple(sorted(place for place in places if place is not None and place != path))


def write(source: Path, target: Path, stack: Stack, pages: Iterator[np.ndarray], note: str) -> list[str]:
    """Copy the file and write the frames over those in the copy: all that stands beside them stays as it is.

    Where that cannot be - the frames are in other files, or their compression loses something - the dataset is made
    anew, and what it cannot keep is returned, in words.
    """
    with h5py.File(source, "r") as file:
        lost = _lost(file[DATASET])
    if lost:
        _write_anew(source, target, stack, pages, note)
        return [*lost, "references to the frames and to scales of their axes"]
    shutil.copyfile(source, target)
    with h5py.File(target, "r+") as file:
        images = file[DATASET]
        images.attrs[NOTE] = note
        fill(images, stack, pages)
    return []


def _lost(images: h5py.Dataset) -> list[str]:
    """Return why frames cannot be written over those of a dataset, in words."""
    if images.is_virtual:
        return ["the virtual layout (the frames are now in the file itself)"]
    found = [
        f"lossy filter {LOSSY.get(number, name)} (now gzip)"
        for number, name in _filters(images)
        if number in LOSSY or number == h5py.h5z.FILTER_SCALEOFFSET or number == h5py.h5z.FILTER_NBIT
    ]
    for number, name in _filters(images):
        if not h5py.h5z.get_filter_info(number) & h5py.h5z.FILTER_CONFIG_ENCODE_ENABLED:
            found.append(f"filter {name} (it can only be read here; now gzip)")
    return found


def _write_anew(source: Path, target: Path, stack: Stack, pages: Iterator[np.ndarray], note: str) -> None:
    with h5py.File(source, "r") as before, h5py.File(target, "w") as after:
        images = before[DATASET]
        _copy_but(before, after, images)
        fixed = images.maxshape == images.shape and not images.chunks
        filled = after.create_dataset(
            DATASET, stack.stored, images.dtype, chunks=images.chunks or (None if fixed else True),
            compression=None if fixed else "gzip", maxshape=None if fixed else images.maxshape,
            fillvalue=images.fillvalue,
        )  # fmt: skip
        for key, value in images.attrs.items():
            if key != "DIMENSION_LIST":
                filled.attrs[key] = value
        filled.attrs[NOTE] = note
        fill(filled, stack, pages)


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


def fill(array: h5py.Dataset, stack: Stack, pages: Iterator[np.ndarray]) -> None:
    """Write frame after frame into an HDF5 or zarr array on disk.

    They are gathered to whole chunks along the last axis before (H, W), which would otherwise be compressed anew for
    each.
    """
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

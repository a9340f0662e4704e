"""HDF5 as the cameras of the published SWIR set write it: the frames in the dataset `Cube/Images`. Read only."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from nircore.data.stack import Stack, of_array
from nircore.errors import NircoreError

DATASET = "Cube/Images"


@contextmanager
def opened(path: Path) -> Iterator[Stack]:
    """Describe the frames in the dataset `Cube/Images`, with exposures and filters where the camera noted them."""
    import h5py

    with h5py.File(path, "r") as file:
        images = file.get(DATASET)
        if not isinstance(images, h5py.Dataset):
            raise NircoreError(f"{path} has no dataset {DATASET}: store its frames there, or export a TIFF.")
        if images.external or images.is_virtual or images.file.filename != file.filename:
            raise NircoreError(f"{path} keeps its pixels in another file: copy them into one.")
        _check_filters(path, images)
        names = tuple(dimension.label for dimension in images.dims)
        stack = of_array(path, images, names)._replace(missing=_missing(images))
        exposures, gratings = file.get("Cube/TimeExposure"), file.get("Cube/GratingID")
        if exposures is not None and exposures.shape == (stack.pages,):
            stack = stack._replace(exposures_s=tuple(map(float, exposures)))
        if gratings is not None and gratings.shape == (stack.pages,):
            stack = stack._replace(filters=tuple(_filter(file, grating) for grating in gratings))
        yield stack


def _filter(file: Any, grating: int) -> str | None:
    info = file.get(f"Cube/Info/Grating/{grating}")
    name = None if info is None else info.attrs.get("Name")
    return None if name is None else np.atleast_1d(name)[0].decode()


def _check_filters(path: Path, images: Any) -> None:
    """Refuse a compression that is not installed, in words that say so."""
    import h5py

    with suppress(ImportError):
        import_module("hdf5plugin")  # registers its filters
    created = images.id.get_create_plist()
    for number, _, _, name in map(created.get_filter, range(created.get_nfilters())):
        if not h5py.h5z.filter_avail(number):
            raise NircoreError(
                f"{path} is compressed with the HDF5 filter {number} ({name.decode(errors='replace')}), which is not "
                "installed: pip install hdf5plugin, or store it again with gzip."
            )


def _missing(images: Any) -> str:
    """Return what of a dataset was never written, in words: HDF5 would read fill values there."""
    if images.chunks:
        wanted = math.prod(-(-length // step) for length, step in zip(images.shape, images.chunks, strict=True))
        there = images.id.get_num_chunks() if wanted else 0
        return f"{wanted - there} of its {wanted} chunks were never written" if there < wanted else ""
    lacking = images.size * images.dtype.itemsize - images.id.get_storage_size()
    return f"{lacking} bytes of its frames were never written" if lacking > 0 else ""

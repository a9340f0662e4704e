"""Camera files in napari: SPE, SIF, DCIMG, ND2, FITS, and HDF5 with `Cube/Images`, by nircore's own reader."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nircore.data.frames import exposure_in, filter_in
from nircore.data.stack import Stack
from nircore.errors import NircoreError
from nirlab.formats.containers import opened
from nirlab.napari_plugin.frames import Layer

HDF5 = (".h5", ".hdf5")  # a name that much else has, too: only files with the cameras' dataset are read here


def reader(path: str | list[str]) -> Callable[[str], list[Layer]] | None:
    """Return `read` for a file that nircore reads; None for several at once, and for an HDF5 file of other things."""
    if not isinstance(path, str):
        return None
    if Path(path).suffix.lower() in HDF5:
        with suppress(NircoreError), opened(path):
            return read
        return None
    return read


def read(path: str) -> list[Layer]:
    """Return a file's frames as one layer (..., H, W) in DN, read from disk when they are looked at.

    Its metadata: `exposure_s` and `filter`, each one value or a list of one for each frame, None where neither
    header nor name tells; `source`, the file; `said`, what the reader has to say.

    Raises:
        NircoreError: as `nirlab.formats.containers.opened`.
    """
    import dask.array

    with opened(path) as stack:
        frames, names = _Frames(Path(path), stack), stack.layout()[0]
        told = {"exposure_s": _one(stack.exposures_s) or exposure_in(path), "source": str(path)}
        told |= {"filter": _one(stack.filters) or filter_in(path), "said": list(stack.said)}
    attributes: dict[str, Any] = {"name": Path(path).stem, "metadata": told}
    if len(names) == len(frames.shape) - 2 and all(names) and len(set(names)) == len(names):
        attributes["axis_labels"] = (*names, "y", "x")
    chunks = (1,) * (len(frames.shape) - 2) + frames.shape[-2:]
    return [(dask.array.from_array(frames, chunks, name=False), attributes, "image")]


def _one(values: tuple[Any, ...] | None) -> Any:
    """Return the value that all frames share, or the list of theirs."""
    if not values:
        return None
    return values[0] if len(set(values)) == 1 else list(values)


class _Frames:
    """A file's frames as an array that opens it anew for each block, so that it is closed between two looks."""

    def __init__(self, path: Path, stack: Stack) -> None:
        self.path, self.shape, self.dtype = path, stack.stored, stack.dtype
        self.ndim = len(self.shape)

    def __getitem__(self, index: tuple[slice, ...]) -> np.ndarray:
        leading = self.shape[:-2]
        places = np.arange(int(np.prod(leading, dtype=int))).reshape(leading)[index[:-2]]
        with opened(self.path) as stack:
            pages = [np.asarray(stack.read(int(page)), self.dtype)[index[-2:]] for page in places.ravel()]
        return np.stack(pages).reshape(*places.shape, *pages[0].shape)

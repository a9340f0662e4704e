"""Every kind of file that is read, and how its result is written: TIFF, PNG, npy and zarr stay, the rest is OME-TIFF.

What a file claims to hold is checked before any pixel is allocated (`nircore.data.stack`).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nircore.data import frames, plain
from nircore.data import stack as stacks
from nircore.data.frames import Frame
from nircore.data.stack import Stack
from nircore.errors import NircoreError
from nirlab.formats import cameras, cube, fits, npy, ome_tiff, ome_zarr, png, raw, spe, tiff, tiff_write, words


class Container(NamedTuple):
    """A kind of file: how to open one, and how its result is written.

    Attributes:
        opened: yields the Stack of a path.
        write: takes the source's Stack, which is open, the source, the target, an iterator of pages and a note;
            returns what of the source could not be kept, in words.
        check: takes the source and its Stack; raises NircoreError if `write` would fail.
        suffix: of the result, where it is of another kind than the source.
    """

    opened: Callable[[Path], AbstractContextManager[Stack]]
    write: Callable[[Stack, Path, Path, Iterator[np.ndarray], str], list[str]] = ome_tiff.write
    check: Callable[[Path, Stack], None] = ome_tiff.check
    suffix: str = ome_tiff.SUFFIX


def _nothing(source: Path, stack: Stack) -> None:
    """Check nothing: the writer takes whatever the reader gives."""


_TIFF = Container(tiff.opened, tiff_write.write, tiff_write.check, "")
_ZARR = Container(ome_zarr.opened, ome_zarr.write, _nothing, "")
CONTAINERS = dict.fromkeys((".tif", ".tiff", ".stk", ".btf", ".tf2", ".tf8"), _TIFF)
CONTAINERS |= {".png": Container(png.opened, png.write, _nothing, ""), ".zarr": _ZARR}
CONTAINERS |= dict.fromkeys((".h5", ".hdf5"), Container(cube.opened))
CONTAINERS |= {".npy": Container(plain.npy, npy.write, _nothing, "")}
#: What cameras write themselves, read through packages of the extra `cameras`.
CONTAINERS |= dict.fromkeys((".fits", ".fit", ".fts"), Container(fits.opened))
CONTAINERS |= {".spe": Container(spe.opened), ".sif": Container(cameras.sif)}
CONTAINERS |= {".nd2": Container(cameras.nd2), ".dcimg": Container(cameras.dcimg)}


def container(path: Path, said: raw.Raw | None = None) -> Container:
    """Return the container of a file, by its suffix or by what is `said` of it, or of a folder, by what is in it.

    Raises:
        NircoreError: the file is of an unknown kind.
    """
    suffix = path.suffix.lower()
    if is_store(path):
        return _ZARR
    if said is not None and suffix not in CONTAINERS:
        return Container(partial(raw.opened, raw=said))
    if suffix not in CONTAINERS or suffix == ".zarr":
        raise NircoreError(
            f"{path} is of an unknown kind {path.suffix!r}: export it as one of {', '.join(CONTAINERS)}, or say what "
            "raw pixels it holds with --shape and --dtype."
        )
    return CONTAINERS[suffix]


def is_store(path: Path) -> bool:
    """Say whether a path is a folder that holds frames, as zarr does."""
    return path.is_dir() and (path.suffix.lower() == ".zarr" or ome_zarr.is_store(path))


@contextmanager
def opened(path: Path | str, said: raw.Raw | None = None) -> Iterator[Stack]:
    """Open a file or folder of a kind in `CONTAINERS`, or of what is `said` to be in it, and check its header.

    Raises:
        NircoreError: the file is missing, empty, unreadable, of an unknown kind, in colour, under 16 pixels on a
            side, of a size that cannot be true, or holds less than its header announces.
    """
    path = Path(path)
    if not is_store(path):
        words.check_file(path)
    with stacks.opened(path, container(path, said).opened, words.sentence) as stack:
        yield stack


def read_frame(path: Path | str, page: int = 0) -> Frame:
    """Read one frame of a file of any kind in `CONTAINERS`; raises as `opened` and `nircore.read_frame` do."""
    return frames.read_frame(path, page, opened)


def is_frames(path: Path) -> bool:
    """Say whether a path is of a kind that holds frames: a file, or for zarr a folder."""
    return is_store(path) or path.suffix.lower() in CONTAINERS.keys() - {".zarr"} and path.is_file()

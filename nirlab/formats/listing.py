"""What a folder holds: its frames, the holes in it, and what is of another kind."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nirlab.formats.containers import CONTAINERS, is_frames
from nircore.errors import NircoreError

#: Suffixes of pictures and movies that are not read: worth a word, as a text file is not.
PICTURES = {
    *(".czi", ".lif", ".lsm", ".oib", ".oif", ".vsi", ".ims", ".dv"),
    *(".raw", ".bin", ".dat", ".img", ".seq", ".mat", ".jpg", ".jpeg", ".jp2", ".bmp", ".gif", ".webp", ".avi"),
    *(".mp4", ".mov", ".mkv", ".dcm", ".nii", ".mrc", ".svs", ".ndpi", ".npz", ".he5", ".h5ad", ".nc", ".n5"),
}


class Listing(NamedTuple):
    """What `listing` found, each sorted.

    Attributes:
        frames: files and folder stores that hold frames.
        holes: an error for each that should be a frame and is not: dangling links, folders that cannot be opened.
        others: pictures of kinds that are not read.
    """

    frames: list[Path]
    holes: list[NircoreError]
    others: list[Path]


def listing(folder: Path) -> Listing:
    """Look through a folder and its subfolders, without what is hidden; links are followed, but not in circles."""
    holes: list[NircoreError] = []
    found = sorted(_walk(folder, (), holes))
    frames = [path for path in found if is_frames(path)]
    others = [path for path in found if path.suffix.lower() in PICTURES and path not in frames and path.is_file()]
    holes += [hole for path in found if (hole := _hole(path)) is not None]
    return Listing(frames, holes, others)


def _walk(folder: Path, above: tuple[str, ...], holes: list[NircoreError]) -> Iterator[Path]:
    """Yield files and folder stores; `above` holds the true places of the folders on the way down."""
    here = os.path.realpath(folder)
    if here in above:  # a link that leads back up
        return
    try:
        names = [entry for entry in os.listdir(folder) if not entry.startswith(".")]
    except OSError as error:
        holes.append(NircoreError(f"{folder} cannot be looked through ({error.strerror}): ask for permission."))
        return
    for path in (folder / name for name in names):
        if path.is_dir() and not is_frames(path):
            yield from _walk(path, (*above, here), holes)
        else:
            yield path


def _hole(path: Path) -> NircoreError | None:
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS and suffix not in PICTURES:
        return None
    if path.is_symlink() and not path.exists():
        return NircoreError(f"{path} is a link to nothing ({os.readlink(path)}): fetch what it stands for.")
    if not path.is_dir() and not path.is_file():
        return NircoreError(f"{path} is neither a file nor a folder: put the frame itself there.")
    return None

"""Which files a command line means, and under which name each result will stand."""

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nircore.errors import NircoreError
from nirlab.formats import ome_zarr
from nirlab.formats.containers import CONTAINERS, container, is_frames, is_store
from nirlab.formats.raw import SUFFIXES, Raw

#: Suffixes of pictures and movies that are not read: worth a word, as a text file is not.
PICTURES = {
    *(".czi", ".lif", ".lsm", ".oib", ".oif", ".vsi", ".ims", ".dv"),
    *(".raw", ".bin", ".dat", ".img", ".seq", ".mat", ".jpg", ".jpeg", ".jp2", ".bmp", ".gif", ".webp", ".avi"),
    *(".mp4", ".mov", ".mkv", ".dcm", ".nii", ".mrc", ".svs", ".ndpi", ".npz", ".he5", ".h5ad", ".nc", ".n5"),
}


class Listing(NamedTuple):
    """What a folder and its subfolders hold, each sorted.

    Attributes:
        frames: files and folder stores that hold frames.
        holes: an error for each that should be a frame and is not: dangling links, folders that cannot be opened.
        others: pictures of kinds that are not read.
    """

    frames: list[Path]
    holes: list[NircoreError]
    others: list[Path]


@dataclass(frozen=True)
class Pair:
    """A file and where its result goes, both absolute."""

    source: Path
    target: Path


def look_through(folder: Path) -> Listing:
    """Look through a folder and its subfolders, without what is hidden; links are followed, but not in circles.

    Raises:
        NircoreError: there is neither frame nor hole.
    """
    holes: list[NircoreError] = []
    found = sorted(_below(folder, (), holes))
    frames = [path for path in found if is_frames(path)]
    others = [path for path in found if path.suffix.lower() in PICTURES and path not in frames and path.is_file()]
    holes += [hole for path in found if (hole := _hole(path)) is not None]
    if not frames and not holes:
        kinds = f" (of other kinds: {', '.join(path.name for path in others[:3])})" if others else ""
        raise NircoreError(f"The folder {folder} holds no frames{kinds}: put {', '.join(CONTAINERS)} files there.")
    return Listing(frames, holes, others)


def _below(folder: Path, above: tuple[str, ...], holes: list[NircoreError]) -> Iterator[Path]:
    """Yield the files and folder stores below a folder; one that cannot be looked through is added to `holes`."""
    here = os.path.realpath(folder)
    if here in above:  # a link that leads back up
        return
    try:
        names = [name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError as error:
        holes.append(NircoreError(f"{folder} cannot be looked through ({error.strerror}): ask for permission."))
        return
    for path in (folder / name for name in names):
        if path.is_dir() and not is_store(path):
            yield from _below(path, (*above, here), holes)
        else:
            yield path


def _hole(path: Path) -> NircoreError | None:
    if path.suffix.lower() not in CONTAINERS.keys() | PICTURES:
        return None
    if path.is_symlink() and not path.exists():
        return NircoreError(f"{path} is a link to nothing ({os.readlink(path)}): fetch what it stands for.")
    if not path.is_dir() and not path.is_file():
        return NircoreError(f"{path} is neither a file nor a folder: put the frame itself there.")
    return None


def pairs(
    inputs: list[str], out: Path, average: int = 1, raw: Raw | None = None
) -> tuple[list[Pair], list[NircoreError], list[Path]]:
    """Expand files, folders and patterns; return what to do, what is wrong, and pictures of kinds that are not read.

    A name that leads nowhere, a link to nothing and a folder that cannot be opened are errors. What lies in a folder
    keeps its place below it. Of two inputs whose results would have one name, the first keeps it and the second is an
    error. Results of an earlier run, when `out` lies in an input folder, are no inputs.

    Args:
        inputs: names from the command line.
        out: folder of the results.
        average: other than 1, it is said in the result's name.
        raw: what files of no known kind hold, if somebody says it.
    """
    out, found = out.resolve(), {}
    errors: list[NircoreError] = []
    others: list[Path] = []
    for text in inputs:
        try:
            for source, place in _expand(text, errors, others, raw):
                _add(found, errors, source.absolute(), out, _renamed(source, place, raw, average))
        except NircoreError as error:
            errors.append(error)
    return list(found.values()), errors, others


def _expand(text: str, holes: list[NircoreError], others: list[Path], raw: Raw | None) -> list[tuple[Path, Path]]:
    """Return the files that one argument means, each with its place below the output folder."""
    path = Path(text).expanduser()
    if path.is_dir() and not is_store(path) and path.suffix.lower() not in CONTAINERS:
        found = look_through(path)
        holes += found.holes
        bare = [file for file in found.others if raw is not None and file.suffix.lower() in SUFFIXES]
        others += [file for file in found.others if file not in bare]
        return [(file, file.relative_to(path)) for file in sorted([*found.frames, *bare])]
    if path.exists() or path.is_symlink() or not glob.has_magic(text):
        return [(path, Path(_name(path)))]
    matches = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
    if not matches:
        raise NircoreError(f"{text} matches no file: check the pattern.")
    return [pair for match in matches for pair in _expand(str(match), holes, others, raw)]


def _renamed(source: Path, place: Path, raw: Raw | None, average: int) -> Path:
    """Return the place of a result: its suffix is another where the source's kind is read and not written."""
    try:
        suffix = container(source, raw).suffix or place.suffix
    except NircoreError:  # said when the file is opened
        suffix = place.suffix
    stem = place.name.removesuffix(place.suffix)
    return place.with_name(f"{stem}{'' if average == 1 else f'_average{average}'}{suffix}")


def _name(path: Path) -> str:
    """Return the name of a result: the source's, or for an image inside a zarr store the store's and its own."""
    store = path.absolute()
    while ome_zarr.is_store(store.parent):
        store = store.parent
    if store == path.absolute() or not ome_zarr.is_store(path):
        return path.name
    return "_".join((store.stem, *path.absolute().relative_to(store).parts)) + ".zarr"


def _add(found: dict[Path, Pair], errors: list, source: Path, out: Path, place: Path) -> None:
    target = out / place
    if source.resolve().is_relative_to(out) and source.resolve() != target:
        return
    if target == source.resolve():
        errors.append(NircoreError(f"{source} would be overwritten by its own result: choose another --out."))
    elif target in found and found[target].source.resolve() != source.resolve():
        errors.append(
            NircoreError(f"{source} and {found[target].source} would both become {target}: enhance them apart.")
        )
    else:
        found.setdefault(target, Pair(source, target))

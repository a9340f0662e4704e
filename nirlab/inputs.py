"""Which files a command line means, and under which name each result will stand."""

import glob
from dataclasses import dataclass
from pathlib import Path

from nirlab.formats.containers import CONTAINERS, container, is_frames
from nirlab.formats.ome_tiff import SUFFIX as OME
from nirlab.formats.ome_zarr import is_store
from nirlab.formats.raw import SUFFIXES, Raw
from nircore.data.frames import look_through
from nircore.errors import NircoreError


@dataclass(frozen=True)
class Pair:
    """A file and where its result goes, both absolute."""

    source: Path
    target: Path


def pairs(
    inputs: list[str], out: Path, average: int = 1, others: list[Path] | None = None, raw: Raw | None = None
) -> tuple[list[Pair], list[NircoreError]]:
    """Expand files, folders and patterns; return what to do, and an error for each name that leads nowhere.

    Links to nothing and folders that cannot be opened are errors too. Pictures in folders whose kind is not read are
    added to `others`. With `raw`, which says what they hold, files of no known kind are read too.

    What lies in a folder keeps its place below it. `average` other than 1 is said in the result's name. Two inputs
    whose results would have one name: the first keeps it, the second is an error. Results of an earlier run, when
    `out` lies in an input folder, are no inputs.
    """
    out = out.resolve()
    found: dict[Path, Pair] = {}
    errors: list[NircoreError] = []
    for text in inputs:
        try:
            for source, place in _expand(text, errors, [] if others is None else others, raw):
                _add(found, errors, source, out, _renamed(source, place, raw), average)
        except NircoreError as error:
            errors.append(error)
    return list(found.values()), errors


def _expand(text: str, holes: list[NircoreError], others: list[Path], raw: Raw | None) -> list[tuple[Path, Path]]:
    """Return the files that one argument means, each with its place below the output folder."""
    path = Path(text).expanduser()
    if path.is_dir() and not is_frames(path) and path.suffix.lower() not in CONTAINERS:
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


def _renamed(source: Path, place: Path, raw: Raw | None) -> Path:
    """Return the place of a result: of another suffix where the source's kind is read and not written."""
    try:
        suffix = container(source, raw).suffix
    except NircoreError:  # said when the file is opened
        return place
    return place.with_name(place.stem + suffix) if suffix else place


def _name(path: Path) -> str:
    """Return the name of a result: the source's, or for an image inside a zarr store the store's and its own."""
    store = path.absolute()
    while is_store(store.parent):
        store = store.parent
    if store == path.absolute() or not is_store(path):
        return path.name
    return "_".join((store.stem, *path.absolute().relative_to(store).parts)) + ".zarr"


def _add(found: dict, errors: list, source: Path, out: Path, place: Path, average: int) -> None:
    source = source.absolute()
    if source.resolve().is_relative_to(out) and source.resolve() != out / place:
        return
    ending = OME if place.name.endswith(OME) and not source.name.endswith(OME) else place.suffix
    name = place.name if average == 1 else f"{place.name.removesuffix(ending)}_average{average}{ending}"
    target = out / place.parent / name
    if target == source.resolve():
        errors.append(NircoreError(f"{source} would be overwritten by its own result: choose another --out."))
    elif target in found and found[target].source.resolve() != source.resolve():
        errors.append(
            NircoreError(f"{source} and {found[target].source} would both become {target}: enhance them apart.")
        )
    else:
        found.setdefault(target, Pair(source, target))

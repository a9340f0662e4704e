"""Which files a command line means, and under which name each result will stand."""

import glob
from dataclasses import dataclass
from pathlib import Path

from nircore.data.containers import CONTAINERS
from nircore.data.frames import list_frames
from nircore.errors import NircoreError


@dataclass(frozen=True)
class Pair:
    """A file and where its result goes, both absolute."""

    source: Path
    target: Path


def pairs(inputs: list[str], out: Path, average: int = 1) -> tuple[list[Pair], list[NircoreError]]:
    """Expand files, folders and patterns; return what to do, and an error for each name that leads nowhere.

    What lies in a folder keeps its place below it. `average` other than 1 is said in the result's name. Two inputs
    whose results would have one name: the first keeps it, the second is an error. Results of an earlier run, when
    `out` lies in an input folder, are no inputs.
    """
    out = out.resolve()
    found: dict[Path, Pair] = {}
    errors: list[NircoreError] = []
    for text in inputs:
        try:
            for source, place in _expand(text):
                _add(found, errors, source, out, place, average)
        except NircoreError as error:
            errors.append(error)
    return list(found.values()), errors


def _expand(text: str) -> list[tuple[Path, Path]]:
    """Return the files that one argument means, each with its place below the output folder."""
    path = Path(text).expanduser()
    if path.is_dir() and path.suffix.lower() not in CONTAINERS:
        return [(file, file.relative_to(path)) for file in list_frames(path)]
    if path.exists() or not glob.has_magic(text):
        return [(path, Path(path.name))]
    matches = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
    if not matches:
        raise NircoreError(f"{text} matches no file: check the pattern.")
    return [pair for match in matches for pair in _expand(str(match))]


def _add(found: dict, errors: list, source: Path, out: Path, place: Path, average: int) -> None:
    source = source.absolute()
    if source.resolve().is_relative_to(out) and source.resolve() != out / place:
        return
    name = place.name if average == 1 else f"{place.stem}_average{average}{place.suffix}"
    target = out / place.parent / name
    if target == source.resolve():
        errors.append(NircoreError(f"{source} would be overwritten by its own result: choose another --out."))
    elif target in found and found[target].source.resolve() != source.resolve():
        errors.append(
            NircoreError(f"{source} and {found[target].source} would both become {target}: enhance them apart.")
        )
    else:
        found.setdefault(target, Pair(source, target))

"""The network and the darks that settings name: darks may be files of any kind that `nirlab` reads."""

from functools import lru_cache
from pathlib import Path

from nircore.data.darks import darks_in
from nircore.inference.enhancer import Enhancer
from nircore.inference.settings import Settings
from nirlab.formats.containers import is_store, opened
from nirlab.inputs import look_through


@lru_cache(maxsize=2)
def enhancer_for(settings: Settings) -> Enhancer:
    """Return the enhancer of some settings, loaded once in each process."""
    return Enhancer(settings, darks_in(settings.dark, opened, _files) if settings.dark else None)


def _files(path: Path) -> list[Path]:
    """Return the dark frames that a path means.

    Raises:
        NircoreError: a folder holds none, or has a hole: a link to nothing, a folder that cannot be opened.
    """
    if not path.is_dir() or is_store(path):
        return [path]
    found = look_through(path)
    if found.holes:
        raise found.holes[0]
    return found.frames

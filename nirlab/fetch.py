"""The published SWIR_HDR frames, fetched from where they were published, every file by its SHA-256, and as TIFF.

`nircore.data.swir_hdr` reads the TIFF copies, whose pixels are those of the published HDF5 files.
"""

import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from nircore.data.frames import write_frame
from nircore.errors import NircoreError
from nircore.files import make_folder
from nircore.paths import PACKAGE
from nirlab.formats.containers import read_frame

COMMIT = "cd920058d1f18a901d86c99d3bdd228f3d2e7ee6"
ADDRESS = f"https://raw.githubusercontent.com/amishp42/SWIR_HDR/{COMMIT}"
REGISTRY = PACKAGE / "data/swir_hdr.csv"  # file (the TIFF), source (published path), source_sha256
TRIES = 3


def registry(only: str = "") -> pd.DataFrame:
    """Return the published files whose name here begins with `only` ("qd/M8-1", "dark").

    Raises:
        NircoreError: no name begins so.
    """
    table = pd.read_csv(REGISTRY)
    wanted = table[table["file"].str.startswith(only)]
    if wanted.empty:
        kinds = sorted({"/".join(name.split("/")[:-1]) for name in table["file"]})
        raise NircoreError(f"No file of the set begins with {only!r}: choose one of {', '.join(kinds)}.")
    return wanted


def fetch(
    folder: Path, mirror: str = "", only: str = "", say: Callable[[str], None] = print
) -> tuple[int, list[NircoreError]]:
    """Fetch the files that are not there yet; return how many are there now, and an error for each that is not.

    A file takes its name only when its SHA-256 is right; one that is there and right is not fetched again, so a run
    that was cut off goes on where it was. With the TIFF copies the folder is a `data_root`.

    Args:
        folder: receives `data/Images/...` as published, and the TIFF copies in `qd/`, `icg/` and `dark/`.
        mirror: an address that holds the same tree.
        only: see `registry`.
        say: receives a line for each file that was fetched.

    Raises:
        NircoreError: the folder cannot be written, or `only` names nothing.
    """
    import pooch

    wanted = registry(only)
    make_folder(folder)
    base = (mirror or ADDRESS).rstrip("/") + "/"
    hashes = {row.source: f"sha256:{row.source_sha256}" for row in wanted.itertuples()}
    urls = {name: base + urllib.parse.quote(name) for name in hashes}
    shelf = pooch.create(folder, base, registry=hashes, urls=urls, retry_if_failed=TRIES - 1)
    pooch.get_logger().setLevel("ERROR")
    errors = []
    for number, (name, file) in enumerate(zip(hashes, wanted["file"], strict=True), 1):
        try:
            published, copy = shelf.fetch(name), folder / file
            if not copy.is_file():
                write_frame(copy, (frame := read_frame(published)).pixels, frame.dtype)
            say(f"{number}/{len(hashes)} {name}")
        except (OSError, ValueError) as error:  # no network, no such file, another file than was published
            reason = " ".join(str(error).split())
            errors.append(NircoreError(f"{name} could not be fetched ({reason}): try again, or give a --mirror."))
    return len(hashes) - len(errors), errors

"""What a file or a folder store holds, as one number that changes with any byte of it."""

import hashlib
import os
from collections.abc import Iterable
from errno import ENOENT
from pathlib import Path

from nircore.errors import NircoreError

BLOCK = 2**20  # bytes read at a time


def content_sha256(path: Path, beside: Iterable[Path] = ()) -> str:
    """Return the SHA-256 of a file, or of a folder: the name, size and bytes of every file in it.

    Args:
        path: a file or a folder store.
        beside: further files that count with it.

    Raises:
        NircoreError: something cannot be read.
    """
    beside = tuple(beside)
    digest = hashlib.sha256()
    try:
        if path.is_file() and not beside:
            _update(digest, path)
            return digest.hexdigest()
        for name, file in _files(path, beside):
            digest.update(os.fsencode(name) + b"\0" + str(file.stat().st_size).encode() + b"\0")
            _update(digest, file)
    except OSError as error:
        raise NircoreError(
            f"{error.filename or path} cannot be read ({error.strerror}): check that it is there."
        ) from error
    return digest.hexdigest()


def _files(path: Path, beside: tuple[Path, ...]) -> list[tuple[str, Path]]:
    if path.is_file():
        return [(file.name if file == path else str(file), file) for file in (path, *beside)]
    if not path.is_dir():
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(path))
    inside = [Path(folder) / name for folder, _, names in os.walk(path, followlinks=True) for name in names]
    return sorted((file.relative_to(path).as_posix(), file) for file in (*inside,))


def _update(digest: "hashlib._Hash", file: Path) -> None:
    with open(file, "rb") as opened:
        while block := opened.read(BLOCK):
            digest.update(block)

"""How a file comes into being without ever being half-written, and what is said when the system refuses."""

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nircore.errors import NircoreError

#: What helps where the system refuses to write, by its reason; for any other it is another place.
WAYS_OUT = {
    "ENOSPC EDQUOT": "free some space or choose another place",
    "EACCES EPERM EROFS": "choose a writable place",
    "EMFILE ENFILE": "close other programs, or raise the limit of open files",
    "ENAMETOOLONG": "choose a shorter name",
    "EIO ESTALE ETIMEDOUT": "check the disk or the share",
    "EFBIG": "the disk takes no file of that size: choose another one",
    "ENOENT": "its folder was removed meanwhile, so run this again",
}


def by_reason(error: OSError, words: Mapping[str, str]) -> str:
    """Return what a table says of a system's error by its name, such as "ENOSPC"; "" where it says nothing."""
    name = errno.errorcode.get(error.errno, "")
    return next((text for names, text in words.items() if name in names.split()), "")


def _way_out(error: OSError) -> str:
    return by_reason(error, WAYS_OUT) or "choose another place"


def cannot_write(path: Path | str, error: OSError) -> NircoreError:
    """Return the sentence for a file that the system did not take: its reason, and what helps against that."""
    return NircoreError(f"Cannot write {path}: {error.strerror or error}; {_way_out(error)}.")


def make_folder(folder: Path) -> Path:
    """Create `folder` and its parents; say plainly why when the system refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NircoreError(f"Cannot create the folder {folder}: {error.strerror}; {_way_out(error)}.") from error
    return folder


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its name on success and vanishes on failure.

    The temporary name keeps the suffix, so writers that look at it choose the right format.

    Raises:
        NircoreError: the folder cannot be written or the disk is full; `path` is as it was before.
    """
    path = Path(path)
    make_folder(path.parent)
    try:
        handle, name = tempfile.mkstemp(prefix=".partial-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise cannot_write(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files private; what a run publishes follows the user's umask like any other file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> Path:
    """Write `text` to `path` atomically, as UTF-8; return the path."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)

"""How a file comes into being without ever being half-written, and what is said when the system refuses."""

import errno
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
    temporary = path.with_name(f".partial-{secrets.token_hex(8)}{path.suffix}")
    try:
        temporary.touch(exist_ok=False)  # what cannot be written is said before anything is made
        mode = temporary.stat().st_mode
        yield temporary
        with suppress(OSError):  # not every share has modes; safetensors leaves what its owner alone may read
            temporary.chmod(mode)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_text(path: Path | str, text: str) -> Path:
    """Write `text` to `path` atomically, as UTF-8; return the path."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)

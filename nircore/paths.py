"""What package this is, where things live, and how a file comes into being without ever being half-written."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from errno import (
    EACCES,
    EDQUOT,
    EFBIG,
    EIO,
    EMFILE,
    ENAMETOOLONG,
    ENFILE,
    ENOENT,
    ENOSPC,
    EPERM,
    EROFS,
    ESTALE,
    ETIMEDOUT,
)  # fmt: skip
from functools import lru_cache
from pathlib import Path

from nircore.errors import NircoreError

VERSION = "0.3.0"
PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parent


@lru_cache(maxsize=1)
def commit() -> str:
    """Return the checkout's commit, shortened, with "+" where files that git knows were changed; "" without one."""
    if not (REPOSITORY / ".git").exists():
        return ""
    try:
        ask = ["git", "-C", str(REPOSITORY), "describe", "--always", "--abbrev=10", "--exclude=*", "--dirty=+"]
        done = subprocess.run(ask, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _folder(variable: str, name: str) -> Path:
    """Return the folder an environment variable names, else `name` in the checkout (or here, once installed)."""
    if os.environ.get(variable):
        return Path(os.environ[variable]).expanduser().resolve()
    root = REPOSITORY if (REPOSITORY / "pyproject.toml").is_file() else Path.cwd()
    return root / name


def reports() -> Path:
    """Return the folder that holds the runs: `NIRCORE_REPORTS`, else `reports/` in the checkout."""
    return _folder("NIRCORE_REPORTS", "reports")


def data() -> Path:
    """Return the folder for made or fetched frames: `NIRCORE_DATA`, else `data/` in the checkout."""
    return _folder("NIRCORE_DATA", "data")


def notebooks() -> Path:
    """Return the folder of the numbered notebooks (they live in the checkout, not in the wheel)."""
    return _folder("NIRCORE_NOTEBOOKS", "notebooks")


def run_folder(run: str) -> Path:
    """Return `reports/<run>`; refuse a name that could leave the reports folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", run):
        raise NircoreError(
            f"run={run!r} cannot name a folder: use up to 100 letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit."
        )
    return reports() / run


#: What helps where the system refuses to write, by its reason; for any other it is another place.
WAYS_OUT = {
    (ENOSPC, EDQUOT): "free some space or choose another place",
    (EACCES, EPERM, EROFS): "choose a writable place",
    (EMFILE, ENFILE): "close other programs, or raise the limit of open files",
    (ENAMETOOLONG,): "choose a shorter name",
    (EIO, ESTALE, ETIMEDOUT): "check the disk or the share",
    (EFBIG,): "the disk takes no file of that size: choose another one",
    (ENOENT,): "its folder was removed meanwhile, so run this again",
}


def _way_out(error: OSError) -> str:
    return next((words for codes, words in WAYS_OUT.items() if error.errno in codes), "choose another place")


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

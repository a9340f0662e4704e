"""Who works on a result: one process at a time, and a process that dies works on nothing.

A lock is a byte of a hidden file beside the results, chosen by the result's name: however many results there are,
one open file for each folder is enough, and the system frees the bytes of a process that ends, in whatever way.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # a system without such locks: one run at a time is then the user's care
    fcntl = None  # type: ignore[assignment]

PARTIAL = ".partial-"  # how the names of hidden files and folders begin
NAME = f"{PARTIAL}lock"
PAUSE_S = 0.2  # between two looks at whether another run has done what it has in hand
SPAN = 2**60  # bytes that a name may choose; none of them exists, a lock needs no content


class Locks:
    """The results that this process works on; `close` it at the end."""

    def __init__(self) -> None:
        self._began: float | None = None  # by the clock that dates files, which lags behind the other
        self._files: dict[Path, int] = {}
        self._held: set[Path] = set()

    def take(self, target: Path) -> bool:
        """Try to become the one who works on a result; say whether that is so."""
        if fcntl is None or target in self._held:
            return True
        try:
            free = self._lock(target)
        except BlockingIOError:
            return False
        except PermissionError as error:  # so says a system for which the lock is held, or the folder is not ours
            return not _busy(error)
        except OSError:  # a share that knows no locks
            return True
        if free:
            self._held.add(target)
        return free

    def _lock(self, target: Path) -> bool:
        folder = target.parent
        while True:
            file = self._file(folder)
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(target))
            if _same(file, folder / NAME):
                return True
            if any(held.parent == folder for held in self._held):  # somebody took the file away under our feet
                return False
            os.close(self._files.pop(folder))

    def _file(self, folder: Path) -> int:
        if folder not in self._files:
            folder.mkdir(parents=True, exist_ok=True)
            self._files[folder] = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            if self._began is None:
                os.utime(self._files[folder])
                self._began = os.fstat(self._files[folder]).st_mtime
        return self._files[folder]

    def drop(self, target: Path) -> None:
        """Leave a result to others: it is done, or cannot be."""
        if target in self._held:
            self._held.discard(target)
            with suppress(OSError):
                fcntl.lockf(self._files[target.parent], fcntl.LOCK_UN, 1, _place(target))

    @contextmanager
    def mine(self, target: Path) -> Iterator[None]:
        """Wait until nobody else works on a file, and keep it meanwhile."""
        while not self.take(target):
            time.sleep(PAUSE_S)
        try:
            yield
        finally:
            self.drop(target)

    def close(self) -> None:
        """Leave everything, and take the hidden files away where nobody else is at work.

        With them go the files that a run which was killed had begun (`paths.atomic`); folders of parts stay.
        """
        for folder, file in self._files.items():
            with suppress(OSError):
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _same(file, folder / NAME):
                    self._sweep(folder)
                    (folder / NAME).unlink()
            os.close(file)
        self._files.clear()
        self._held.clear()

    def _sweep(self, folder: Path) -> None:
        for begun in folder.glob(f"{PARTIAL}*"):  # what is younger may be of a program that takes no locks
            if begun.name != NAME and begun.is_file() and begun.stat().st_mtime < self._began:
                begun.unlink()


def _busy(error: OSError) -> bool:
    return fcntl is not None and error.filename is None  # the lock itself names no file, opening one does


def _place(target: Path) -> int:
    return int.from_bytes(hashlib.sha256(os.fsencode(target.name)).digest()[:8], "big") % SPAN


def _same(file: int, path: Path) -> bool:
    """Say whether a file that is open is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False

"""The frames of a result that are done, on disk: a run that is killed loses half a second of work at most.

The pixels lie in one file, frame after frame; another file has a line about each frame. A line is written after the
frame's pixels have reached the disk, so the number of lines is the number of frames done. Both files are written with
ordinary writes: on a full disk these fail with an error, while a write to a memory map ends the process.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from nircore import files

COMMIT_S = 0.5  # seconds of work that a kill may cost: so often are frames brought to the disk
Facts = dict[str, Any]


def hidden(target: Path) -> Path:
    """Return the hidden folder for what is done of a result; its name is short, however long the result's is."""
    return target.parent / f".partial-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:20]}"


@contextmanager
def lock(target: Path) -> Iterator[bool]:
    """Become the one process that works on a result; yield False where another one is at work on it.

    The system frees the lock of a process that ends, in whatever way. The lock's file is removed while it is held:
    `filelock` sees that the file it waits for has gone, and makes a new one.
    """
    files.make_folder(target.parent)
    mine = FileLock(hidden(target).with_suffix(".lock"), timeout=0)
    try:
        mine.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise files.cannot_write(target, error) from error
    try:
        yield True
    finally:
        with suppress(OSError):
            os.unlink(mine.lock_file)
        mine.release()


class Partial:
    """The frames of a movie that are done.

    Args:
        folder: where the two files are.
        name: of the files, without suffix.
        identity: what the frames depend on; frames that were made with another identity are thrown away.
        shape: (N, H, W) of the whole.
        dtype: of a pixel.
    """

    def __init__(
        self, folder: Path, name: str, identity: Facts, shape: tuple[int, int, int], dtype: np.dtype | type
    ) -> None:
        self._pixels, self._lines = folder / f"{name}.raw", folder / f"{name}.jsonl"
        self.identity, self.count, self.shape = json.loads(json.dumps(identity)), shape[0], shape[1:]
        self.dtype = np.dtype(dtype)
        self.bytes = self.shape[0] * self.shape[1] * self.dtype.itemsize
        self.facts: list[Facts] = self._done()

    def _done(self) -> list[Facts]:
        """Return the facts of the frames that are done: of whole lines, whose pixels are there."""
        try:
            size = self._pixels.stat().st_size
            lines = self._lines.read_text(encoding="utf-8").split("\n")[:-1]
            if not lines or json.loads(lines[0]) != self.identity:
                return []
            return [json.loads(line) for line in lines[1 : 1 + min(self.count, size // self.bytes)]]
        except (OSError, ValueError):
            return []

    def make(self, frame: Callable[[int], tuple[np.ndarray, Facts]], progress: Callable[[], Any]) -> None:
        """Make the frames that are not done.

        Args:
            frame: returns the pixels (H, W) of a frame, and what is to be remembered of it.
            progress: called after each frame.

        Raises:
            OSError: the disk is full, or does not take what is written for another reason.
        """
        files.make_folder(self._pixels.parent)
        head = [json.dumps(one, default=np.generic.item) + "\n" for one in (self.identity, *self.facts)]
        files.write_text(self._lines, "".join(head))
        waiting, since = [], time.monotonic()
        with open(self._pixels, "ab") as pixels, open(self._lines, "a", encoding="utf-8") as lines:
            pixels.truncate(len(self.facts) * self.bytes)

            def commit() -> None:
                """Bring the frames that wait to the disk, then the lines about them."""
                _to_disk(pixels)
                lines.writelines(json.dumps(one, default=np.generic.item) + "\n" for one in waiting)
                _to_disk(lines)
                self.facts += waiting
                waiting.clear()

            try:
                for page in range(len(self.facts), self.count):
                    array, facts = frame(page)
                    pixels.write(np.ascontiguousarray(array, self.dtype).tobytes())
                    waiting.append(facts)
                    if time.monotonic() - since > COMMIT_S:
                        commit()
                        since = time.monotonic()
                    progress()
            finally:
                commit()

    def frames(self) -> Iterator[np.ndarray]:
        """Yield the frames (H, W) that are done, one after the other."""
        with open(self._pixels, "rb") as file:
            for _ in self.facts:
                yield np.fromfile(file, self.dtype, self.shape[0] * self.shape[1]).reshape(self.shape)


def _to_disk(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())

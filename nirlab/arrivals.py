"""Frames as they arrive: the pages of a file, or the files of a folder that is being written, in natural order."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nircore.data.frames import exposure_in
from nircore.errors import NircoreError
from nirlab.formats.containers import is_frames, opened

POLL_S = 0.05  # how often a folder is looked at
PATIENCE_S = 2.0  # a file whose size stands still and that still cannot be read is tried again for so long

Signal = Callable[[np.ndarray, float | None], np.ndarray]


def natural(path: Path) -> list[Any]:
    """Return what sorts img_2 before img_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


class Arrivals:
    """An iterable of frames (H, W) float32 in DN; blank and unreadable ones are named and passed over.

    A folder is watched until nothing new has come for `idle_s`; 0: only what is there. A file is taken once its size
    has stood still from one look to the next, so that one still being written is not read. Hidden files are none.

    Args:
        source: a file, every page of it, or a folder.
        idle_s: see above.
        signal: what is done to each frame, given its exposure in s or None, such as subtracting a dark.
        say: receives a line for each frame that is passed over.

    Attributes:
        names: what each frame that was yielded is called: its file's stem, with the page of a stack.
        passed_over: a sentence on each frame or file that was.
    """

    def __init__(
        self,
        source: Path,
        idle_s: float = 0.0,
        signal: Signal = lambda pixels, exposure_s: pixels,
        say: Callable[[str], None] = print,
    ) -> None:
        self.source, self.idle_s, self.signal, self.say = source, idle_s, signal, say
        self.names: list[str] = []
        self.passed_over: list[str] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames.

        Raises:
            NircoreError: there is no such file or folder, or a file given by its name cannot be read.
        """
        if not self.source.is_dir():
            yield from self._pages(self.source)
            return
        for file in self._files():
            try:
                yield from self._pages(file)
            except NircoreError as error:
                self._pass_over(str(error))

    def _pass_over(self, reason: str) -> None:
        self.passed_over.append(" ".join(reason.split()))
        self.say(f"nircore: {self.passed_over[-1]}")

    def _pages(self, file: Path) -> Iterator[np.ndarray]:
        with opened(file) as stack:
            for page in range(stack.pages):
                with np.errstate(over="ignore"):
                    pixels = np.array(stack.read(page), dtype=np.float32, order="C")
                if not np.isfinite(pixels).all() or pixels.min() == pixels.max():
                    kind = "blank" if np.isfinite(pixels).all() else "not finite"
                    self._pass_over(f"{file}, frame {page}, is {kind}: it is passed over.")
                    continue
                self.names.append(file.stem if stack.pages == 1 else f"{file.stem}_{page:06d}")
                yield self.signal(pixels, stack.exposures_s[page] if stack.exposures_s else exposure_in(file))

    def _files(self) -> Iterator[Path]:
        """Yield the folder's files as they come, each once it stands still and can be opened."""
        done: set[Path] = set()
        sizes: dict[Path, int] = {}
        changed: dict[Path, float] = {}
        latest = time.monotonic()
        while True:
            now = {file: file.stat().st_size for file in self.source.iterdir() if _is_frame(file)}
            for file in sorted(now.keys() - done, key=natural):
                still = sizes.get(file) == now[file] > 0
                if not still:
                    changed[file] = time.monotonic()
                if not self.idle_s or still and self._readable(file, changed[file]):
                    done.add(file)
                    latest = time.monotonic()
                    yield file
            if time.monotonic() - latest >= self.idle_s and done.issuperset(now):
                return
            sizes = now
            time.sleep(POLL_S)

    def _readable(self, file: Path, since: float) -> bool:
        """Say whether a file is to be taken: it opens, or it has had its time and `_pages` will say what is wrong."""
        try:
            with opened(file) as stack:
                stack.read(stack.pages - 1)  # what is half written fails at its end
                return True
        except NircoreError:
            return time.monotonic() - since > PATIENCE_S


def _is_frame(file: Path) -> bool:
    return not file.name.startswith(".") and file.is_file() and is_frames(file)

"""Frames as they arrive: the pages of a file, or the files of a folder that is being written, in natural order.

A camera's program appends pages, lays a file out and fills it, or writes one file anew again and again. Every page is
taken once it is there: the last page of a file that still changes waits until the file stands still, and pages that
hold one value, such as those that were laid out and not filled yet, wait until nothing comes any more.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nircore.data.frames import exposure_in
from nircore.data.stack import Stack
from nircore.errors import NircoreError
from nirlab.formats.containers import is_frames, opened
from nirlab.inputs import look_through

POLL_S = 0.05  # how often a folder is looked at
STILL_S = 0.12  # a file that has not changed for so long stands still
AHEAD = 16  # pages behind a blank one that are looked at: a camera writes a blank frame between others

Signal = Callable[[np.ndarray, float | None], np.ndarray]


@dataclass
class _Known:
    """What is known of a file: when it changed, and how many of its pages were taken.

    Attributes:
        stamp: its size and date, and `since`, when they were last another.
        taken: pages that were taken, of which the first was `first`.
        done: nothing is to be had of it before it changes again; `error` is what was wrong with it.
    """

    stamp: tuple[int, int] = (-1, -1)
    since: float = 0.0
    taken: int = 0
    first: bytes = b""
    done: bool = False
    error: str = ""


def natural(path: Path) -> list[Any]:
    """Return what sorts img_2 before img_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(path))]


class Arrivals:
    """An iterable of frames (H, W) float32 in DN; blank and unreadable ones are named and passed over.

    A folder, with those below it, is watched until nothing has changed in it for `idle_s`; 0: only what is there.
    Hidden files are none.

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
        self._known: dict[Path, _Known] = {}

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames.

        Raises:
            NircoreError: there is no such file or folder, or a file given by its name cannot be read.
        """
        if not self.source.is_dir():
            with opened(self.source) as stack:
                yield from self._pages(self.source, stack, _Known(), stack.pages, last=True)
            return
        latest = time.monotonic()
        while True:
            # one time for all files of a look: else a later file could overtake one before it
            now, listed = time.monotonic(), self._listed()
            changed = [self._changed(file, known, now) for file, known in listed]
            if any(changed):
                latest = now
            for file, known in listed:
                if not known.done:
                    yield from self._new(file, known, now - known.since >= STILL_S, last=not self.idle_s)
            if now - latest >= self.idle_s:
                break
            time.sleep(POLL_S)
        for file, known in self._listed():
            yield from self._new(file, known, still=True, last=True)
            if known.error:
                self._pass_over(known.error)
        for other in self._others:
            self._pass_over(f"{other} is of a kind that is not read: export it as TIFF.")

    def _listed(self) -> list[tuple[Path, _Known]]:
        """Return the files of the folder and of those below it, in natural order, and what is known of each."""
        try:
            found = look_through(self.source)
        except NircoreError:  # neither a frame nor a hole so far
            self._others: list[Path] = []
            return []
        self._others = found.others
        files = sorted((file for file in found.frames if file.is_file() and is_frames(file)), key=natural)
        return [(file, self._known.setdefault(file, _Known())) for file in files]

    def _changed(self, file: Path, known: _Known, now: float) -> bool:
        """Say whether a file is another than at the last look, and note it."""
        try:
            about = file.stat()
        except OSError:  # gone meanwhile
            return False
        if known.stamp == (about.st_size, about.st_mtime_ns):
            return False
        known.stamp, known.since, known.done = (about.st_size, about.st_mtime_ns), now, False
        return True

    def _new(self, file: Path, known: _Known, still: bool, last: bool) -> Iterator[np.ndarray]:
        """Yield the pages of a file that are there and were not taken; `last`: nothing more will come."""
        still = still or last
        try:
            known.error = ""
            with opened(file) as stack:
                first = stack.read(0).tobytes()
                if known.taken and first != known.first:  # the file was written anew
                    known.taken = 0
                known.first = first
                yield from self._pages(file, stack, known, stack.pages - (not still), last)
                known.done = still and known.taken >= stack.pages
        except NircoreError as error:  # half written, perhaps: it is tried again when it has changed
            known.error, known.done = str(error), still

    def _pages(self, file: Path, stack: Stack, known: _Known, end: int, last: bool) -> Iterator[np.ndarray]:
        while known.taken < end:
            page, pixels = known.taken, stack.frame(known.taken)
            finite = bool(np.isfinite(pixels).all())
            if not finite or pixels.min() == pixels.max():
                ahead = range(page + 1, min(page + 1 + AHEAD, end))
                if finite and not last and all(np.ptp(stack.frame(other)) == 0 for other in ahead):
                    return  # laid out, and not filled yet
                self._pass_over(f"{file}, frame {page}, is {'blank' if finite else 'not finite'}: it is passed over.")
                known.taken += 1
                continue
            known.taken += 1
            self.names.append(file.stem if stack.pages == 1 else f"{file.stem}_{page:06d}")
            yield self.signal(pixels, stack.exposures_s[page] if stack.exposures_s else exposure_in(file))

    def _pass_over(self, reason: str) -> None:
        self.passed_over.append(" ".join(reason.split()))
        self.say(f"nircore: {self.passed_over[-1]}")

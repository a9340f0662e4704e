"""Frames as they come, through an engine, to disk: a bounded queue between them, and an account at the end.

Three threads: one reads the source, one enhances, one writes. What cannot keep up either holds the source back
(`when_full="block"`: nothing is lost) or costs frames (`"drop"`: a camera does not wait), which are counted.
"""

import contextlib
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nircore.data.frames import read_frame
from nircore.errors import NircoreError
from nircore.paths import atomic, make_folder

SUFFIXES = (".tif", ".tiff", ".png", ".npy", ".h5", ".hdf5")
POLL_S = 0.05  # how often a folder is looked at, and an interrupt noticed
END = object()

Enhance = Callable[[np.ndarray], np.ndarray]
Write = Callable[[int, np.ndarray], None]


@dataclass
class Account:
    """What became of the frames.

    Attributes:
        read, written, dropped: frames; read = written + dropped unless the stream was interrupted.
        latencies_s: from a frame's arrival to its being written, for every frame written.
        seconds: how long the stream ran.
        interrupted: whether it was stopped before the source ended; frames read by then are still written.
    """

    read: int = 0
    written: int = 0
    dropped: int = 0
    latencies_s: list[float] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    def __str__(self) -> str:
        """Say it in words, with the latencies as a histogram."""
        rate = self.written / self.seconds if self.seconds else 0.0
        end = "interrupted" if self.interrupted else "source at its end"
        lines = [
            f"{self.read} frames read, {self.written} written, {self.dropped} dropped; {end}; {rate:.1f} frames/s"
        ]
        if self.latencies_s:
            p50, p95, p99 = 1e3 * np.percentile(self.latencies_s, [50, 95, 99])
            lines += [f"latency median {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms", *self._histogram()]
        return "\n".join(lines)

    def _histogram(self) -> Iterator[str]:
        counts, edges = np.histogram(1e3 * np.array(self.latencies_s), bins=8)
        for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
            yield f"{low:8.1f} - {high:8.1f} ms  {'#' * round(40 * count / counts.max()):40s} {count}"


def frames_of(source: Path, idle_s: float = 0.0) -> Iterator[np.ndarray]:
    """Yield the frames (H, W) in DN of a file (every page), or of a folder in the order of their names.

    A folder is watched until nothing new has come for `idle_s`; 0: only what is there. A file is taken once its size
    has stood still from one look to the next, so that one still being written is not read.

    Raises:
        NircoreError: there is no such file or folder; a file cannot be read.
    """
    if source.is_dir():
        for file in _arriving(source, idle_s):
            yield from frames_of(file)
        return
    first = read_frame(source)
    yield first.pixels
    for page in range(1, first.pages):
        yield read_frame(source, page).pixels


def _arriving(folder: Path, idle_s: float) -> Iterator[Path]:
    seen, sizes, latest = set(), {}, time.monotonic()
    while True:
        now = {file: file.stat().st_size for file in sorted(folder.iterdir()) if file.suffix.lower() in SUFFIXES}
        for file, size in now.items():
            if file not in seen and (not idle_s or sizes.get(file) == size > 0):
                seen.add(file)
                latest = time.monotonic()
                yield file
        if time.monotonic() - latest >= idle_s and seen.issuperset(now):
            return
        sizes = now
        time.sleep(POLL_S)


def to_folder(folder: Path) -> Write:
    """Return a writer of float32 TIFFs in DN, `frame_000000.tif` and so on, each whole or not there."""
    import tifffile

    make_folder(folder)

    def write(index: int, image: np.ndarray) -> None:
        with atomic(folder / f"frame_{index:06d}.tif") as temporary:
            tifffile.imwrite(temporary, image.astype(np.float32, copy=False))

    return write


def stream(
    source: Iterable[np.ndarray],
    enhance: Enhance,
    write: Write,
    size: int = 8,
    when_full: str = "block",
    view: Callable[[np.ndarray, np.ndarray], None] | None = None,
) -> Account:
    """Run every frame of `source` through `enhance` and `write`; return the account.

    Args:
        source: frames (H, W) in DN; a Python generator is where a camera's SDK plugs in.
        enhance: a frame to a frame, such as `nircore.engines.enhancer` makes.
        write: takes the frame's number in the source and the enhanced frame.
        size: frames that may wait before the network, and as many before the disk.
        when_full: "block" holds the source back, "drop" loses the newest frame and counts it.
        view: is shown (frame, enhanced) in the caller's thread, at its own pace: frames in between are not shown.

    An interrupt (Ctrl-C) ends the source; frames read by then are still enhanced and written; the account says so.
    A second one ends the program.

    Raises:
        NircoreError: an unknown `when_full`. What a source, network or writer raises ends the stream and is raised.
    """
    if when_full not in ("block", "drop") or size < 1:
        raise NircoreError(f"when_full={when_full!r}, size={size}: block or drop, and room for at least one frame.")
    line = _Line(size, when_full == "drop")
    began = time.perf_counter()
    steps = (lambda: line.read(source), lambda: line.enhance(enhance), lambda: line.write(write))
    threads = [threading.Thread(target=line.guarded, args=(step,), daemon=True) for step in steps]
    with on_interrupt(line.interrupt):
        for thread in threads:
            thread.start()
        while not line.over.wait(POLL_S):
            if view and (latest := line.latest) is not None:
                line.latest = None
                view(*latest)
    line.account.seconds = time.perf_counter() - began
    for thread in threads:
        thread.join(1.0)  # a source that waits for a frame that never comes is left behind
    if line.errors:
        raise line.errors[0]
    return line.account


@contextlib.contextmanager
def on_interrupt(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` at the first interrupt; later ones do what they did before.

    A handler, because an exception could come between any two statements. Signals reach the main thread alone, and
    a shell has them ignored in what it runs in the background: there, and in another thread, nothing changes.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return

    def pressed(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, before)
        act()

    signal.signal(signal.SIGINT, pressed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Line:
    """The two queues between the three threads. An error anywhere stops all of them."""

    def __init__(self, size: int, drop: bool) -> None:
        self.waiting: queue.Queue[Any] = queue.Queue(size)
        self.done: queue.Queue[Any] = queue.Queue(size)
        self.drop, self.account = drop, Account()
        self.stop, self.failed, self.over = threading.Event(), threading.Event(), threading.Event()
        self.taking, self.taken = threading.Lock(), False  # whether a frame was read that is not yet waiting
        self.errors: list[BaseException] = []
        self.latest: tuple[np.ndarray, np.ndarray] | None = None

    def interrupt(self) -> None:
        """End the source; what was read goes on to the disk."""
        self.account.interrupted = True
        self.stop.set()

    def guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except BaseException as error:  # raised again where the stream was started
            self.errors.append(error)
            self.failed.set()
            self.over.set()

    def _put(self, target: queue.Queue, item: Any) -> None:
        while not self.failed.is_set():
            with contextlib.suppress(queue.Full):
                return target.put(item, timeout=POLL_S)

    def _items(self, origin: queue.Queue) -> Iterator[Any]:
        while not self.failed.is_set():
            try:
                item = origin.get(timeout=POLL_S)
            except queue.Empty:
                with self.taking:
                    if origin is self.waiting and self.stop.is_set() and not self.taken and origin.empty():
                        return
                continue
            if item is END:
                return
            yield item

    def read(self, source: Iterable[np.ndarray]) -> None:
        for index, pixels in enumerate(source):
            with self.taking:
                if self.stop.is_set() or self.failed.is_set():
                    return
                self.account.read, self.taken = self.account.read + 1, True
            self._admit((index, pixels, time.perf_counter()))
            self.taken = False
        self._put(self.waiting, END)

    def _admit(self, item: Any) -> None:
        if not self.drop:
            return self._put(self.waiting, item)
        try:
            self.waiting.put_nowait(item)
        except queue.Full:
            self.account.dropped += 1

    def enhance(self, enhance: Enhance) -> None:
        for index, pixels, came in self._items(self.waiting):
            image = enhance(pixels)
            self.latest = (pixels, image)
            self._put(self.done, (index, image, came))
        self._put(self.done, END)

    def write(self, write: Write) -> None:
        for index, image, came in self._items(self.done):
            write(index, image)
            self.account.written += 1
            self.account.latencies_s.append(time.perf_counter() - came)
        self.over.set()

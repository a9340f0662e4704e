"""The threads and queues of a stream, and the account of its frames."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

POLL_S = 0.05  # how often a folder is looked at, and an interrupt noticed
END = object()

Enhance = Callable[[np.ndarray], np.ndarray]
Write = Callable[[int, np.ndarray], None]


class Steps(Protocol):
    """What is done to a frame, in steps that may run beside each other on different frames."""

    def prepare(self, pixels: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return what the network is given of a frame (H, W) in DN, and what `finish` needs to know."""

    def run(self, x: np.ndarray) -> np.ndarray:
        """Run the network."""

    def finish(self, values: np.ndarray, fit: Any) -> np.ndarray:
        """Return the enhanced frame in DN."""


class OneStep:
    """A plain function of a frame, all of it in the network's place."""

    def __init__(self, enhance: Enhance) -> None:
        self.run = enhance

    def prepare(self, pixels: np.ndarray) -> tuple[np.ndarray, None]:
        """Return the frame as it is."""
        return pixels, None

    def finish(self, values: np.ndarray, fit: None) -> np.ndarray:
        """Return the result as it is."""
        return values

    def __str__(self) -> str:
        """Say nothing: a function is not known by its name."""
        return ""


@dataclass
class Account:
    """What became of the frames.

    Attributes:
        read, written, dropped: frames; read = written + dropped unless the stream was interrupted.
        latencies_s: from a frame's arrival to its being written, for every frame written.
        seconds: how long the stream ran.
        ran: what enhanced them, in words.
        interrupted: whether it was stopped before the source ended; frames read by then are still written.
    """

    read: int = 0
    written: int = 0
    dropped: int = 0
    latencies_s: list[float] = field(default_factory=list)
    seconds: float = 0.0
    ran: str = ""
    interrupted: bool = False

    def __str__(self) -> str:
        """Say it in words, with the latencies as a histogram."""
        rate = self.written / self.seconds if self.seconds else 0.0
        end = "interrupted" if self.interrupted else "source at its end"
        lines = [
            f"{self.read} frames read, {self.written} written, {self.dropped} dropped; {end}; {rate:.1f} frames/s"
        ]
        lines += [self.ran] if self.ran else []
        if self.latencies_s:
            p50, p95, p99 = 1e3 * np.percentile(self.latencies_s, [50, 95, 99])
            lines += [f"latency median {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms", *self._histogram()]
        return "\n".join(lines)

    def _histogram(self) -> Iterator[str]:
        counts, edges = np.histogram(1e3 * np.array(self.latencies_s), bins=8)
        for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
            yield f"{low:8.1f} - {high:8.1f} ms  {'#' * round(40 * count / counts.max()):40s} {count}"


class Line:
    """The queues between the threads, each of which works through one. An error anywhere stops all of them."""

    def __init__(self, size: int, drop: bool) -> None:
        self.waiting: queue.Queue[Any] = queue.Queue(size)
        self.ready: queue.Queue[Any] = queue.Queue(1)  # enough for the network never to wait for its next frame
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
        """Run one thread's work; what it raises ends the stream."""
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
        """Let the frames of a source in, with their number and the time they came."""
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

    def prepare(self, steps: Steps) -> None:
        """Make frames ready for the network."""
        for index, pixels, came in self._items(self.waiting):
            self._put(self.ready, (index, pixels, came, *steps.prepare(pixels)))
        self._put(self.ready, END)

    def enhance(self, steps: Steps) -> None:
        """Run the network."""
        for index, pixels, came, x, fit in self._items(self.ready):
            self._put(self.done, (index, pixels, came, steps.run(x), fit))
        self._put(self.done, END)

    def write(self, steps: Steps, write: Write) -> None:
        """Bring frames back to DN, and store them."""
        for index, pixels, came, values, fit in self._items(self.done):
            image = steps.finish(values, fit)
            self.latest = (pixels, image)
            write(index, image)
            self.account.written += 1
            self.account.latencies_s.append(time.perf_counter() - came)
        self.over.set()

"""Frames as they come, through an engine, to disk, and an account of them at the end.

Beside the thread that reads the source, one prepares frames for the network, one runs it, one brings frames back to
DN and writes them, so that the network, which takes longest, runs without a pause. What cannot keep up either holds
the source back (`when_full="block"`: nothing is lost) or costs frames (`"drop"`: a camera does not wait), which are
counted.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nircore.errors import NircoreError
from nircore.files import atomic, make_folder
from nircore.inference.threads import one_pool

Write = Callable[[int, np.ndarray], None]


@dataclass
class Account:
    """What became of the frames.

    Attributes:
        read, written, dropped: frames; read = written + dropped.
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
        """Say it in words."""
        rate = self.written / self.seconds if self.seconds else 0.0
        end = "interrupted" if self.interrupted else "source at its end"
        said = f"{self.read} frames read, {self.written} written, {self.dropped} dropped; {end}; {rate:.1f} frames/s"
        if self.latencies_s:
            p50, p95, p99 = 1e3 * np.percentile(self.latencies_s, [50, 95, 99])
            said += f"\nlatency median {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms"
        return f"{said}\n{self.ran}" if self.ran else said


def to_folder(folder: Path, names: Sequence[str] = ()) -> Write:
    """Return a writer of float32 TIFFs in DN, each whole or not there.

    Args:
        folder: made if it is not there.
        names: of the frames by their number in the source, such as `Arrivals.names`, which grows as they come: frame
            7 from img_7.tif becomes `000007_img_7.tif`, and one without a name `frame_000007.tif`.
    """
    make_folder(folder)

    def write(index: int, image: np.ndarray) -> None:
        """Write a frame under its number and name."""
        name = f"{index:06d}_{names[index]}" if index < len(names) else f"frame_{index:06d}"
        with atomic(folder / f"{name}.tif") as temporary:
            tifffile.imwrite(temporary, image.astype(np.float32, copy=False))

    return write


class _Interrupted(BaseException):
    """Raised in a source that is waiting for its next frame, at the first interrupt."""


def stream(
    source: Iterable[np.ndarray], pipeline: Any, write: Write, size: int = 8, when_full: str = "block"
) -> Account:
    """Run every frame of `source` through `pipeline` and `write`; return the account.

    Args:
        source: frames (H, W) in DN, read in the caller's thread; a generator is where a camera's SDK plugs in.
        pipeline: has `prepare`, `run` and `finish`, as `nircore.inference.engines.Pipeline`; each runs in a thread of
            its own, in the order of the frames.
        write: takes the frame's number in the source and the enhanced frame.
        size: frames that may be on their way.
        when_full: "block" holds the source back, "drop" loses the newest frame and counts it.

    An interrupt (Ctrl-C) ends the source; frames read by then are still enhanced and written. A second one ends the
    program.

    Raises:
        NircoreError: `when_full` is unknown. What a source, network or writer raises ends the stream and is raised.
    """
    if when_full not in ("block", "drop") or size < 1:
        raise NircoreError(f"when_full={when_full!r}, size={size}: block or drop, and room for at least one frame.")
    account, began, errors = Account(ran=str(pipeline)), time.perf_counter(), list[BaseException]()
    room = threading.Semaphore(size)
    # One limit around all threads, rather than one set and taken back for every frame.
    with (
        one_pool(),
        _until_interrupted(source, account) as frames,
        _on_their_way(pipeline, write, account, room, errors) as hand_over,
    ):
        for index, pixels in enumerate(frames):
            if errors:
                break
            account.read += 1
            if room.acquire(blocking=when_full == "block"):
                hand_over(index, pixels)
            else:
                account.dropped += 1
    if errors:
        raise errors[0]
    account.seconds = time.perf_counter() - began
    return account


@contextmanager
def _on_their_way(
    pipeline: Any, write: Write, account: Account, room: threading.Semaphore, errors: list[BaseException]
) -> Iterator[Callable[[int, np.ndarray], None]]:
    """Yield what hands a frame over to three threads, which prepare it, run the network, and finish and write it."""

    def network(prepared: Future) -> tuple[np.ndarray, Any]:
        """Run the network on a frame as soon as it is prepared."""
        x, fit = prepared.result()
        return pipeline.run(x), fit

    def store(index: int, came: float, enhanced: Future) -> None:
        """Finish and write a frame, and take account of it."""
        try:
            write(index, pipeline.finish(*enhanced.result()))
            account.written += 1
            account.latencies_s.append(time.perf_counter() - came)
        except BaseException as error:  # raised by `stream`
            errors.append(error)
        finally:
            room.release()

    with _threads(3) as (first, second, third):
        yield lambda index, pixels: third.submit(
            store, index, time.perf_counter(), second.submit(network, first.submit(pipeline.prepare, pixels))
        )


@contextmanager
def _threads(count: int) -> Iterator[list[ThreadPoolExecutor]]:
    """Yield executors of one thread each; what was handed over is done at the end, unless it was interrupted."""
    threads = [ThreadPoolExecutor(1) for _ in range(count)]
    try:
        try:
            yield threads
        finally:
            if not isinstance(sys.exception(), KeyboardInterrupt):
                for thread in threads:
                    thread.shutdown()
    finally:
        for thread in threads:
            thread.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _until_interrupted(source: Iterable[np.ndarray], account: Account) -> Iterator[Iterator[np.ndarray]]:
    """Yield the frames of a source, until it ends or the first interrupt; later ones do what they did before.

    The interrupt is raised where the source waits for a frame, and nowhere else: an exception that comes between any
    two statements would spoil the account. A shell has interrupts ignored in what it runs in the background, and
    another thread than the main one gets none: there, nothing changes.
    """
    before, waiting = signal.getsignal(signal.SIGINT), False
    heard = threading.current_thread() is threading.main_thread() and callable(before)

    def pressed(number: int, frame: Any) -> None:
        """End the source at the first interrupt."""
        signal.signal(signal.SIGINT, before)
        account.interrupted = True
        if waiting:
            raise _Interrupted

    def frames() -> Iterator[np.ndarray]:
        """Yield the frames of the source up to the interrupt."""
        nonlocal waiting
        coming = iter(source)
        with suppress(_Interrupted, StopIteration):
            while not account.interrupted:
                waiting = True
                pixels = next(coming)
                waiting = False
                yield pixels

    if heard:
        signal.signal(signal.SIGINT, pressed)
    try:
        yield frames()
    finally:
        if heard:
            signal.signal(signal.SIGINT, before)

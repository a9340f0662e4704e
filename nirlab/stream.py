"""Frames as they come, through an engine, to disk: a bounded queue between them, and an account at the end.

Four threads: one reads the source, one prepares frames for the network, one runs it, one brings frames back to DN and
writes them, so that the network, which takes longest, runs without a pause. What cannot keep up either holds the
source back (`when_full="block"`: nothing is lost) or costs frames (`"drop"`: a camera does not wait), which are
counted.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nircore.errors import NircoreError
from nircore.inference.threads import one_pool
from nirlab.line import POLL_S, Account, Enhance, Line, OneStep, Steps, Write
from nircore.paths import atomic, make_folder


def to_folder(folder: Path, names: Sequence[str] = ()) -> Write:
    """Return a writer of float32 TIFFs in DN, each whole or not there.

    Args:
        folder: made if it is not there.
        names: of the frames by their number in the source, such as `Arrivals.names`, which grows as they come: frame
            7 from img_7.tif becomes `000007_img_7.tif`, and one without a name `frame_000007.tif`.
    """
    import tifffile

    make_folder(folder)

    def write(index: int, image: np.ndarray) -> None:
        name = f"{index:06d}_{names[index]}" if index < len(names) else f"frame_{index:06d}"
        with atomic(folder / f"{name}.tif") as temporary:
            tifffile.imwrite(temporary, image.astype(np.float32, copy=False))

    return write


def stream(
    source: Iterable[np.ndarray],
    enhance: Enhance | Steps,
    write: Write,
    size: int = 8,
    when_full: str = "block",
    view: Callable[[np.ndarray, np.ndarray], None] | None = None,
) -> Account:
    """Run every frame of `source` through `enhance` and `write`; return the account.

    Args:
        source: frames (H, W) in DN; a Python generator is where a camera's SDK plugs in.
        enhance: a frame to a frame; one that has its steps apart, such as `nircore.inference.engines.Enhancer`, is
            prepared, run and finished in threads of their own, each in the order of the frames.
        write: takes the frame's number in the source and the enhanced frame.
        size: frames that may wait before they are prepared, and as many before the disk; one waits for the network.
        when_full: "block" holds the source back, "drop" loses the newest frame and counts it.
        view: is shown (frame, enhanced) in the caller's thread, at its own pace: frames in between are not shown.

    An interrupt (Ctrl-C) ends the source; frames read by then are still enhanced and written; the account says so.
    A second one ends the program.

    Raises:
        NircoreError: an unknown `when_full`. What a source, network or writer raises ends the stream and is raised.
    """
    if when_full not in ("block", "drop") or size < 1:
        raise NircoreError(f"when_full={when_full!r}, size={size}: block or drop, and room for at least one frame.")
    line = Line(size, when_full == "drop")
    began = time.perf_counter()
    steps = enhance if hasattr(enhance, "prepare") else OneStep(enhance)
    line.account.ran = str(steps)
    work = (lambda: line.read(source), lambda: line.prepare(steps), lambda: line.enhance(steps))
    work += (lambda: line.write(steps, write),)
    threads = [threading.Thread(target=line.guarded, args=(step,), daemon=True) for step in work]
    # One limit around all threads: of two that overlap, the one that ends last would leave the other's behind.
    with on_interrupt(line.interrupt), one_pool():
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

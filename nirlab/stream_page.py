"""The page that `nircore stream` leaves: how many frames, how late, what was passed over, the first and the last."""

from collections import deque
from pathlib import Path

import numpy as np

from nircore import paths
from nirlab.line import Account, Write
from nirlab.page_parts import Panel, render
from nirlab import pixels
from companion.plots.panels import window

NAMED = 100  # of what was passed over: a page lists so many, and counts the others


class Ends:
    """A writer that keeps the first and the last frame it wrote, for the page.

    Attributes:
        first, last: (number in the source, enhanced frame (H, W) in DN); None before there is one.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self.first: tuple[int, np.ndarray] | None = None
        self.last: tuple[int, np.ndarray] | None = None

    def __call__(self, index: int, image: np.ndarray) -> None:
        """Write a frame."""
        self._write(index, image)
        self.last = index, image
        self.first = self.first or self.last


class PassedOver:
    """What was said of frames that were passed over: the first NAMED sentences, and how many there were."""

    def __init__(self) -> None:
        self.count, self.sentences = 0, deque[str]()

    def __call__(self, sentence: str) -> None:
        """Take note of a sentence."""
        self.count += 1
        if self.count <= NAMED:
            self.sentences.append(sentence.removeprefix("nircore: "))


def write(folder: Path, source: Path, account: Account, passed: PassedOver, ends: Ends) -> Path:
    """Write `index.html` of a stream into a folder, whole or not at all; return its path."""
    text = render(
        "stream.html.j2",
        title=f"Stream of {source.name}",
        facts=_facts(account, passed),
        passed=passed,
        panels=_panels(ends),
    )
    return paths.write_text(folder / "index.html", text)


def _facts(account: Account, passed: PassedOver) -> dict[str, str]:
    facts = {
        "frames": f"{account.read} read, {account.written} written, {account.dropped} dropped",
        "passed over": f"{passed.count} frames or files, before they were read as frames",
        "end": "interrupted" if account.interrupted else "the source was at its end",
        "run by": account.ran or "not known",
        "time": f"{account.seconds:.1f} s",
    }
    if account.latencies_s:
        median, late = 1e3 * np.percentile(account.latencies_s, [50, 95])
        facts["latency, arrival to written"] = f"median {median:.0f} ms, p95 {late:.0f} ms"
    return facts


def _panels(ends: Ends) -> list[Panel]:
    """Return the first and the last frame on one grey scale, small; nothing where none was written."""
    if ends.first is None or ends.last is None:
        return []
    levels = window([ends.first[1], ends.last[1]])
    panels = []
    for name, (index, image) in (("First frame", ends.first), ("Last frame", ends.last)):
        small = pixels.data_uri(pixels.png(pixels.thumbnail(pixels.bytes_of(image, levels)), level=9))
        panels.append(Panel(name, small, "gray", levels, f"frame {index} of the source, enhanced"))
    return panels

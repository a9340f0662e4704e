"""The page on one result: one of its frames before and after, and what its record says."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from nircore.errors import NircoreError
from nircore.inference import prepare, trust
from nirlab import pages
from nirlab.courses import courses
from nirlab.formats.containers import opened
from nirlab.movie import Movie
from nirlab.record import short

LONGEST = 180  # bytes of a name, before what is added to it


def shown(record: dict[str, Any]) -> int:
    """Return the frame that a page shows: of those that are not blank the one nearest the middle."""
    scales = record["frames"]["scale_dn"]
    middle = len(scales) // 2
    lit = [page for page, scale in enumerate(scales) if scale]
    return min(lit, key=lambda page: abs(page - middle), default=middle)


def flat(name: str) -> str:
    """Return a relative path as one file name, shortened where it would be too long."""
    return short(name.replace(os.sep, "__"), LONGEST)


def report(
    name: str, movie: Movie, result: Path, record: dict[str, Any], half_width: np.ndarray | None, trusted: str
) -> pages.FrameReport:
    """Return what the page on a result says.

    Args:
        name: of the result, as the page calls it.
        movie: the source, which is open.
        result: the file with the enhanced frames.
        record: of the result.
        half_width: trust map (H, W) in DN of the frame that is shown; None without one.
        trusted: one sentence on what the trust map was calibrated with.

    Raises:
        NircoreError: all frames are blank.
    """
    page, enhancer = shown(record), movie.enhancer
    if not record["frames"]["scale_dn"][page]:
        raise NircoreError(f"{movie.source}: all its frames are blank, so there is no page on it.")
    signal, black = movie.signal(page), record["frames"]["offset_dn"][page]
    prepared = prepare(enhancer.generator, signal)
    noise = trust.camera(prepared, black)
    support = trust.support(prepared, black, noise)
    lines, used = [], None
    with opened(result) as stack:

        def enhanced(index: int) -> np.ndarray:
            """Return a frame of the result on the signal's scale."""
            return stack.frame(index) - np.float32(enhancer.pedestal_dn)

        image = enhanced(page)
        if enhancer.settings.temporal:
            lines, used = courses(stack.pages, movie.signal, enhanced) if stack.pages > 1 else [], movie.used(page)
    trusts = half_width, trusted, support
    return pages.FrameReport(name, signal, image, record, page, noise, *trusts, lines, used)

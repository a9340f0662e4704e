"""The page on one result: one of its frames before and after, and what its record says."""

import hashlib
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nircore.data.normalise import Normalisation
from nircore.errors import NircoreError
from nircore.inference import prepare, trust
from nirlab import pages
from nirlab.formats.containers import read_frame
from nirlab.movie import Movie

LONGEST = 180  # bytes of a name, before what is added to it


def shown(record: dict[str, Any]) -> int:
    """Return the frame that a page shows: of those that are not blank the one nearest the middle."""
    scales = record["frames"]["scale_dn"]
    middle = len(scales) // 2
    lit = [page for page, scale in enumerate(scales) if scale]
    return min(lit, key=lambda page: abs(page - middle), default=middle)


def flat(name: str) -> str:
    """Return a relative path as one file name, shortened where it would be too long, different for each path."""
    joined = name.replace(os.sep, "__")
    if len(os.fsencode(joined)) <= LONGEST:
        return joined
    return f"{joined[:40]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:20]}"


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
    signal = movie.signal(page)
    fit = Normalisation(record["frames"]["offset_dn"][page], record["frames"]["scale_dn"][page])
    prepared = prepare(enhancer.generator, signal)
    noise, identity = trust.camera(prepared, fit.offset), record["identity"]
    return pages.FrameReport(
        name=name,
        low_light=signal,
        enhanced=read_frame(result, page).pixels - np.float32(enhancer.pedestal_dn),
        normalisation=fit,
        model=pages.Model(identity["model"], identity["model_sha256"], identity["recipe"], identity["nircore"]),
        half_width=half_width,
        trust=trusted,
        noise=noise,
        support=trust.support(prepared, fit.offset, noise),
        facts=_facts(record, page),
        warnings=tuple(_warnings(record["summary"])),
    )


def _facts(record: dict[str, Any], page: int) -> dict[str, str]:
    identity, frames = record["identity"], record["summary"]["frames"]
    flux, noise = (record["frames"][name][page] for name in ("flux_ratio", "read_noise_dn"))
    facts = {"frame shown": f"{page + 1} of {frames}", "made": record["made"]}
    facts["dark"] = (
        f"subtracted; {identity['pedestal_dn']:g} DN stand in for it in the file, and are taken off here"
        if identity["dark_subtracted"]
        else "not known: the frame's own pedestal is in these numbers"
    )
    if noise is not None:
        gain = record["frames"]["gain_e_per_dn"][page]
        facts["camera"] = f"gain {gain:.3g} e-/DN, noise of the dark {noise:.3g} DN"
    if flux is not None and math.isfinite(flux):
        facts["light out / in, as recorded"] = f"{flux:.4g}"
    if record["temporal_average_frames"] > 1:
        facts["temporal average"] = f"mean of {record['temporal_average_frames']} frames, taken before the network"
    return facts


def _warnings(summary: dict[str, Any]) -> Iterator[str]:
    if summary["pixels_clipped"]:
        yield f"{summary['pixels_clipped']} pixels were outside the range of the file's type and were clipped."
    if summary["pixels_at_ceiling"]:
        yield f"{summary['pixels_at_ceiling']} input pixels stand at the top of the file's type: they are saturated."
    if summary["outliers_replaced"]:
        yield f"{summary['outliers_replaced']} hot or dead pixels were replaced by their neighbours for the network."
    if summary["assumed"]:
        yield f"The camera's noise was partly assumed: {summary['assumed']}; see the model card for what that costs."
    if summary["blank_frames"]:
        yield f"{summary['blank_frames']} blank frames passed through as they were."

"""Split conformal prediction: a guess of each pixel's error becomes an interval that was calibrated.

The guess is a weighted sum of terms in DN, as `nircore.inference.trust` reads them off a generator. The weights are
fitted on some frames with known truth, and on others the one factor is found that makes the guess an interval:
conformal risk control of the share of pixels outside (Angelopoulos et al., ICLR 2024, equation 4).

**What is promised**: for a frame that is *exchangeable* with the calibration frames, the expected share of pixels
whose truth lies outside output +- half-width is at most `alpha`. Exchangeable means: drawn as they were, same
generator, camera and kind of scene.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from nircore.data.frames import sha256
from nircore.errors import NircoreError
from nircore.files import write_text

ALPHA = 0.1  # share of pixels that may lie outside
VIEWS = 8  # the square's symmetries
FIT_SHARE = 1 / 4  # of the calibration frames: these fit the weights, the others the factor
FLOOR = 1e-3  # of the frame's scale: no guess is smaller, or a pixel of an untrained generator would be certain
TRACE = 1e-4  # of the frame's scale: a term that is smaller on average is rounding, or next to nothing
SAMPLED = 4000  # pixels per frame that fit the weights

Terms = dict[str, np.ndarray]
Seen = tuple[Terms, np.ndarray]


@dataclass(frozen=True)
class Calibration:
    """How to turn terms into half-widths; belongs to one generator, on frames like those it was made with.

    Attributes:
        factor: of the guessed error.
        weights: of each term in the guess; terms that are not named here are not used.
        alpha: the share of pixels that may lie outside.
        outside: the share over the calibration frames themselves. The factor is chosen so that it is just below
            (alpha (n + 1) - 1) / n for n frames: it is given and not measured, and says nothing of other frames.
        frames: that the factor comes from.
        fitted: frames that the weights come from.
        views: mirrored and turned views in `spread`.
        frames_are: what they show, in words.
        sha256: of the weights file it belongs to; "" if not said.
    """

    factor: float
    weights: dict[str, float]
    alpha: float
    outside: float
    frames: int
    fitted: int
    views: int
    frames_are: str
    sha256: str = ""

    def guess(self, terms: Terms) -> np.ndarray:
        """Return the guessed size of the error, (H, W) float64 in DN, before the factor."""
        if missing := ", ".join(sorted(set(self.weights) - set(terms))):
            raise NircoreError(f"The trust map was calibrated with {missing}, unknown here: calibrate again.")
        return FLOOR * terms["floor"] + sum(weight * terms[name] for name, weight in self.weights.items())

    def sentence(self) -> str:
        """Say what the intervals mean, for a reader of a page or a figure."""
        return (
            f"Calibrated on {self.frames} {self.frames_are}: on frames like those, at most {self.alpha:.0%} of the "
            "pixels are expected outside; on others, read it as where to look."
        )

    def half_width(self, terms: Terms) -> np.ndarray:
        """Return the half-width of the interval, (H, W) float32 in DN."""
        return (self.factor * self.guess(terms)).astype(np.float32)


def calibration_of(seen: Sequence[Seen], frames_are: str, views: int = VIEWS) -> Calibration:
    """Calibrate on what `errors` yielded, also of several generators of one kind."""
    first = max(1, round(FIT_SHARE * len(seen)))
    count = len(seen) - first
    if (count + 1) * ALPHA <= 1:
        needed = int(1 / ALPHA) + first + 1
        raise NircoreError(f"{len(seen)} frames are too few: alpha={ALPHA} takes {needed} or more.")
    plan = Calibration(1.0, _weights(seen[:first]), ALPHA, 0.0, count, first, views, frames_are)
    ratios = [_ratios(plan, *pair) for pair in seen[first:]]
    factor = conformal_factor(ratios, ALPHA)
    outside = float(np.mean([np.mean(ratio > factor) for ratio in ratios]))
    return dataclasses.replace(plan, factor=factor, outside=outside)


def outside(calibration: Calibration, seen: Seen) -> float:
    """Return the share of a frame's known pixels whose error lies outside the interval."""
    return float(np.mean(_ratios(calibration, *seen) > calibration.factor))


def _ratios(plan: Calibration, terms: Terms, wrong: np.ndarray) -> np.ndarray:
    """Return error / guess of the pixels that have an error, (n,)."""
    counted = ~np.isnan(wrong)
    return wrong[counted] / plan.guess(terms)[counted]


def _weights(seen: Sequence[tuple[Terms, np.ndarray]]) -> dict[str, float]:
    """Fit |error| = sum of weight x term, no weight below 0, over an even sample of the frames' pixels."""
    names = [name for name in seen[0][0] if name != "floor"]
    columns, wanted = [], []
    for terms, wrong in seen:
        places = np.flatnonzero(np.isfinite(wrong))
        places = places[:: max(1, len(places) // SAMPLED)]
        scale = terms["floor"].flat[0]  # a bright animal counts no more than a dark one
        columns.append(np.stack([terms[name].ravel()[places] for name in names], axis=1) / scale)
        wanted.append(wrong.ravel()[places] / scale)
    table = np.concatenate(columns)
    used = table.sum(axis=0) > TRACE * len(table)  # nothing of an empty table
    fitted, _ = nnls(table * used, np.concatenate(wanted))
    return {name: float(w) for name, w, use in zip(names, fitted, used, strict=True) if use and w > 0}


def conformal_factor(ratios: Sequence[np.ndarray], alpha: float) -> float:
    """Return the smallest factor f with (sum over n frames of the share of ratios above f + 1) / (n + 1) <= alpha.

    That is conformal risk control with the share of pixels outside as the risk, at most 1 per frame: on one more
    frame, exchangeable with these, its expectation is at most alpha.

    >>> conformal_factor([np.arange(1.0, 11.0)] * 19, alpha=0.25)
    8.0
    """
    allowed = alpha * (len(ratios) + 1) - 1  # in frames
    values = np.concatenate(ratios)
    shares = np.repeat([1 / len(ratio) for ratio in ratios], [len(ratio) for ratio in ratios])
    order = np.argsort(values)[::-1]
    above = np.cumsum(shares[order])  # of all at least as large
    place = int(np.searchsorted(above, allowed * (1 + 1e-12), side="right"))
    return float(values[order][min(place, len(values) - 1)])


def beside(weights: Path | str) -> Path:
    """Return where a weights file's calibration is kept: `generator.trust.json` beside `generator.safetensors`."""
    return Path(weights).with_suffix(".trust.json")


def save(calibration: Calibration, weights: Path | str) -> Path:
    """Write a calibration beside the weights it belongs to, which it names by their SHA-256."""
    owned = dataclasses.replace(calibration, sha256=sha256(weights))
    return write_text(beside(weights), json.dumps(dataclasses.asdict(owned), indent=2) + "\n")


def load(weights: Path | str) -> Calibration:
    """Read the calibration that is kept beside a weights file.

    Raises:
        NircoreError: there is none, it is damaged, or it belongs to other weights.
    """
    path = beside(weights)
    if not path.is_file():
        raise NircoreError(f"There is no calibration {path}: make one with nircore.inference.trust.calibrate.")
    try:
        calibration = Calibration(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as problem:
        raise NircoreError(f"{path} is damaged ({problem}): delete it and calibrate again.") from problem
    if calibration.sha256 != sha256(weights):
        raise NircoreError(f"{path} belongs to other weights than {weights}: calibrate again.")
    return calibration

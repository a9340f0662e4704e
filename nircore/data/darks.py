"""Dark frames: what the camera says without light, at any exposure between those that were measured."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from nircore.data.frames import Frame, check_pixels, list_frames, read_frame
from nircore.errors import NircoreError
from nirlab.formats.containers import is_frames, opened


@dataclass(frozen=True, eq=False)
class Darks:
    """Dark frames at known exposures, read when first needed.

    Attributes:
        files: the dark frames, by ascending exposure.
        exposures_s: their exposures in seconds, ascending; NaN for a single dark whose exposure nobody states.
    """

    files: tuple[str, ...]
    exposures_s: tuple[float, ...]

    @cached_property
    def _stack(self) -> np.ndarray:
        frames = [_mean(file) for file in self.files]
        if len({frame.shape for frame in frames}) > 1:
            raise NircoreError(f"The dark frames beside {self.files[0]} differ in size: copy them again.")
        return np.stack(frames)  # (exposures, H, W)

    @cached_property
    def frames(self) -> tuple[int, ...]:
        """How many frames each file holds; their mean is the dark."""
        return tuple(_pages(file) for file in self.files)

    @property
    def said(self) -> list[str]:
        """A line for each file of several frames: their mean is what is subtracted."""
        pairs = zip(self.files, self.frames, strict=True)
        return [f"{file}: the dark is the mean of its {count} frames" for file, count in pairs if count > 1]

    @property
    def needs_exposure(self) -> bool:
        """Whether `at` has to be told an exposure: not where one dark of unknown exposure is all there is."""
        return not np.isnan(self.exposures_s[0])

    @property
    def pedestal_dn(self) -> float:
        """The level of the shortest dark, a whole number of DN: a constant to give signals room below zero."""
        return float(np.rint(np.median(self._stack[0])))

    def at(self, exposure_s: float | None) -> np.ndarray:
        """Return the (H, W) float32 dark in DN, interpolated per pixel in log exposure.

        Outside the measured exposures the nearest dark stands in, within a factor of two. A single dark of unknown
        exposure serves all.

        Raises:
            NircoreError: the exposure is not known, or no dark lies within a factor of two of it, which happens where
                only a few darks are at hand; a guess would leave tens of DN of pedestal.
        """
        if not self.needs_exposure:
            return self._stack[0]
        if exposure_s is None:
            raise NircoreError("The exposure is not known: give it with --exposure SECONDS, or name files _0020ms.")
        known = np.array(self.exposures_s)
        if not exposure_s > 0 or np.abs(np.log2(known / exposure_s)).min() > 1:
            raise NircoreError(
                f"No dark frame is near exposure_s={exposure_s:g}: the darks at hand span "
                f"{known[0]:g} to {known[-1]:g} s, so measure or copy one within a factor of two of it."
            )
        place = float(np.interp(np.log(exposure_s), np.log(known), np.arange(len(known))))
        below, weight = int(place), np.float32(place % 1)
        above = min(below + 1, len(known) - 1)
        return self._stack[below] * (1 - weight) + self._stack[above] * weight


def darks_in(path: Path | str) -> Darks:
    """Return the darks of a file or of a folder; exposures from the files' metadata or from names like `_00016ms`.

    Raises:
        NircoreError: not there, unreadable, several darks of which one does not say its exposure, or two darks of
            one exposure.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise NircoreError(f"The dark {path} does not exist: check the path.")
    files = list_frames(path) if path.is_dir() and not is_frames(path) else [path]
    found = [read_frame(file) for file in files]
    if len(found) == 1:
        return Darks((found[0].source,), (_exposure(found[0]),))
    for frame in found:
        if np.isnan(_exposure(frame)):
            raise NircoreError(f"{frame.source} does not say its exposure: name darks like dark_00016ms.tif.")
    found.sort(key=_exposure)
    for one, other in zip(found[1:], found[:-1], strict=True):
        if one.exposure_s == other.exposure_s:
            raise NircoreError(f"{other.source} and {one.source} have one exposure: average them to one dark frame.")
    return Darks(tuple(frame.source for frame in found), tuple(_exposure(frame) for frame in found))


def _pages(file: str) -> int:
    with opened(file) as stack:
        return stack.pages


def _mean(file: str) -> np.ndarray:
    """Return the mean (H, W) float32 of the frames of a dark: a movie of the dark is less noisy than one frame."""
    with opened(file) as stack, np.errstate(over="ignore"):
        if stack.exposures_s and len(set(stack.exposures_s)) > 1:
            raise NircoreError(f"{file} holds darks at several exposures: save those of each in a file of their own.")
        total = np.zeros(stack.shape, np.float64)
        for page in range(stack.pages):
            total += np.asarray(stack.read(page), np.float32)
    mean = (total / stack.pages).astype(np.float32)
    check_pixels(file, mean)
    return mean


def _exposure(frame: Frame) -> float:
    return float("nan") if frame.exposure_s is None else frame.exposure_s

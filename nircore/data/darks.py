"""Dark frames: what the camera says without light, at any exposure between those that were measured."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from nircore.data import plain
from nircore.data.frames import Frame, check_pixels, list_frames, read_frame
from nircore.data.plain import Opened
from nircore.errors import NircoreError


@dataclass(frozen=True, eq=False)
class Darks:
    """Dark frames at known exposures, read when first needed.

    Attributes:
        files: the dark frames, by ascending exposure.
        exposures_s: their exposures in seconds, ascending; NaN for a single dark whose exposure nobody states.
        opened: opens one of the files.
    """

    files: tuple[str, ...]
    exposures_s: tuple[float, ...]
    opened: Opened = plain.opened

    @cached_property
    def _stack(self) -> np.ndarray:
        frames = [self._mean(file) for file in self.files]
        if len({frame.shape for frame in frames}) > 1:
            raise NircoreError(f"The dark frames beside {self.files[0]} differ in size: copy them again.")
        return np.stack(frames)  # (exposures, H, W)

    def _mean(self, file: str) -> np.ndarray:
        """Return the mean (H, W) float32 of a dark's frames: a movie of the dark is less noisy than one frame."""
        with self.opened(file) as stack, np.errstate(over="ignore"):
            if stack.exposures_s and len(set(stack.exposures_s)) > 1:
                raise NircoreError(
                    f"{file} holds darks at several exposures: save those of each in a file of its own."
                )
            total = np.zeros(stack.shape, np.float64)
            for page in range(stack.pages):
                total += np.asarray(stack.read(page), np.float32)
        mean = (total / stack.pages).astype(np.float32)
        check_pixels(file, mean)
        return mean

    def _pages(self, file: str) -> int:
        with self.opened(file) as stack:
            return stack.pages

    @cached_property
    def frames(self) -> tuple[int, ...]:
        """How many frames each file holds; their mean is the dark."""
        return tuple(map(self._pages, self.files))

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


def _files(path: Path) -> list[Path]:
    return list_frames(path) if path.is_dir() else [path]


def darks_in(path: Path | str, opened: Opened = plain.opened, listed: Callable[[Path], list[Path]] = _files) -> Darks:
    """Return the darks of a file or of a folder; exposures from the files' metadata or from names like `_00016ms`.

    Args:
        path: a dark frame, or a folder of them.
        opened: opens one of the files.
        listed: returns the files that a path means.

    Raises:
        NircoreError: a file is not there or unreadable, one of several darks does not say its exposure, or two darks
            have one exposure.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise NircoreError(f"The dark {path} does not exist: check the path.")
    found = [read_frame(file, opened=opened) for file in listed(path)]
    if len(found) == 1:
        return Darks((found[0].source,), (_exposure(found[0]),), opened)
    for frame in found:
        if np.isnan(_exposure(frame)):
            raise NircoreError(f"{frame.source} does not say its exposure: name darks like dark_00016ms.tif.")
    found.sort(key=_exposure)
    for one, other in zip(found[1:], found[:-1], strict=True):
        if one.exposure_s == other.exposure_s:
            raise NircoreError(f"{other.source} and {one.source} have one exposure: average them to one dark frame.")
    return Darks(tuple(frame.source for frame in found), tuple(map(_exposure, found)), opened)


def _exposure(frame: Frame) -> float:
    return float("nan") if frame.exposure_s is None else frame.exposure_s

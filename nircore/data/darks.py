"""Dark frames: what the camera says without light, at any exposure between those that were measured."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nircore.data import plain
from nircore.data.frames import check_pixels, exposure_in, list_frames
from nircore.data.plain import Opened
from nircore.errors import NircoreError


@dataclass(frozen=True, eq=False)
class Darks:
    """Dark frames at known exposures.

    Attributes:
        exposures_s: in seconds, ascending; NaN for a single dark whose exposure nobody states, which serves all.
        stack: the dark of each exposure, (n, H, W) float32 in DN.
        files: where they came from; empty for a dark that was handed over as an array.
        frames: how many frames each file holds; their mean is the dark.
    """

    exposures_s: tuple[float, ...]
    stack: np.ndarray
    files: tuple[str, ...] = ()
    frames: tuple[int, ...] = ()

    @property
    def pedestal_dn(self) -> float:
        """The level of the shortest dark, a whole number of DN: a constant to give signals room below zero."""
        return float(np.rint(np.median(self.stack[0])))

    def at(self, exposure_s: float | None) -> np.ndarray:
        """Return the (H, W) float32 dark in DN, interpolated per pixel in log exposure.

        Outside the measured exposures the nearest dark stands in, within a factor of two. A single dark of unknown
        exposure serves all.

        Raises:
            NircoreError: the exposure is not known, or no dark lies within a factor of two of it, which happens where
                only a few darks are at hand; a guess would leave tens of DN of pedestal.
        """
        if math.isnan(self.exposures_s[0]):
            return self.stack[0]
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
        return self.stack[below] * (1 - weight) + self.stack[above] * weight

    def subtracted(self, pixels: np.ndarray, exposure_s: float | None, name: Path | str) -> np.ndarray:
        """Return a frame (H, W) in DN less the dark of its exposure; `name` is what the frame is called.

        Values are not clipped: read noise takes dim pixels below zero.

        Raises:
            NircoreError: as `at`, or the dark has another size.
        """
        dark = self.at(exposure_s)
        if dark.shape != pixels.shape:
            raise NircoreError(f"{name} is {pixels.shape} and the dark {dark.shape}: use those of one camera.")
        return pixels - dark


def _files(path: Path) -> list[Path]:
    return list_frames(path) if path.is_dir() else [path]


def darks_in(path: Path | str, opened: Opened = plain.opened, listed: Callable[[Path], list[Path]] = _files) -> Darks:
    """Return the darks of a file or of a folder; exposures from the files' metadata or from names like `_00016ms`.

    Args:
        path: a dark frame, or a folder of them.
        opened: opens one of the files.
        listed: returns the files that a path means.

    Raises:
        NircoreError: a file is not there or unreadable, one of several darks does not say its exposure, two darks
            have one exposure, or they differ in size.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise NircoreError(f"The dark {path} does not exist: check the path.")
    found = sorted((_dark(str(file), opened) for file in listed(path)), key=lambda one: one[0])
    exposures, files, counts, means = zip(*found, strict=True)
    for place, exposure_s in enumerate(exposures if len(found) > 1 else ()):
        if math.isnan(exposure_s):
            raise NircoreError(f"{files[place]} does not say its exposure: name darks like dark_00016ms.tif.")
        if place and exposure_s == exposures[place - 1]:
            both = f"{files[place - 1]} and {files[place]}"
            raise NircoreError(f"{both} have one exposure: average them to one dark frame.")
    if len({mean.shape for mean in means}) > 1:
        raise NircoreError(f"The dark frames beside {files[0]} differ in size: copy them again.")
    return Darks(exposures, np.stack(means), files, counts)


def _dark(file: str, opened: Opened) -> tuple[float, str, int, np.ndarray]:
    """Return a file's exposure in s (NaN: unknown), its name, how many frames it holds, and their mean (H, W).

    A movie of the dark is less noisy than one frame of it.
    """
    with opened(file) as stack:
        if stack.exposures_s and len(set(stack.exposures_s)) > 1:
            raise NircoreError(f"{file} holds darks at several exposures: save those of each in a file of its own.")
        total = np.zeros(stack.shape, np.float64)
        for page in range(stack.pages):
            total += stack.frame(page)
        exposure_s = stack.exposures_s[0] if stack.exposures_s else exposure_in(file)
    mean = (total / stack.pages).astype(np.float32)
    check_pixels(file, mean)
    return math.nan if exposure_s is None else exposure_s, file, stack.pages, mean

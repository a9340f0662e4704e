"""From one frame in detector units to the same frame enhanced, with the dark, the pedestal and what was measured."""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from nircore import __version__, tiles
from nircore.checkpoint import load_generator
from nircore.config import Config
from nircore.data.darks import Darks, darks_in
from nircore.data.frames import quantised, sha256
from nircore.data.normalise import Normalisation
from nircore.errors import NircoreError
from nircore.inference import prepare
from nircore.shipped import WEIGHTS


@dataclass(frozen=True)
class Settings:
    """What to do to every frame; plain values, so that it travels to other machines and into the record.

    Attributes:
        weights: a generator's file; "" for the one that ships with the package.
        dark: a dark frame or a folder of them; "" for none.
        exposure_s: of the frames, in seconds; None: as their metadata or names say.
        pedestal_dn: what the output stands on where a dark is subtracted; None: the level of the shortest dark.
        average: each frame becomes the mean of so many around it before it is enhanced; 1: not.

    Raises:
        NircoreError: a value out of range.
    """

    weights: str = ""
    dark: str = ""
    exposure_s: float | None = None
    pedestal_dn: float | None = None
    average: int = 1

    def __post_init__(self) -> None:
        """Check what can be checked without a file."""
        if self.exposure_s is not None and not 0 < self.exposure_s < math.inf:
            raise NircoreError(f"exposure={self.exposure_s:g}: give seconds above 0.")
        if self.pedestal_dn is not None and not math.isfinite(self.pedestal_dn):
            raise NircoreError(f"pedestal={self.pedestal_dn:g}: give a finite number of DN.")
        if self.average < 1 or self.average % 2 == 0:
            raise NircoreError(f"average={self.average}: give an odd number of frames, which has a middle one.")


class Enhancer:
    """The generator and the darks that settings name, loaded once.

    Args:
        settings: see there; files are only opened when needed.
        dark: a dark frame (H, W) in DN that is at hand as an array, in place of `settings.dark`.
    """

    def __init__(self, settings: Settings, dark: np.ndarray | None = None) -> None:
        if settings.pedestal_dn is not None and not settings.dark and dark is None:
            raise NircoreError("A pedestal is what stands in for the dark: give a dark too, or leave it out.")
        self.settings, self.dark = settings, dark

    @property
    def weights(self) -> Path:
        """The generator's file."""
        return Path(self.settings.weights).expanduser() if self.settings.weights else WEIGHTS

    @cached_property
    def _loaded(self) -> tuple[nn.Module, Config]:
        generator, config, _ = load_generator(self.weights)
        return generator, config

    @property
    def generator(self) -> nn.Module:
        """The network, in evaluation mode."""
        return self._loaded[0]

    @cached_property
    def darks(self) -> Darks | None:
        """The darks on disk, if any."""
        return darks_in(self.settings.dark) if self.settings.dark else None

    @cached_property
    def pedestal_dn(self) -> float:
        """What the output stands on: a constant with a dark; without, nothing is added, for nothing was taken."""
        if self.settings.pedestal_dn is not None:
            return self.settings.pedestal_dn
        if self.dark is not None:
            return float(np.rint(np.median(self.dark)))
        return self.darks.pedestal_dn if self.darks else 0.0

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What decides the result, apart from the frame: equal identities make equal outputs."""
        recipe = self._loaded[1].recipe
        return {
            "nircore": __version__,
            "model": self.weights.name if self.settings.weights else "enhance (ships with nircore)",
            "model_sha256": sha256(self.weights),
            "recipe": recipe,
            "darks": {Path(file).name: sha256(file) for file in self.darks.files} if self.darks else {},
            "dark_subtracted": self.darks is not None,
            "pedestal_dn": self.pedestal_dn,
            "exposure_s": self.settings.exposure_s,
            "temporal_average_frames": self.settings.average,
        }

    def signal(self, pixels: np.ndarray, exposure_s: float | None) -> np.ndarray:
        """Return a frame (H, W) in DN less its dark, if there is one.

        Raises:
            NircoreError: the dark has another size, or no dark fits the exposure.
        """
        dark = self.dark
        if self.darks is not None:
            dark = self.darks.at(self.settings.exposure_s or exposure_s)
        if dark is None:
            return pixels
        if dark.shape != pixels.shape:
            raise NircoreError(f"The frame is {pixels.shape} and the dark {dark.shape}: use those of one camera.")
        return pixels - dark

    def __call__(
        self, pixels: np.ndarray, dtype: np.dtype, exposure_s: float | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Enhance one frame (H, W) in DN; return it as `dtype`, and what was measured on the way.

        The facts: `offset_dn` and `scale_dn` of the normalisation; `flux_ratio`, the light of the output over that of
        the input, both above the dark, or above the input's black level where no dark is known (NaN without light);
        `clipped` pixels outside the range of dtype; `at_ceiling`, input pixels at the top of an integer dtype;
        `blank` frames (one value throughout), which pass through as they are.

        Raises:
            NircoreError: as `signal`, or the result is not finite.
        """
        pixels = np.asarray(pixels, dtype=np.float32)
        signal = self.signal(pixels, exposure_s)
        blank = bool(pixels.min() == pixels.max())
        facts = {"offset_dn": math.nan, "scale_dn": math.nan, "flux_ratio": 1.0, "blank": blank}
        result = signal
        if not blank:
            result, fit = self._restore(signal)
            black = 0.0 if signal is not pixels else fit.offset
            facts |= {"offset_dn": fit.offset, "scale_dn": fit.scale, "flux_ratio": _flux(signal, result, black)}
        if not np.isfinite(result).all():
            raise NircoreError("The result is not finite: the frame's values are out of any camera's range.")
        array, facts["clipped"] = quantised(result + np.float32(self.pedestal_dn), dtype)
        facts["at_ceiling"] = int((pixels >= np.iinfo(dtype).max).sum()) if dtype.kind in "ui" else 0
        return array, facts

    def _restore(self, signal: np.ndarray) -> tuple[np.ndarray, Normalisation]:
        prepared = prepare(self.generator, signal)
        fit = Normalisation.of(prepared)
        return fit.invert(tiles.translate(self.generator, fit.apply(prepared))), fit


def _flux(before: np.ndarray, after: np.ndarray, black: float) -> float:
    light = float(np.mean(before, dtype=np.float64)) - black
    return (float(np.mean(after, dtype=np.float64)) - black) / light if light > 0 else math.nan


@lru_cache(maxsize=2)
def enhancer_for(settings: Settings) -> Enhancer:
    """Return the enhancer of some settings, loaded once in each process."""
    return Enhancer(settings)


def enhance(
    frames: np.ndarray,
    *,
    weights: str | Path = "",
    dark: np.ndarray | str | Path | None = None,
    exposure: float | None = None,
    pedestal: float | None = None,
    average: int = 1,
    details: bool = False,
) -> Any:
    """Enhance frames (H, W) or (..., H, W) in linear detector units; same shape, same dtype, same scale.

    Args:
        frames: integers or real numbers, each frame at least 16 x 16.
        weights: a generator's file; without, the one that ships with the package.
        dark: a dark frame (H, W), or the path of one or of a folder of them at several exposures.
        exposure: seconds, to choose the dark in a folder.
        pedestal: DN that the output stands on where a dark is subtracted; without, the level of the dark.
        average: the mean of so many frames (along the flattened leading axes) comes before the network.
        details: return (frames, list of facts of each frame) instead; see `Enhancer.__call__`.

    Raises:
        NircoreError: frames that are not finite, in colour or too small, or as `Settings` and `Enhancer` say.
    """
    frames = np.asarray(frames)
    _check(frames)
    settings = Settings(
        weights=str(weights),
        dark=str(dark) if isinstance(dark, (str, Path)) else "",
        exposure_s=exposure,
        pedestal_dn=pedestal,
        average=average,
    )
    given = isinstance(dark, np.ndarray)
    enhancer = Enhancer(settings, dark.astype(np.float32)) if given else enhancer_for(settings)
    stack = frames.reshape(-1, *frames.shape[-2:])
    results = [
        enhancer(window_mean(stack, page, average), frames.dtype.newbyteorder("=")) for page in range(len(stack))
    ]
    enhanced = np.stack([array for array, _ in results]).reshape(frames.shape).astype(frames.dtype)
    return (enhanced, [facts for _, facts in results]) if details else enhanced


def window_mean(stack: Any, page: int, average: int) -> np.ndarray:
    """Return the mean of the `average` frames around a page, float32 (H, W); fewer at the ends of the stack."""
    first, last = max(0, page - average // 2), min(len(stack), page + average // 2 + 1)
    with np.errstate(over="ignore"):
        return np.mean([np.asarray(stack[k], dtype=np.float32) for k in range(first, last)], axis=0)


def _check(frames: np.ndarray) -> None:
    if frames.ndim < 2 or min(frames.shape[-2:]) < 16 or frames.size == 0:
        raise NircoreError(f"frames has shape {frames.shape}: pass (H, W) or (..., H, W), both 16 or more.")
    if frames.dtype.kind not in "uif":
        raise NircoreError(f"frames holds {frames.dtype}: pass integers or real numbers.")
    if frames.dtype.kind == "f" and not np.isfinite(frames).all():
        raise NircoreError("frames holds NaN or infinite values: repair them, or leave those frames out.")

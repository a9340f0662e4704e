"""The generator, the engine and the darks that settings name, and what they make of one frame in detector units."""

import copy
import math
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from nircore.config import Config
from nircore.data.darks import Darks, darks_in
from nircore.data.defects import defects
from nircore.data.frames import quantised
from nircore.data.normalise import Normalisation
from nircore.data.outliers import hot
from nircore.data.stabilise import Stabilisation
from nircore.errors import NircoreError
from nircore.inference import engines, tiles
from nircore.inference.frame import RANGE, prepare
from nircore.inference.settings import Settings
from nircore.inference.shipped import weights_of
from nircore.inference.threads import one_pool
from nircore.models.checkpoint import load_generator

#: What a frame's record holds, and what stands there for a blank one.
FACTS: dict[str, Any] = {
    "offset_dn": math.nan, "scale_dn": math.nan, "gain_e_per_dn": math.nan, "read_noise_dn": math.nan, "assumed": "",
    "outliers": 0, "bad_lines": 0, "bad_areas": 0, "flux_ratio": 1.0, "clipped": 0, "at_ceiling": 0, "blank": False,
}  # fmt: skip
TELLING = 5  # frames of a movie, evenly spaced, that tell the camera's noise and its bad pixels


class Camera(NamedTuple):
    """What frames tell of the camera that took them.

    Attributes:
        fit: the map to the network's scale.
        bad: pixels (H, W) bool that are outliers in most of the frames, or hot in the dark.
    """

    fit: Stabilisation
    bad: np.ndarray


class Enhancer:
    """The generator and the darks that settings name, loaded once.

    Args:
        settings: see there; files are only opened when needed.
        dark: a dark frame (H, W) in DN that is at hand as an array, or darks that were read by another reader than
            the core's; both in place of `settings.dark`.
    """

    def __init__(self, settings: Settings, dark: np.ndarray | Darks | None = None) -> None:
        if settings.pedestal_dn is not None and not settings.dark and dark is None:
            raise NircoreError("A pedestal is what stands in for the dark: give a dark too, or leave it out.")
        self.settings = settings
        self._given = Darks((math.nan,), dark[None]) if isinstance(dark, np.ndarray) else dark
        self._built: dict[str, engines.Frame] = {}

    @property
    def weights(self) -> Path:
        """The generator's file."""
        settings = self.settings
        return Path(settings.weights).expanduser() if settings.weights else weights_of(settings.model)

    @cached_property
    def _loaded(self) -> tuple[nn.Module, Config]:
        return load_generator(self.weights)[:2]

    @property
    def generator(self) -> nn.Module:
        """The network, in evaluation mode."""
        return self._loaded[0]

    @property
    def config(self) -> Config:
        """The settings that the network was trained with."""
        return self._loaded[1]

    def network_for(self, frames: int) -> tuple[str, engines.Frame]:
        """Return the name of the engine that suits so many frames, and the generator on it."""
        name = engines.choose(self.settings.engine, frames)
        if name not in self._built:
            self._built[name] = engines.build(name, copy.deepcopy(self.generator))
        return name, self._built[name]

    @cached_property
    def darks(self) -> Darks | None:
        """The darks that are subtracted, if any."""
        return self._given or (darks_in(self.settings.dark) if self.settings.dark else None)

    @cached_property
    def pedestal_dn(self) -> float:
        """The level that the output is raised by: the dark's median, or 0 without a dark."""
        given = self.settings.pedestal_dn
        return given if given is not None else self.darks.pedestal_dn if self.darks else 0.0

    def _dark_for(self, exposure_s: float | None) -> np.ndarray | None:
        return self.darks.at(self.settings.exposure_s or exposure_s) if self.darks else None

    def signal(self, pixels: np.ndarray, exposure_s: float | None) -> np.ndarray:
        """Return a frame (H, W) in DN less its dark, if there is one.

        Raises:
            NircoreError: the dark has another size, or no dark fits the exposure.
        """
        dark = self._dark_for(exposure_s)
        if dark is None:
            return pixels
        if dark.shape != pixels.shape:
            raise NircoreError(f"The frame is {pixels.shape} and the dark {dark.shape}: use those of one camera.")
        return pixels - dark

    def camera(self, signals: Sequence[np.ndarray], exposure_s: float | None = None) -> Camera | None:
        """Return what the frames of a movie share; None for a generator that needs to know nothing of the camera.

        Args:
            signals: some of its frames (H, W) in DN, as `signal` returns them; blank ones say nothing.
            exposure_s: theirs, for the dark that shows its hot pixels.
        """
        shown = [signal for signal in signals if signal.min() < signal.max()]
        if self.generator.input == RANGE or not shown:
            return None
        found = [defects(signal, self.settings.keep_spots).bad for signal in shown]
        cleaned = [prepare(self.generator, *pair) for pair in zip(shown, found, strict=True)]
        given = self.settings.gain_e_per_dn, self.settings.read_noise_dn
        fit = Stabilisation.of(cleaned, 0.0 if self.darks else None, *given)
        bad = np.sum(found, axis=0) > max(len(found) / 2, 1)  # one frame alone says nothing of the others
        dark = self._dark_for(exposure_s)
        if dark is not None:  # hot: the photon noise of its dark current is more than the read noise
            bad |= hot(dark, fit.gain_e_per_dn * fit.read_noise_dn**2)
        return Camera(fit, bad)

    def __call__(
        self,
        pixels: np.ndarray,
        dtype: np.dtype,
        exposure_s: float | None = None,
        camera: Camera | None = None,
        network: engines.Frame | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Enhance one frame (H, W) in DN; return it as `dtype`, and what was measured on the way.

        The facts: `offset_dn` and `scale_dn`, black level and range of the frame; `gain_e_per_dn`, `read_noise_dn`
        and what was `assumed` of its noise; `outliers` (pixels), `bad_lines` and pixels of `bad_areas` replaced for
        the network; `flux_ratio`, the light of the output over that of the input (without outliers), both above the
        dark, or above the input's black level where no dark is known (NaN without light); `clipped` pixels outside
        the range of dtype; `at_ceiling`, input pixels at the top of an integer dtype; `blank` frames (one value
        throughout), which pass through as they are.

        Args:
            camera: as `camera` returns it; None: what this frame tells.
            network: the generator on an engine, as `network_for` returns it; None: in PyTorch.

        Raises:
            NircoreError: as `signal`, or the result is not finite.
        """
        pixels = np.asarray(pixels, dtype=np.float32)
        signal, facts = self.signal(pixels, exposure_s), dict(FACTS)
        facts["blank"] = bool(pixels.min() == pixels.max())
        result = signal
        if not facts["blank"]:
            with one_pool():
                result, found = self._restore(signal, camera or self.camera([signal], exposure_s), network)
            facts |= found
        if not np.isfinite(result).all():
            raise NircoreError("The result is not finite: the frame's values are out of any camera's range.")
        array, facts["clipped"] = quantised(result + np.float32(self.pedestal_dn), dtype)
        facts["at_ceiling"] = int((pixels >= np.iinfo(dtype).max).sum()) if dtype.kind in "ui" else 0
        return array, facts

    def _restore(
        self, signal: np.ndarray, camera: Camera | None, network: engines.Frame | None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        found = None if camera is None else defects(signal, self.settings.keep_spots)
        bad = np.zeros(signal.shape, dtype=bool) if found is None else found.bad | camera.bad
        prepared = prepare(self.generator, signal, bad)
        span = Normalisation.of(prepared)
        fit = camera.fit if camera else span
        x = fit.apply(prepared)
        result = fit.invert(network(x) if network else tiles.translate(self.generator, x))
        facts = {"offset_dn": span.offset, "scale_dn": span.scale}
        if found is not None:
            result[found.areas] = signal[found.areas]  # what holds one value has nothing to enhance
            single = int((bad & ~found.lines & ~found.areas).sum())
            facts |= {"outliers": single, "bad_lines": found.line_count, "bad_areas": int(found.areas.sum())}
        facts["flux_ratio"] = _flux(prepared, result, 0.0 if self.darks else span.offset)
        return result, facts | (fit.facts() if isinstance(fit, Stabilisation) else {})


def _flux(before: np.ndarray, after: np.ndarray, black: float) -> float:
    light = float(np.mean(before, dtype=np.float64)) - black
    return (float(np.mean(after, dtype=np.float64)) - black) / light if light > 0 else math.nan


@lru_cache(maxsize=2)
def enhancer_for(settings: Settings) -> Enhancer:
    """Return the enhancer of some settings, loaded once in each process."""
    return Enhancer(settings)


def telling(pages: int) -> list[int]:
    """Return the pages of a movie that tell its camera's noise: up to TELLING, evenly spaced."""
    return sorted(set(np.linspace(0, pages - 1, min(pages, TELLING)).round().astype(int).tolist()))

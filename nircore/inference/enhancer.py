"""The generator, the engine and the darks that settings name, and what they make of one frame in detector units."""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from nircore.config import Config
from nircore.data.darks import Darks, darks_in
from nircore.data.defects import Defects, defects
from nircore.data.frames import quantised
from nircore.data.noise import alike, noise_level
from nircore.data.normalise import Normalisation
from nircore.data.outliers import hot
from nircore.data.smooth import gaussian
from nircore.data.stabilise import Stabilisation
from nircore.errors import NircoreError
from nircore.inference import engines, temporal, tiles
from nircore.inference.frame import RANGE, prepare
from nircore.inference.settings import Settings
from nircore.inference.shipped import weights_of
from nircore.inference.threads import ahead, one_pool
from nircore.models.checkpoint import load_generator

#: What a frame's record holds, and what stands there for a blank one.
FACTS: dict[str, Any] = {
    "offset_dn": math.nan, "scale_dn": math.nan, "gain_e_per_dn": math.nan, "read_noise_dn": math.nan,
    "noise_correlation": 0.0, "assumed": "", "outliers": 0, "bad_lines": 0, "bad_areas": 0, "flux_ratio": 1.0,
    "clipped": 0, "at_ceiling": 0, "blank": False, "frames_used": 1.0, "doubt": "",
}  # fmt: skip
WIDE = 8.0  # px: sigma of the course of the light
MANY, NEAR = 20, 0.002  # pixels that share a ceiling at least; of it, where few others are
LOST, UNLIKE = 0.15, 2.5  # shares of light and of noise; times: beyond them a result is in doubt
TELLING = 5  # frames of a movie, evenly spaced, that tell the camera's noise and its bad pixels


class Camera(NamedTuple):
    """What frames tell of the camera that took them.

    Attributes:
        fit: the map to the network's scale.
        bad: pixels (H, W) bool that are outliers in most of the frames, or hot in the dark.
        span: black level and range of the frames.
        level: DN, the noise in the dark places of its frames.
        others: the same of frames whose noise is another: the gain was switched.
    """

    fit: Stabilisation
    bad: np.ndarray
    span: Normalisation
    level: float
    others: tuple["Camera", ...] = ()

    def of(self, signal: np.ndarray) -> "Camera | None":
        """Return what holds for a frame, with its own level of noise; None: it is like none that was asked."""
        for one in (self, *self.others):
            level = noise_level(signal, one.fit.colour)
            if alike(one.level, level):
                return one._replace(level=level)
        return None


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
        groups: dict[float, list[np.ndarray]] = {}  # frames of one gain, by their noise
        for signal in signals if self.generator.input != RANGE else ():
            if signal.min() < signal.max():
                level = noise_level(signal)
                groups.setdefault(next((one for one in groups if alike(one, level)), level), []).append(signal)
        known = [self._camera(shown, exposure_s) for shown in sorted(groups.values(), key=len, reverse=True)]
        return known[0]._replace(others=tuple(known[1:])) if known else None

    def _camera(self, shown: list[np.ndarray], exposure_s: float | None) -> Camera:
        found = [defects(signal, self.settings.keep_spots).bad for signal in shown]
        cleaned = [prepare(self.generator, *pair) for pair in zip(shown, found, strict=True)]
        given = self.settings.gain_e_per_dn, self.settings.read_noise_dn
        fit = Stabilisation.of(cleaned, 0.0 if self.darks else None, *given)
        bad = np.sum(found, axis=0) > max(len(found) / 2, 1)  # one frame alone says nothing of the others
        dark = self._dark_for(exposure_s)
        if dark is not None:  # hot: the photon noise of its dark current is more than the read noise
            bad |= hot(dark, fit.gain_e_per_dn * fit.read_noise_dn**2)
        spans = np.median([(one.offset, one.scale) for one in map(Normalisation.of, cleaned)], axis=0)
        return Camera(fit, bad, Normalisation(*map(float, spans)), noise_level(shown[0], fit.colour))

    def __call__(
        self,
        pixels: np.ndarray,
        dtype: np.dtype,
        exposure_s: float | None = None,
        camera: Camera | None = None,
        network: engines.Frame | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Enhance one frame (H, W) in DN; return it as `dtype`, and what was measured on the way.

        The facts: `offset_dn` and `scale_dn`, black level and range of the frames that told the camera;
        `gain_e_per_dn`, `read_noise_dn`, `noise_correlation` (of neighbours, 0 to 1) and what was `assumed` of the
        noise; `outliers` (pixels), `bad_lines` and pixels of `bad_areas` replaced for the network; `flux_ratio`, the
        light of the output over that of the input (without outliers), both above the dark, or above the black level
        where no dark is known (NaN without light); `clipped` pixels outside the range of dtype; `at_ceiling`, input
        pixels at the top of an integer dtype or of the camera's bits, which many share; `blank` frames (one value
        throughout), which pass through as they are; `frames_used`, how many frames a pixel rests on, on average;
        `doubt`, a sentence where flux or noise cannot be true.

        Args:
            camera: as `camera` returns it; None: what this frame tells.
            network: the generator on an engine, as `network_for` returns it; None: in PyTorch.

        Raises:
            NircoreError: as `signal`, or the result is not finite.
        """
        with one_pool():
            return self._finished(self._prepared(pixels, exposure_s, camera), dtype, network)

    def movie(
        self,
        frame: Callable[[int], np.ndarray],
        count: int,
        dtype: np.dtype,
        camera: Camera | None,
        network: engines.Frame | None = None,
        exposure_s: Callable[[int], float | None] = lambda index: None,
        first: int = 0,
    ) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
        """Yield what `__call__` returns for each frame of a movie from `first` on; `settings.temporal` counts.

        Args:
            frame: gives a frame (H, W) in DN by its number.
            count: how many there are.
            exposure_s: gives a frame's exposure.

        Raises:
            NircoreError: as `__call__`, or the network's input is not measured in noise, which `temporal` needs.
        """
        prepared = lru_cache(maxsize=2)(lambda index: self._prepared(frame(index), exposure_s(index), camera))
        if not self.settings.temporal or camera is None:
            if self.settings.temporal and self.generator.input == RANGE:
                raise NircoreError("temporal needs a network whose input is measured in noise, as those that ship.")
            frames = ahead(self._prepared(frame(index), exposure_s(index), camera) for index in range(first, count))
            yield from (self._finished(one, dtype, network) for one in frames)
            return
        lights = ahead(self._fused(prepared, count, camera))
        for index, light in enumerate(lights):  # those before `first` are taken in without the network
            if index >= first:
                yield self._finished(prepared(index), dtype, network, light)

    def used(
        self,
        frame: Callable[[int], np.ndarray],
        count: int,
        camera: Camera,
        exposure_s: Callable[[int], float | None],
        index: int,
    ) -> np.ndarray:
        """Return on how many frames of a movie each pixel (H, W) of frame `index` rests; else as `movie`."""
        lights = self._fused(lambda k: self._prepared(frame(k), exposure_s(k), camera), count, camera)
        return 1 / next(islice(lights, index, None))[1]

    def _fused(
        self, prepared: Callable[[int], "_Prepared"], count: int, camera: Camera
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield what `temporal.fused` does of each run of frames of one gain: a new one begins where noise jumps."""
        both = self.settings.temporal == "both"
        known = lru_cache(maxsize=2)(lambda index: prepared(index).camera or camera)

        def begins(index: int) -> bool:
            return index == 0 or not alike(known(index - 1).level, known(index).level)

        for index in range(count):
            if begins(index):
                last = next(filter(begins, range(index + 1, count)), count) if both else count
                lights = temporal.fused(
                    lambda k, first=index: prepared(first + k).light, last - index, known(index).fit, both
                )
            yield next(lights)

    def _prepared(self, pixels: np.ndarray, exposure_s: float | None, camera: Camera | None) -> "_Prepared":
        pixels = np.asarray(pixels, dtype=np.float32)
        signal = self.signal(pixels, exposure_s)
        if pixels.min() == pixels.max():
            return _Prepared(pixels, signal, signal, True, None, camera)
        with one_pool():
            camera = (camera and camera.of(signal)) or self.camera([signal], exposure_s)
            if camera is None:
                return _Prepared(pixels, signal, prepare(self.generator, signal), False, None, camera)
            found = defects(signal, self.settings.keep_spots)
            found = found._replace(pixels=(found.pixels | camera.bad) & ~found.lines & ~found.areas)
            return _Prepared(pixels, signal, prepare(self.generator, signal, found.bad), False, found, camera)

    def _finished(
        self,
        frame: "_Prepared",
        dtype: np.dtype,
        network: engines.Frame | None,
        fused: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        facts, result = FACTS | {"blank": frame.blank}, frame.light
        if not frame.blank:
            with one_pool():
                result, found = self._restored(frame, network, fused)
            facts |= found
        if not np.isfinite(result).all():
            raise NircoreError("The result is not finite: the frame's values are out of any camera's range.")
        array, facts["clipped"] = quantised(result + np.float32(self.pedestal_dn), dtype)
        facts["at_ceiling"] = 0 if frame.blank or dtype.kind not in "ui" else _at_ceiling(frame, dtype)
        return array, facts

    def _restored(
        self, frame: "_Prepared", network: engines.Frame | None, fused: tuple[np.ndarray, np.ndarray] | None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        span = frame.camera.span if frame.camera else Normalisation.of(frame.light)
        light, fit = frame.light, frame.camera.fit if frame.camera else span
        facts = {"offset_dn": span.offset, "scale_dn": span.scale}
        facts |= fit.facts() if isinstance(fit, Stabilisation) else {}
        if fused is not None:
            light, fit = fused[0], temporal.stabilised(fit, fused[1])
            facts["frames_used"] = float(np.mean(1 / fused[1]))
        x = fit.apply(light)
        result = fit.invert(network(x) if network else tiles.translate(self.generator, x))
        black = 0.0 if self.darks else span.offset
        if isinstance(fit, Stabilisation) and frame.found is not None:
            result = _as_told(fit, frame, light, result)
            single, wide = int(frame.found.pixels.sum()), int(frame.found.areas.sum())
            facts |= {"outliers": single, "bad_lines": frame.found.line_count, "bad_areas": wide}
            facts["doubt"] = _doubt(frame, result, black) if fused is None else ""
        return result, facts | {"flux_ratio": _flux(frame.light, result, black)}


class _Prepared(NamedTuple):
    """A frame on its way: as it came, above the dark, its `light` (H, W) in DN for the network, what was found."""

    pixels: np.ndarray
    signal: np.ndarray
    light: np.ndarray
    blank: bool
    found: Defects | None
    camera: Camera | None


def _as_told(fit: Stabilisation, frame: _Prepared, light: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Return a result with the light that is in the frame, where a network cannot know it.

    A frame without noise, and what holds one value, come out as they are. Of counts of few photons the network makes
    a clean frame of the right shape, and the wide course of what it left out is put back.
    """
    if fit.noise_free:
        return light.copy()
    if fit.few(frame.signal[~frame.found.areas]):
        result = result + gaussian(light - result, WIDE)
    result[frame.found.areas] = frame.signal[frame.found.areas]
    return result


def _at_ceiling(frame: _Prepared, dtype: np.dtype) -> int:
    """Return how many pixels have the largest value, where it is a ceiling: the type's, or one that many share."""
    good = frame.pixels if frame.found is None else frame.pixels[~frame.found.bad]
    top = float(good.max())
    shared, near = int((good == top).sum()), int((good >= top - max(1.0, NEAR * abs(top))).sum())
    return shared if top >= np.iinfo(dtype).max or shared > max(MANY, 0.8 * near) else 0


def _doubt(frame: _Prepared, result: np.ndarray, black: float) -> str:
    """Return what cannot be true of a result, in words, or nothing."""
    before, after = (float(np.mean(one, dtype=np.float64)) - black for one in (frame.light, result))
    fit, seen = frame.camera.fit, frame.camera.level
    told = float(np.hypot(fit.read_noise_dn, (max(before, 0) / fit.gain_e_per_dn) ** 0.5))
    if abs(after - before) > LOST * abs(before) and abs(after - before) > LOST * max(seen, told):
        return f"its mean above black is {after:.4g} DN, the input's {before:.4g} DN"
    if seen > UNLIKE * told or told > UNLIKE * UNLIKE * seen > 0:
        return f"the noise is told as {told:.3g} DN, and the frame's dark places show {seen:.3g} DN"
    return ""


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

"""The generator, the engine and the darks that settings name, and what they make of one frame in detector units."""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from torch import nn

from nircore.config import Config
from nircore.data.darks import Darks, darks_in
from nircore.data.defects import Defects, defects
from nircore.data.frames import quantised
from nircore.data.noise import alike, noise_level
from nircore.data.normalise import Normalisation
from nircore.data.outliers import hot
from nircore.data.stabilise import Stabilisation
from nircore.errors import NircoreError
from nircore.inference import engines, tiles
from nircore.inference.frame import RANGE, prepare
from nircore.inference.fused import fuse, stabilised
from nircore.inference.prepared import FACTS, Camera, Prepared, as_told, at_ceiling, doubt, flux_ratio
from nircore.inference.settings import Settings
from nircore.inference.shipped import weights_of
from nircore.inference.threads import ahead, one_pool
from nircore.models.checkpoint import load_generator

TELLING = 5  # frames of a movie, evenly spaced, that tell the camera's noise and its bad pixels


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
        self._frames, self._building = 0, Lock()

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
        with self._building:  # PyTorch traces a network in one thread at a time
            if name not in self._built:
                self._built[name] = engines.build(name, copy.deepcopy(self.generator))
        return name, self._built[name]

    def network_for_more(self, frames: int) -> tuple[str, engines.Frame]:
        """Return what `network_for` does for all frames that this was asked for so far, and so many more."""
        self._frames += frames
        return self.network_for(self._frames)

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
        exposure_s = self.settings.exposure_s or exposure_s
        return self.darks.subtracted(pixels, exposure_s, "The frame") if self.darks else pixels

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
        known = []
        with one_pool():  # the same last digits, whoever asks
            for shown in sorted(groups.values(), key=len, reverse=True):
                found = [defects(signal, self.settings.keep_spots) for signal in shown]
                cleaned = [prepare(self.generator, one, bad.bad) for one, bad in zip(shown, found, strict=True)]
                known.append(self._camera(shown, found, cleaned, exposure_s))
        return known[0]._replace(others=tuple(known[1:])) if known else None

    def _camera(
        self, shown: list[np.ndarray], found: list[Defects], cleaned: list[np.ndarray], exposure_s: float | None
    ) -> Camera:
        given, filled = self.settings, [one.lines | one.areas for one in found]
        black = 0.0 if self.darks else None
        fit = Stabilisation.of(cleaned, black, given.gain_e_per_dn, given.read_noise_dn, filled)
        most = max(len(found) / 2, 1)  # one frame alone says nothing of the others
        bad = np.sum([one.bad for one in found], axis=0) > most
        dark = self._dark_for(exposure_s)
        if dark is not None:  # hot: the photon noise of its dark current is more than the read noise
            bad |= hot(dark, fit.gain_e_per_dn * fit.read_noise_dn**2)
        return Camera(fit, bad, noise_level(shown[0], fit.colour))

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
        if self.settings.temporal and self.generator.input == RANGE:
            raise NircoreError("temporal needs a network whose input is measured in noise, as those that ship.")
        prepared = lru_cache(maxsize=2)(lambda index: self._prepared(frame(index), exposure_s(index), camera))
        if not self.settings.temporal or camera is None:
            yield from (self._finished(one, dtype, network) for one in ahead(map(prepared, range(first, count))))
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
        prepared = lru_cache(maxsize=2)(lambda index: self._prepared(frame(index), exposure_s(index), camera))
        return 1 / next(islice(self._fused(prepared, count, camera), index, None))[1]

    def _fused(
        self, prepared: Callable[[int], Prepared], count: int, camera: Camera
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield what `fuse` does of each run of frames of one gain: a new one begins where noise jumps."""
        both = self.settings.temporal == "both"
        known = lru_cache(maxsize=2)(lambda index: prepared(index).camera or camera)

        def begins(index: int) -> bool:
            """Say whether a run of frames of one gain begins here."""
            return index == 0 or not alike(known(index - 1).level, known(index).level)

        for index in range(count):
            if begins(index):
                last = next(filter(begins, range(index + 1, count)), count) if both else count
                lights = fuse(lambda k, first=index: prepared(first + k).light, last - index, known(index).fit, both)
            yield next(lights)

    def _prepared(self, pixels: np.ndarray, exposure_s: float | None, camera: Camera | None) -> Prepared:
        pixels = np.asarray(pixels, dtype=np.float32)
        signal = self.signal(pixels, exposure_s)
        if pixels.min() == pixels.max():
            return Prepared(pixels, signal, signal, True, None, camera)
        with one_pool():
            if self.generator.input == RANGE:
                return Prepared(pixels, signal, prepare(self.generator, signal), False, None, None)
            found, light = defects(signal, self.settings.keep_spots), None
            camera = camera and camera.of(signal)
            if camera is None:  # this frame tells it
                light = prepare(self.generator, signal, found.bad)
                camera = self._camera([signal], [found], [light], exposure_s)
            told = found._replace(pixels=(found.pixels | camera.bad) & ~found.lines & ~found.areas)
            if light is None or (told.bad & ~found.bad).any():
                light = prepare(self.generator, signal, told.bad)
            return Prepared(pixels, signal, light, False, told, camera)

    def _finished(
        self,
        frame: Prepared,
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
        facts["at_ceiling"] = 0 if frame.blank or dtype.kind not in "ui" else at_ceiling(frame, dtype)
        return array, facts

    def _restored(
        self, frame: Prepared, network: engines.Frame | None, fused: tuple[np.ndarray, np.ndarray] | None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        span = frame.camera.fit.span if frame.camera else Normalisation.of(frame.light)
        light, fit = frame.light, frame.camera.fit if frame.camera else span
        facts = {"offset_dn": span.offset, "scale_dn": span.scale}
        facts |= fit.facts() if isinstance(fit, Stabilisation) else {}
        if fused is not None:
            light, fit = fused[0], stabilised(fit, *fused)
            facts["frames_used"] = float(np.mean(1 / fused[1]))
        x = fit.apply(light)
        result = fit.invert(network(x) if network else tiles.translate(self.generator, x))
        black = 0.0 if self.darks else span.offset
        if isinstance(fit, Stabilisation) and frame.found is not None:
            result = as_told(fit, frame, light, result)
            single, wide = int(frame.found.pixels.sum()), int(frame.found.areas.sum())
            facts |= {"outliers": single, "bad_lines": frame.found.line_count, "bad_areas": wide}
            facts["doubt"] = doubt(frame, result, black) if fused is None else ""
        return result, facts | {"flux_ratio": flux_ratio(frame.light, result, black)}


@lru_cache(maxsize=2)
def enhancer_for(settings: Settings) -> Enhancer:
    """Return the enhancer of some settings, loaded once in each process."""
    return Enhancer(settings)


def telling(pages: int) -> list[int]:
    """Return the pages of a movie that tell its camera's noise: up to TELLING, evenly spaced."""
    return sorted(set(np.linspace(0, pages - 1, min(pages, TELLING)).round().astype(int).tolist()))

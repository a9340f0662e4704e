"""The crops that a system learns from, cut from the training frames of a split as its recipe asks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nircore.config import Config
from nircore.data import sets, spectral
from nircore.data.camera import WINDOWS, Sensor, Window
from nircore.data.crops import Crops, MeasuredCrops, UnpairedCrops
from nircore.data.degraded import DegradedCrops, LowLight
from nircore.data.mouse import FIELD_MM
from nircore.data.noise import noise_model
from nircore.data.normalise import Normalisation
from nircore.data.outliers import outliers, replaced
from nircore.data.split import DOMAINS, Rows
from nircore.errors import NircoreError
from nircore.inference import NOISE, seen
from nircore.losses.optics import Spread
from nircore.training import evaluation

SEEN = ("train", "unused")  # frames of training animals; "unused" ones would make pairs, for those who form any
DEPTHS_MM = (0.6, 1.1, 1.6, 2.1)  # where the light may come from [assumed]; a crop sees one of them
DARKER = 0.4  # of the darkest low-light frame seen: another animal may be dimmer


@dataclass(frozen=True)
class View:
    """How a target frame was taken, and the shorter window in which low light would see it ("": the same one).

    `scattering` and `gain` are what a recipe assumes, in times of what is true of tissue and camera.
    """

    short: str = ""
    long: str = ""
    exposure_s: float = 1.0
    scattering: float = 1.0
    gain: float = 1.0

    @classmethod
    def between(cls, short: set[str], target: Any, config: Config) -> "View":
        """Return the view of a row of the target domain; only windows whose optics are known are told apart."""
        if len(short) == 1 and short <= WINDOWS.keys() and target.filter in WINDOWS.keys() - short:
            return cls(*short, target.filter, target.exposure_s, config.assumed_scattering, config.assumed_gain)
        return cls()

    @property
    def windows(self) -> tuple[Window, Window]:
        """Return the target's window and the low-light one, as they are assumed to scatter."""
        long, short = (replace(WINDOWS[name], scattering=self.scattering) for name in (self.long, self.short))
        return long, short

    def optics(self, height: int) -> tuple[Spread, ...]:
        """Return how the low-light window would spread a frame of `height` px more, for each of DEPTHS_MM."""
        if not self.short:
            return (Spread(),)
        return tuple(spectral.spread(*self.windows, depth, FIELD_MM / height) for depth in DEPTHS_MM)


def of(rows: Rows, config: Config) -> Crops:
    """Return the training crops of a split for a recipe (`config.crops`)."""
    return MAKERS[config.crops](rows, config)


def of_frames(config: Config, low_light: list[np.ndarray], target: list[np.ndarray], view: View) -> Crops:
    """Return the crops that a recipe without pairs cuts from frames (H, W) in DN, handed over rather than listed.

    Raises:
        NircoreError: the recipe learns from pairs.
    """
    if config.crops == "unpaired":
        domains = [[seen(config, frame)[0] for frame in frames] for frames in (low_light, target)]
        turn, optics = config.augment == "turns", view.optics(target[0].shape[0])
        return UnpairedCrops(*domains, config.crop, config.batch, config.seed, turn, optics)
    if config.crops == "degraded":
        return _degraded(config, [scene_of(frame, view) for frame in target], low_light)
    raise NircoreError(f"recipe={config.recipe} learns from pairs: choose one that does not, such as recipe=ssgan.")


def unpaired(rows: Rows, config: Config) -> Crops:
    """Cut the two domains independently, from different animals or scenes."""
    low_light, target = (rows("train", name) for name in DOMAINS)
    view = View.between({row.filter for row in low_light}, target[0], config)
    return of_frames(config, _frames(config, low_light), _frames(config, target), view)


def degraded(rows: Rows, config: Config) -> DegradedCrops:
    """Degrade the target frames of all training animals; low-light frames lend noise and brightness alone.

    No low-light pixel is ever seen, so that a target whose low-light sibling trains elsewhere is no pair.
    """
    low_light = rows("train", "low_light")
    targets = [row for split in SEEN for row in rows(split, "target")]
    short = {row.filter for row in low_light}
    scenes = [scene_of(sets.load(config, row), View.between(short, row, config)) for row in targets]
    return _degraded(config, scenes, _frames(config, low_light))


def _degraded(config: Config, scenes: list[np.ndarray], low_light: list[np.ndarray]) -> DegradedCrops:
    if config.input != NOISE:
        raise NircoreError("Weights trained with input=range cannot go on: start from shipped ones, or from scratch.")
    camera = low_light_of(low_light)
    camera = replace(camera, gain_e_per_dn=camera.gain_e_per_dn * config.assumed_gain)
    return DegradedCrops(scenes, camera, config.crop, config.batch, config.seed)


def _frames(config: Config, rows: list[Any]) -> list[np.ndarray]:
    return [sets.load(config, row) for row in rows]


def low_light_of(frames: list[np.ndarray]) -> LowLight:
    """Estimate noise (medians over frames (H, W) in DN, by `noise_model`) and range of brightness."""
    frames = [replaced(frame, outliers(frame)) for frame in frames]
    gain, read = np.median([noise_model(frame) for frame in frames], axis=0)
    scales = [Normalisation.of(frame).scale for frame in frames]
    return LowLight(float(gain), float(read), DARKER * min(scales), max(scales))


def scene_of(target: np.ndarray, view: View = View()) -> np.ndarray:
    """Return the low-light appearances of a target frame, free of noise, and the frame: (variants + 1, H, W)."""
    shown = [target]
    if view.short:
        rate = target * (view.gain * Sensor().gain_e_per_dn / view.exposure_s)
        pixel_mm = FIELD_MM / target.shape[0]
        shown = [spectral.shorten(rate, *view.windows, depth, pixel_mm) for depth in DEPTHS_MM]
    return np.stack([Normalisation.of(frame).brightness(frame) for frame in (*shown, target)])


def measured(rows: Rows, config: Config) -> MeasuredCrops:
    """Cut low-light frames of all training animals together with their references.

    Raises:
        NircoreError: no training frame has a reference.
    """
    low_light = [row for split in SEEN for row in rows(split, "low_light")]
    found = evaluation.references(config, low_light)
    pairs = [_pair(config, sets.load(config, row), truth) for row, (truth, _) in found]
    if not pairs:
        raise NircoreError(f"recipe={config.recipe} learns from pairs, and dataset={config.dataset} has none.")
    return MeasuredCrops(pairs, config.crop, config.batch, config.seed, config.augment == "turns")


def _pair(config: Config, frame: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a frame and its truth (H, W) on the network's scale, the truth's black and white at the frame's."""
    x, fit = seen(config, frame)
    scaled = Normalisation.of(truth).apply(truth)
    return x, fit.clean(Normalisation.of(frame).invert(scaled)) if config.input == NOISE else scaled


MAKERS: dict[str, Callable[[Rows, Config], Crops]] = {one.__name__: one for one in (unpaired, degraded, measured)}

"""The crops a system learns from, cut from a run's training frames as its recipe asks."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nircore import evaluation, vst
from nircore.config import Config
from nircore.data import sets, spectral
from nircore.data.camera import WINDOWS, Sensor
from nircore.data.degraded import DegradedCrops, LowLight
from nircore.data.measured import MeasuredCrops
from nircore.data.mouse import FIELD_MM
from nircore.data.normalise import Normalisation
from nircore.data.unpaired import UnpairedCrops
from nircore.errors import NircoreError
from nircore.run import Run
from nircore.training import Crops

SEEN = ("train", "unused")  # frames of training animals; "unused" ones would make pairs, for those who form any
DEPTHS_MM = (0.6, 1.1, 1.6, 2.1)  # where the light may come from [assumed]; a crop sees one of them
DARKER = 0.4  # of the darkest low-light frame seen: another animal may be dimmer


def of(run: Run, config: Config) -> Crops:
    """Return the training crops of a run for a recipe (`config.crops`)."""
    return MAKERS[config.crops](run, config)


def unpaired(run: Run, config: Config) -> UnpairedCrops:
    """Cut the two domains independently, from different animals or scenes."""
    low_light, target = (
        evaluation.normalised(config, evaluation.rows(run, "train", domain)) for domain in ("low_light", "target")
    )
    return UnpairedCrops(low_light, target, config.crop, config.batch, config.seed)


def degraded(run: Run, config: Config) -> DegradedCrops:
    """Degrade the target frames of all training animals; low-light frames lend noise and brightness alone.

    No low-light pixel is ever seen, so that a target whose low-light sibling trains elsewhere is no pair.
    """
    low_light = evaluation.rows(run, "train", "low_light")
    targets = [row for split in SEEN for row in evaluation.rows(run, split, "target")]
    scenes = [_scene(config, row, _windows(low_light, row)) for row in targets]
    camera = low_light_of([sets.load(config, row) for row in low_light])
    return DegradedCrops(scenes, camera, config.crop, config.batch, config.seed)


def low_light_of(frames: list[np.ndarray]) -> LowLight:
    """Estimate noise (medians over frames (H, W) in DN, by `vst.noise_model`) and range of brightness."""
    gain, read = np.median([vst.noise_model(frame) for frame in frames], axis=0)
    scales = [Normalisation.of(frame).scale for frame in frames]
    return LowLight(float(gain), float(read), DARKER * min(scales), max(scales))


def _windows(low_light: list[Any], target: Any) -> tuple[str, str] | None:
    """Return the spectral windows (short, long) between which the target must be shifted, if there are any."""
    short = {row.filter for row in low_light}
    if len(short) == 1 and short <= WINDOWS.keys() and target.filter in WINDOWS.keys() - short:
        return short.pop(), target.filter
    return None


def _scene(config: Config, row: Any, windows: tuple[str, str] | None) -> np.ndarray:
    """Return the low-light appearances of a target frame, free of noise, and the frame: (variants + 1, H, W)."""
    target = sets.load(config, row)
    shown = [target]
    if windows:
        short, long = (WINDOWS[name] for name in windows)
        rate = target * (Sensor().gain_e_per_dn / row.exposure_s)
        pixel_mm = FIELD_MM / target.shape[0]
        shown = [spectral.shorten(rate, long, short, depth, pixel_mm) for depth in DEPTHS_MM]
    return np.stack([(Normalisation.of(frame).apply(frame) + 1) / 2 for frame in (*shown, target)])


def measured(run: Run, config: Config) -> MeasuredCrops:
    """Cut low-light frames of all training animals together with their references.

    Raises:
        NircoreError: no training frame has a reference.
    """
    rows = [row for split in SEEN for row in evaluation.rows(run, split, "low_light")]
    pairs = []
    for row, (truth, _) in evaluation.references(config, rows):
        frame = sets.load(config, row)
        pairs.append((Normalisation.of(frame).apply(frame), Normalisation.of(truth).apply(truth)))
    if not pairs:
        raise NircoreError(
            f"recipe={config.recipe} learns from pairs, and dataset={config.dataset} has none to train on."
        )
    return MeasuredCrops(pairs, config.crop, config.batch, config.seed)


MAKERS: dict[str, Callable[[Run, Config], Crops]] = {
    "unpaired": unpaired,
    "degraded": degraded,
    "measured": measured,
}

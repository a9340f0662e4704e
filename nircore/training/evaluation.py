"""Frames of a split, loaded and judged: what validation, the step-wise figures and the metrics have in common."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch import nn

from nircore.config import Config
from nircore.data import sets
from nircore.data.normalise import Normalisation
from nircore.data.split import DOMAINS, Rows
from nircore.inference import enhance, seen
from nircore.metrics import with_truth
from nircore.metrics.distribution import sliced_wasserstein


def normalised(config: Config, chosen: list[Any]) -> list[np.ndarray]:
    """Load rows as the networks see them: (H, W) float32, about [-1, 1]."""
    return [seen(config, sets.load(config, row))[0] for row in chosen]


def references(config: Config, chosen: list[Any]) -> Iterator[tuple[Any, sets.Reference]]:
    """Yield the rows that have a reference, with it."""
    for row in chosen:
        found = sets.reference(config, row)
        if found is not None:
            yield row, found


def spread(items: list, count: int) -> list:
    """Pick up to `count` items, evenly spaced."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[k] for k in places]


def mean_scores(images: Sequence[np.ndarray], truths: Sequence[sets.Reference | None]) -> dict[str, float]:
    """Average PSNR (dB) and SSIM over the frames that have a reference; NaN where none has."""
    scores = [with_truth.score(x, *t) for x, t in zip(images, truths, strict=True) if t is not None]
    return {key: float(np.mean([s[key] for s in scores])) if scores else np.nan for key in ("psnr", "ssim")}


class Validator:
    """Judge a generator on validation frames, with and without their references.

    `psnr` (dB) and `ssim` follow the scoring protocol of `metrics.with_truth.score`, averaged over the frames
    that have a reference (NaN where none has). `distance` needs no pairs: the sliced Wasserstein distance
    between mean-free patches of the enhanced frames and of the validation targets. `selection` is minus the
    distance: the training is unpaired, and so is the choice of its best epoch. (With the patches' means left in,
    brightness drowned the texture, and an early epoch with a checkerboard was kept.)
    """

    def __init__(self, config: Config, rows: Rows) -> None:
        low_light, target = (spread(rows("validation", domain), config.validation_frames) for domain in DOMAINS)
        self.frames = [sets.load(config, row) for row in low_light]
        self.truths = [sets.reference(config, row) for row in low_light]
        self.targets = normalised(config, target)

    def __call__(self, generator: nn.Module) -> dict[str, float]:
        """Return psnr, ssim, distance and selection."""
        images = [Normalisation.of(frame).apply(enhance(generator, frame)[0]) for frame in self.frames]
        distance = sliced_wasserstein(images, self.targets, centred=True)
        return mean_scores(images, self.truths) | {"distance": distance, "selection": -distance}

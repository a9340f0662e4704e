"""The frames that a run's generator is asked about: their truth, and where their lesion is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from companion.run import Run
from companion.study.fidelity.animals import Animal
from nircore.data import sets
from nircore.training import evaluation

FIRST_SEED = 30_000  # of the animals asked about here; no dataset, calibration or other test has them
FRAMES = 4  # three questions each: some do not count, and fewer than seven decide nothing (`faithfulness.beats`)


@dataclass(frozen=True, eq=False)
class KnownFrame:
    """A frame with its truth, what is known of its scene without noise, and where its lesion is, (H, W) each."""

    name: str
    frame: np.ndarray
    truth: np.ndarray
    valid: np.ndarray
    clean: list[np.ndarray]
    lesion: np.ndarray | None = None


def known_frames(run: Run) -> list[KnownFrame]:
    """Return phantom animals with a lesion that are in no dataset, or test frames that have a reference."""
    config = run.config
    if config.dataset == "phantom":
        shape, exposure_s = (config.height, config.width), config.low_light_ms / 1000
        return [_animal(Animal(FIRST_SEED + k, shape, exposure_s)) for k in range(FRAMES)]
    rows = run.rows("test", "low_light")
    judged = evaluation.references(config, evaluation.spread([row for row in rows if row.reference], FRAMES))
    found = [KnownFrame(Path(row.file).stem, sets.load(config, row), *truth, [truth[0]]) for row, truth in judged]
    return found or [_unjudged(row, sets.load(config, row)) for row in evaluation.spread(rows, FRAMES)]


def _animal(animal: Animal) -> KnownFrame:
    clean = [animal.clean(domain) for domain in ("low_light", "target")]
    everywhere = np.ones(animal.shape, dtype=bool)
    return KnownFrame(f"animal {animal.seed}", animal.noisy(), clean[1], everywhere, clean, animal.anatomy.lesion)


def _unjudged(row: Any, frame: np.ndarray) -> KnownFrame:
    """Return a test frame without a reference: it can be explained, and nothing can be judged on it."""
    return KnownFrame(Path(row.file).stem, frame, frame, np.zeros(frame.shape, dtype=bool), [])

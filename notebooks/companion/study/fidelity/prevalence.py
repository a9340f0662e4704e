"""Does the target domain's prevalence of disease leak into the output (Cohen, Luck & Honari, MICCAI 2018, 529)?

An unpaired method learns to make its outputs look like the target domain, and so may add what that domain often shows
or remove what it never does. Here animals without a lesion train the low-light domain, and 0, 50 or 100 % of those of
the target domain bear one; lesions that then appear and disappear in new animals are counted.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from companion.study.fidelity import Denoise, structures
from companion.study.fidelity.animals import Animal, see
from nircore.errors import NircoreError

SHARES = (0.0, 0.5, 1.0)
#: From low-light and target frames (H, W), DN above the dark, of different animals, to a denoiser.
Train = Callable[[list[np.ndarray], list[np.ndarray]], Denoise]


def prevalence(
    train: Train,
    shape: tuple[int, int],
    shares: Sequence[float] = SHARES,
    train_animals: int = 12,
    test_animals: int = 4,
    first_seed: int = 0,
    exposures_s: tuple[float, float] = (0.02, 0.32),
) -> pd.DataFrame:
    """Train once per share of target scenes with a lesion, and count on test animals with and without one.

    The animals, their noise and the low-light frames are the same for every share; no animal is in two of the three
    groups (low-light, target, test).

    Args:
        train: makes a denoiser; called once per share.
        shape: of the frames (H, W).
        shares: of the target animals that bear a lesion, in [0, 1].
        train_animals: per domain.
        test_animals: each seen with and without its lesion.
        first_seed: of the animals.
        exposures_s: of low-light and target frames.

    Returns:
        The table of `structures.count`, with the columns share and train_animals in front.

    Raises:
        NircoreError: a share outside [0, 1].
    """
    if not all(0 <= share <= 1 for share in shares):
        raise NircoreError(f"shares={tuple(shares)} must lie between 0 and 1: they are shares of the target animals.")
    seeds = first_seed + np.arange(2 * train_animals + test_animals)
    animals = [Animal(int(seed), shape, exposures_s[0]) for seed in seeds]
    low, target, test = animals[:train_animals], animals[train_animals:-test_animals], animals[-test_animals:]
    low_light = [animal.noisy(lesion=0) for animal in low]
    tables = []
    for share in shares:
        bearers = round(share * train_animals)
        scenes = [_target(animal, exposures_s[1], k < bearers) for k, animal in enumerate(target)]
        table = structures.count({"enhanced": train(low_light, scenes)}, test)
        tables.append(table.assign(share=share, train_animals=train_animals))
    table = pd.concat(tables, ignore_index=True)
    return table[["share", "train_animals", *table.columns.drop(["share", "train_animals"])]]


def _target(animal: Animal, exposure_s: float, lesion: bool) -> np.ndarray:
    """Return a frame of the target domain, DN above the dark."""
    rate = animal.rate("target", lesion=float(lesion))
    return see(rate, exposure_s, np.random.default_rng([animal.seed, 1]))

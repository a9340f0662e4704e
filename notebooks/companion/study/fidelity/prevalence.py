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

SHARES = (0.0, 0.5, 1.0)  # of the target animals bear a lesion
#: From low-light and target frames (H, W), DN above the dark, of different animals, to a denoiser.
Train = Callable[[list[np.ndarray], list[np.ndarray]], Denoise]


def prevalence(train: Train, animals: Sequence[Animal], tested: int, target_s: float) -> pd.DataFrame:
    """Train once per share of target scenes with a lesion, and count on test animals with and without one.

    The animals, their noise and the low-light frames are the same for every share; no animal is in two of the three
    groups (low-light, target, test).

    Args:
        train: makes a denoiser; called once per share.
        animals: the last `tested` are seen with and without their lesion; half of the others train each domain.
        tested: animals.
        target_s: exposure of the target frames.

    Returns:
        The table of `structures.count`, with the columns share and train_animals in front.
    """
    trained = (len(animals) - tested) // 2
    low, target, test = animals[:trained], animals[trained:-tested], animals[-tested:]
    low_light, tables = [animal.noisy(lesion=0) for animal in low], []
    for share in SHARES:
        rates = [animal.rate("target", lesion=float(k < round(share * trained))) for k, animal in enumerate(target)]
        seeds = [np.random.default_rng([animal.seed, 1]) for animal in target]
        scenes = [see(rate, target_s, seed) for rate, seed in zip(rates, seeds, strict=True)]
        table = structures.count({"enhanced": train(low_light, scenes)}, test)
        tables.append(table.assign(share=share, train_animals=trained))
    table = pd.concat(tables, ignore_index=True)
    return table[["share", "train_animals", *table.columns.drop(["share", "train_animals"])]]

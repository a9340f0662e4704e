"""Is the blur of scattered light taken back: how wide the same vessels look, before and after."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from companion.study.fidelity import CLEAN, TRUTH, Denoise, outputs
from companion.study.fidelity.animals import Animal
from nircore.metrics.vessel_width import crossings, width

LEAST_BLUR = 0.02  # of the width: where the windows differ by less, there is no blur to take back


def widths(denoisers: Mapping[str, Denoise], animals: Sequence[Animal]) -> pd.DataFrame:
    """Measure the width of each animal's vessels at places that the truth (noise-free target window) chooses.

    Returns:
        animal, place, denoiser (with the noise-free low-light frame and the truth); width_px, NaN where the profile
        has no peak with half its height on both sides; true_px, the truth's.
    """
    rows = []
    for animal in animals:
        truth = animal.clean("target")
        found = crossings(truth, animal.anatomy.vessels)
        controls = {CLEAN: animal.clean("low_light"), TRUTH: truth}
        for name, image in outputs(denoisers, animal.noisy(), controls).items():
            rows += [
                {"animal": animal.seed, "place": k, "denoiser": name, "width_px": width(image, one),
                 "true_px": one.true_px}
                for k, one in enumerate(found)
            ]  # fmt: skip
    return pd.DataFrame(rows, columns=["animal", "place", "denoiser", "width_px", "true_px"])


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per denoiser.

    Returns:
        denoiser; places; measured, the share of them where its width can be measured at all; relative, the median of
        width / truth's over those; blur_kept, (relative - 1) over that of the noise-free low-light frame *at the same
        places*: 1 is as blurred as the light came in, 0 as sharp as the target window, below 0 sharper than that.
    """
    ratios = table.assign(ratio=table["width_px"] / table["true_px"])
    wide = ratios.pivot(index=["animal", "place"], columns="denoiser", values="ratio")
    rows = []
    for name in table["denoiser"].unique():
        both = wide[[name]].assign(blurred=wide[CLEAN]).dropna()
        blur = both["blurred"].median() - 1
        kept = (both[name].median() - 1) / blur if blur > LEAST_BLUR else np.nan
        rows.append((name, len(wide), wide[name].notna().mean(), wide[name].median(), kept))
    return pd.DataFrame(rows, columns=["denoiser", "places", "measured", "relative", "blur_kept"])

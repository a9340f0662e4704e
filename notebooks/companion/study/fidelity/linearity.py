"""Is brightness still concentration: the same animal with more and less probe, before and after."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from companion.study.fidelity import CLEAN, TRUTH, Denoise, outputs
from companion.study.fidelity.animals import Animal
from nircore.metrics import quantitation
from nircore.metrics.quantitation import background_ring

CONCENTRATIONS = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the phantom's
#: What is turned up: the argument of `Animal.rate`, and the regions that answer.
SWEEPS = {"lesion": ("lesion",), "probe": ("lesion", "vessels")}
KEYS = ["sweep", "region", "denoiser"]


def sweep(denoisers: Mapping[str, Denoise], animals: Sequence[Animal]) -> pd.DataFrame:
    """Measure lesion and vessels at all CONCENTRATIONS, each frame with noise of its own.

    Two sweeps: "lesion" turns up the probe in the lesion alone, "probe" all probe; the animal's own glow never
    changes. Beside the denoisers stand the noise-free low-light frame and the truth (noise-free target window).

    Returns:
        animal, sweep, concentration, region, denoiser; signal_dn: mean of the region above that of its background
        ring (`background_ring`, in the body), DN; sbr: region / ring; tnr: region / skin and muscle.
    """
    rows = []
    for animal in animals:
        body = animal.anatomy
        vessels = body.vessels & ~body.lesion
        regions = {"lesion": (body.lesion, animal.ring),
                   "vessels": (vessels, background_ring(vessels | body.lesion, body.body))}  # fmt: skip
        for draw, (name, c) in enumerate((name, float(c)) for name in SWEEPS for c in CONCENTRATIONS):
            light = {name: c}
            controls = {CLEAN: animal.clean("low_light", **light), TRUTH: animal.clean("target", **light)}
            images = outputs(denoisers, animal.noisy(draw, **light), controls)
            rows += [
                {"animal": animal.seed, "sweep": name, "concentration": c, "region": region, "denoiser": method}
                | _measure(image, *regions[region], animal.normal)
                for region in SWEEPS[name] for method, image in images.items()
            ]  # fmt: skip
    return pd.DataFrame(rows)


def _measure(image: np.ndarray, region: np.ndarray, ring: np.ndarray, normal: np.ndarray) -> dict[str, float]:
    image = image.astype(np.float64)
    return {
        "signal_dn": float(image[region].mean() - image[ring].mean()),
        "sbr": quantitation.sbr(image, region, ring),
        "tnr": quantitation.sbr(image, region, normal & ~region),
    }


def lines(table: pd.DataFrame) -> pd.DataFrame:
    """Fit signal against concentration, animal by animal, and average.

    Returns:
        One row per sweep, region and denoiser: animals; slope_dn per unit of concentration; r2, the mean over
        animals, and r2_worst; gain, the slope over that of the clean low-light frame. sbr_follows and tnr_follows:
        the slope of the ratio against the clean low-light frame's over the sweep: 1 where the ratio rises as it
        should, 0 where it no longer tells concentrations apart.
    """
    keys = ["sweep", "region", "animal", "concentration"]
    clean = table.loc[table["denoiser"] == CLEAN, [*keys, "signal_dn", "sbr", "tnr"]]
    both = table.merge(clean, on=keys, suffixes=("", "_clean"))
    fits = both.groupby([*KEYS, "animal"], sort=False).apply(_line, include_groups=False).reset_index()
    return fits.groupby(KEYS, sort=False).agg(
        animals=("animal", "size"), slope_dn=("slope_dn", "mean"), r2=("r2", "mean"), r2_worst=("r2", "min"),
        gain=("gain", "mean"), sbr_follows=("sbr_follows", "mean"), tnr_follows=("tnr_follows", "mean"),
    ).reset_index()  # fmt: skip


def _line(rows: pd.DataFrame) -> pd.Series:
    """Fit one animal's sweep; NaN where a ratio could not be formed."""
    line, should = (
        quantitation.linearity(rows["concentration"], rows[key]) for key in ("signal_dn", "signal_dn_clean")
    )
    found = {"slope_dn": line.slope, "r2": line.r2, "gain": line.slope / should.slope}
    for key in ("sbr", "tnr"):
        formed = np.isfinite(rows[key]).all()
        found[f"{key}_follows"] = quantitation.linearity(rows[f"{key}_clean"], rows[key]).slope if formed else np.nan
    return pd.Series(found)

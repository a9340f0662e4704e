"""Is brightness still concentration: the same animal with more and less probe, before and after."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from companion.study.fidelity import Denoise
from companion.study.fidelity.animals import Animal
from nircore.metrics import quantitation
from nircore.metrics.quantitation import background_ring

CONCENTRATIONS = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the phantom's
#: What is turned up: the argument of `Animal.rate`, and the regions that answer.
SWEEPS = {"lesion": ("lesion",), "probe": ("lesion", "vessels")}
CLEAN, TRUTH = "clean low-light", "truth"
KEYS, WHERE = ["sweep", "region", "denoiser"], ["sweep", "region", "animal"]


def sweep(
    denoisers: Mapping[str, Denoise], animals: Sequence[Animal], concentrations: Sequence[float] = CONCENTRATIONS
) -> pd.DataFrame:
    """Measure lesion and vessels at every concentration, each frame with noise of its own.

    Two sweeps: "lesion" turns up the probe in the lesion alone, "probe" all probe; the animal's own glow never
    changes. Beside the denoisers stand the noise-free low-light frame and the truth (noise-free target window).

    Returns:
        animal, sweep, concentration, region, denoiser; signal_dn: mean of the region above that of its background
        ring (`background_ring`, in the body), DN; sbr: region / ring; tnr: region / skin and muscle.
    """
    rows = []
    for animal in animals:
        regions = _regions(animal)
        for draw, (name, c, light) in enumerate(_lights(concentrations)):
            frame = animal.noisy(draw, **light)
            images = {CLEAN: animal.clean("low_light", **light), TRUTH: animal.clean("target", **light)}
            images |= {method: denoise(frame) for method, denoise in denoisers.items()}
            for region in SWEEPS[name]:
                about = {"animal": animal.seed, "sweep": name, "concentration": c, "region": region}
                rows += [
                    about | {"denoiser": method} | _measure(image, *regions[region], animal.normal)
                    for method, image in images.items()
                ]
    return pd.DataFrame(rows)


def _lights(concentrations: Sequence[float]) -> Iterator[tuple[str, float, dict[str, float]]]:
    for name in SWEEPS:
        for c in concentrations:
            yield name, float(c), {name: float(c)}


def _regions(animal: Animal) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return lesion and superficial vessels, each with its background."""
    body = animal.anatomy
    vessels = body.vessels & ~body.lesion
    return {
        "lesion": (body.lesion, animal.ring),
        "vessels": (vessels, background_ring(vessels | body.lesion, body.body)),
    }


def _measure(image: np.ndarray, region: np.ndarray, ring: np.ndarray, normal: np.ndarray) -> dict[str, float]:
    image = image.astype(np.float64)
    return {
        "signal_dn": float(image[region].mean() - image[ring].mean()),
        "sbr": quantitation.sbr(image, region, ring),
        "tnr": quantitation.tumour_to_normal(image, region, normal & ~region),
    }


def lines(table: pd.DataFrame) -> pd.DataFrame:
    """Fit signal against concentration, animal by animal, and average.

    Returns:
        One row per sweep, region and denoiser: animals; slope_dn per unit of concentration; r2, the mean over
        animals, and r2_worst; gain, the slope over that of the clean low-light frame. sbr_follows and tnr_follows:
        the slope of the ratio against the clean low-light frame's over the sweep: 1 where the ratio rises as it
        should, 0 where it no longer tells concentrations apart.
    """
    clean = table[table["denoiser"] == CLEAN].set_index([*WHERE, "concentration"]).sort_index()
    fits = []
    for key, rows in table.groupby([*WHERE, "denoiser"], sort=False):
        fits.append(dict(zip([*WHERE, "denoiser"], key, strict=True)) | _line(rows, clean.loc[key[:-1]]))
    return pd.DataFrame(fits).groupby(KEYS, sort=False).agg(
        animals=("animal", "size"), slope_dn=("slope_dn", "mean"), r2=("r2", "mean"), r2_worst=("r2", "min"),
        gain=("gain", "mean"), sbr_follows=("sbr_follows", "mean"), tnr_follows=("tnr_follows", "mean"),
    ).reset_index()  # fmt: skip


def _line(rows: pd.DataFrame, clean: pd.DataFrame) -> dict[str, float]:
    """Fit one animal's sweep; `clean` holds the clean frame's rows, by concentration."""
    clean = clean.loc[rows["concentration"]]
    line = quantitation.linearity(rows["concentration"], rows["signal_dn"])
    should = quantitation.linearity(rows["concentration"], clean["signal_dn"])
    follows = {f"{key}_follows": _slope(clean[key], rows[key]) for key in ("sbr", "tnr")}
    return {"slope_dn": line.slope, "r2": line.r2, "gain": line.slope / should.slope} | follows


def _slope(x: pd.Series, y: pd.Series) -> float:
    """Return the slope of y on x; NaN where a ratio could not be formed."""
    return quantitation.linearity(x, y).slope if np.isfinite(y).all() else np.nan

"""What decides each claim of the paper: one function of tables for each, in `VERDICTS` under the claim's id.

What a function measures, and what would support and refute the claim, is said in words in `claims.yaml`. Thresholds
are ours, for the paper gives none. Where a claim is about several rows, the least favourable one decides. A number
that is NaN, such as the interval of one animal, supports nothing, and hides no other that fails.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

Tables = Mapping[str, pd.DataFrame]
MISMATCHED = "LP1250"  # its exposures do not match: no method can be scored through it


@dataclass(frozen=True)
class Verdict:
    """Whether a claim holds (None: it cannot be said), the number that decides, and what else to know."""

    holds: bool | None
    number: float = math.nan
    remark: str = ""


def where(table: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """Return the rows whose columns have a value, or one of a list of values."""
    for column, value in values.items():
        table = table[table[column].isin(value if isinstance(value, list) else [value])]
    return table


def complete(verdict: Verdict, rows: pd.DataFrame, **values: list[str]) -> Verdict:
    """Leave a claim open that would be supported without a row for each of the listed values."""
    for column, listed in values.items() if verdict.holds else ():
        for value in set(listed) - set(rows[column]):
            return replace(verdict, holds=None, remark=f"no row with {column} {value}")
    return verdict


def above(rows: pd.DataFrame, effect: str, low: str, high: str, value: float = 0) -> Verdict:
    """Decide whether an effect's 95 % interval lies above a value in every row."""
    if rows.empty:
        return Verdict(None, remark="no such row")
    rows = rows[[effect, low, high]].apply(pd.to_numeric, errors="coerce")
    known = rows.dropna().sort_values(low)
    if len(known) == len(rows) or (known[low] <= value).any():
        number, lower, upper = known.iloc[0]
        return Verdict(bool(lower > value), float(number), f"95 % interval {lower:.3g} to {upper:.3g}")
    return Verdict(None, float(rows.iloc[0, 0]), "no interval: too few to resample")


def gain(rows: pd.DataFrame, key: str) -> Verdict:
    """Decide whether the gain in a score is above 0, through every filter whose exposures match."""
    rows = rows[rows["filters"] != MISMATCHED] if "filters" in rows else rows
    return above(rows, f"{key}_gain", f"{key}_gain_low", f"{key}_gain_high")


def within(values: Sequence[float], least: float, most: float) -> Verdict:
    """Decide whether every number lies from `least` to `most`."""
    values = pd.to_numeric(pd.Series(np.ravel(values)), errors="coerce")
    known = values.dropna()
    if known.empty:
        return Verdict(None, remark="no number")
    worst = float(known.iloc[int((known - (least + most) / 2).abs().to_numpy().argmax())])
    inside = least <= worst <= most
    if inside and len(known) < len(values):
        return Verdict(None, remark="no number")
    return Verdict(inside, worst, f"the furthest of {len(values)}")


def trend(table: pd.DataFrame, column: str, over: str, strength: float, given: str = "") -> Verdict:
    """Decide whether Spearman's rho of two columns is as strong as `strength`, or stronger on the same side of 0.

    With a third column, `given`, the partial rank correlation decides (M. G. Kendall, Biometrika 32 (1942) 277): two
    series that both change with training time correlate however little they have to do with each other.
    """
    numbers = table[[over, column, *([given] if given else [])]].apply(pd.to_numeric, errors="coerce")
    fewest = numbers.shape[1] + 2  # a rank correlation of fewer rows says nothing
    varies = len(numbers) >= fewest and not numbers.isna().any(axis=None) and (numbers.nunique() > 1).all()
    rho = (_partial(numbers) if given else float(spearmanr(numbers).statistic)) if varies else math.nan
    if math.isnan(rho):
        return Verdict(None, remark=f"needs {fewest} rows of numbers that vary")
    rho = round(rho, 12)  # a full correlation falls short of 1 by 1e-16
    return Verdict(rho * math.copysign(1, strength) >= abs(strength), rho, f"over {len(numbers)} rows")


def _partial(numbers: pd.DataFrame) -> float:
    """Return Spearman's rho of the first two columns given the third; NaN where the third explains one fully."""
    (_, both, first), (_, _, second), _ = spearmanr(numbers).statistic
    left = (1 - first**2) * (1 - second**2)
    return float((both - first * second) / math.sqrt(left)) if left > 1e-9 else math.nan


def present(rows: pd.DataFrame, columns: list[str], at_least: int = 1) -> Verdict:
    """Decide whether there are so many rows, with no gap in these columns."""
    gaps = int((rows[columns].isna() | (rows[columns] == "")).any(axis=1).sum())
    return Verdict(len(rows) >= at_least and not gaps, len(rows), f"{gaps} with gaps" if gaps else "")


def split_70_30(tables: Tables) -> Verdict:
    """Count the animals that train."""
    animals, trained = tables["split"]["group"], where(tables["split"], split="train")["group"]
    if not animals.nunique():
        return Verdict(None, remark="no value")
    share = trained.nunique() / animals.nunique()
    return Verdict(0.6 <= share <= 0.8, share, f"{trained.nunique()} of {animals.nunique()}")


def residual_trunk(tables: Tables) -> Verdict:
    """Count the residual blocks of two 3 x 3 convolutions."""
    layers = tables["generator_layers"]
    blocks = layers["layer"].str.startswith("residual block ") & layers["kernel"].str.startswith("3 x 3")
    return present(layers[blocks], ["output_shape"], at_least=6)


def vanish(table: pd.DataFrame, prefix: str = "") -> Verdict:
    """Decide whether both discriminators end near zero loss."""
    return within(table[[f"{prefix}discriminator_a", f"{prefix}discriminator_b"]].tail(1), 0, 0.1)


def rises(tables: Tables, metric: str) -> Verdict:
    """Decide whether a metric of the paper is higher after than before."""
    return above(where(tables["table2_metrics"], metric=metric), "difference", "low", "high")


def follows(tables: Tables, **values: list[str]) -> Verdict:
    """Decide whether metrics rank images as a truth does, everywhere it was measured."""
    rows = where(tables["table6_metric_quality"], **values)
    return complete(above(rows, "rho", "low", "high", 0.5), rows, **values)


def beats_classical_noise(tables: Tables) -> Verdict:
    """Take the gain over the best classical method, and let no other method without pairs come as far.

    A rival without a score (its package is absent) leaves the claim open: it must not hang on what is installed.
    """
    table = tables["table4_benchmark"].fillna({"filters": ""})
    table = table[table["filters"] != MISMATCHED]
    paper = where(table, method=PAPER)
    found, place = gain(paper, "psnr"), ["exposure_ms", "filters"]
    rivals = where(table.drop(paper.index), kind=["classical", "learnt without pairs"])
    rivals = rivals.merge(paper[[*place, "psnr"]], on=place, suffixes=("", "_paper")).set_index("method")
    ahead = rivals["psnr"].astype(float) - rivals["psnr_paper"].astype(float)
    if ahead.max() >= 0:
        return Verdict(False, -float(ahead.max()), f"{ahead.idxmax()} reaches the same psnr or more")
    if found.holds and ahead.isna().any():
        absent = ", ".join(ahead.index[ahead.isna()])
        return replace(found, holds=None, remark=f"not compared with {absent}, absent here")
    return found


def scattering_suppressed(tables: Tables) -> Verdict:
    """Take how much of the low-light window's blur is left."""
    rows = where(tables["table5_fidelity"], test="widths", measure="blur kept", denoiser="enhanced")
    return within(rows["number"], -0.5, 0.5)


def real_time(tables: Tables) -> Verdict:
    """Take the slow frames of the fastest engine, from file to file."""
    rows = where(tables["table10_real_time"], recipe="ssgan", height=640, width=512)
    return within([rows["io_p95_ms"].min()], 0, 50)


def explainable(tables: Tables) -> Verdict:
    """Count the maps that beat every control and pass the randomisation checks."""
    rows = where(tables["faithfulness"], kind="method", beats_controls="yes", passes_checks="yes")
    return present(rows, ["map", "score"])


def simpler_than_xai_pssgan(tables: Tables) -> Verdict:
    """Compare times for a frame."""
    times = tables["table7_recipes"].astype({"seconds": float}).groupby("method")["seconds"].mean()
    ours, other = times.get(PAPER, math.nan), times.get("xAI-PSSGAN (our reading)", math.nan)
    if not (other > 0 and math.isfinite(ours)):
        return Verdict(None, remark="no number of both")
    return Verdict(ours / other <= 0.5, ours / other, f"{ours:.3g} to {other:.3g}")


def adds_nothing(tables: Tables) -> Verdict:
    """Take lesions missed and invented, and the length of vessels erased and inserted."""
    measures = ["lesions missed", "lesions invented", "vessel length erased", "vessel length inserted"]
    rows = where(tables["table5_fidelity"], test="structures", measure=measures, denoiser="enhanced")
    return complete(within(rows["number"], 0, 0.05), rows, measure=measures)


PAPER = "paper's system"
EVERYWHERE = {"over": ["exposure", "methods"], "truth_metric": ["psnr", "ssim"]}
FIVE = ["snr", "entropy", "edge_density", "contrast", "mean_intensity"]
SHIFT = "psnr_over_denoised"
VERDICTS: dict[str, Callable[[Tables], Verdict]] = {
    "split-70-30": split_70_30,
    "same-size": lambda t: present(where(t["truth_scores"], method="enhanced"), ["psnr", "ssim"]),
    "residual-trunk": residual_trunk,
    "stride-two-throughout": lambda t: within(t["discriminator_layers"]["stride"], 2, 2),
    "published-generator-falls": lambda t: trend(t["table1_losses"], "published_generator", "sample", -0.9),
    "generator-falls": lambda t: trend(t["table1_losses"], "generator", "sample", -0.9),
    "published-discriminators-vanish": lambda t: vanish(t["table1_losses"], "published_"),
    "discriminators-vanish": lambda t: vanish(t["losses"]),
    "generator-loss-tells-quality": lambda t: trend(t["losses"], "psnr", "generator", -0.5, given="epoch"),
    "discriminator-loss-tells-quality": lambda t: trend(t["losses"], "psnr", "discriminator_b", -0.5, given="epoch"),
    "snr-rises": lambda t: rises(t, "snr"),
    "entropy-rises": lambda t: rises(t, "entropy"),
    "edge-density-rises": lambda t: rises(t, "edge_density"),
    "contrast-rises": lambda t: rises(t, "contrast"),
    "mean-intensity-near-zero": lambda t: within(t["metrics"]["mean_full_scale"], -0.05, 0.05),
    "metrics-mean-quality": lambda t: follows(t, metric=["entropy", "edge_density"], **EVERYWHERE),
    "snr-means-quality": lambda t: follows(t, metric=["snr"], **EVERYWHERE),
    "contrast-separates": lambda t: follows(t, metric=["contrast"], truth_metric=["sbr", "cnr"]),
    "closer-to-truth": lambda t: gain(where(t["table3_truth"], method="low-light"), "psnr"),
    "structure-restored": lambda t: gain(where(t["table3_truth"], method="low-light"), "ssim"),
    "beats-classical-noise": beats_classical_noise,
    "beats-classical-texture": lambda t: gain(where(t["table3_truth"], role="rival"), "ssim"),
    "steps-improve-epochs": lambda t: trend(t["across_epochs"], "psnr", "epoch", 0.9),
    "steps-improve-repeats": lambda t: trend(t["repeated"], "psnr", "application", 0.9),
    "scattering-suppressed": scattering_suppressed,
    "spectrum-shift": lambda t: above(t["table9_spectrum_shift"], SHIFT, f"{SHIFT}_low", f"{SHIFT}_high"),
    "automatic-report": lambda t: present(where(t["metrics"], stage="enhanced"), FIVE),
    "real-time": real_time,
    "explainable": explainable,
    "simpler-than-xai-pssgan": simpler_than_xai_pssgan,
    "few-images-suffice": lambda t: gain(where(t["table7_recipes"], method=PAPER), "psnr"),
    "adds-nothing": adds_nothing,
}

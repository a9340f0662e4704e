# ruff: noqa: D103 - the words of a function stand in claims.yaml
"""What decides each claim of the paper: one function of tables for each, named like the claim in `claims.yaml`.

What a function measures, and what would support and refute the claim, is said in words there, so it is not said here
again. Thresholds are ours, for the paper gives none. Where a claim is about several rows, the least favourable one
decides. A number that is NaN, such as the interval of one animal, supports nothing, and hides no other that fails.
"""

import math
from collections.abc import Mapping, Sequence
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
    animals, trained = tables["split"]["group"], where(tables["split"], split="train")["group"]
    if not animals.nunique():
        return Verdict(None, remark="no value")
    share = trained.nunique() / animals.nunique()
    return Verdict(0.6 <= share <= 0.8, share, f"{trained.nunique()} of {animals.nunique()}")


def same_size(tables: Tables) -> Verdict:
    return present(where(tables["truth_scores"], method="enhanced"), ["psnr", "ssim"])


def residual_trunk(tables: Tables) -> Verdict:
    layers = tables["generator_layers"]
    blocks = layers["layer"].str.startswith("residual block ") & layers["kernel"].str.startswith("3 x 3")
    return present(layers[blocks], ["output_shape"], at_least=6)


def stride_two_throughout(tables: Tables) -> Verdict:
    return within(tables["discriminator_layers"]["stride"], 2, 2)


def published_generator_falls(tables: Tables) -> Verdict:
    return trend(tables["table1_losses"], "published_generator", "sample", -0.9)


def generator_falls(tables: Tables) -> Verdict:
    return trend(tables["table1_losses"], "generator", "sample", -0.9)


def published_discriminators_vanish(tables: Tables) -> Verdict:
    return within(tables["table1_losses"][["published_discriminator_a", "published_discriminator_b"]].tail(1), 0, 0.1)


def discriminators_vanish(tables: Tables) -> Verdict:
    return within(tables["losses"][["discriminator_a", "discriminator_b"]].tail(1), 0, 0.1)


def generator_loss_tells_quality(tables: Tables) -> Verdict:
    return trend(tables["losses"], "psnr", "generator", -0.5, given="epoch")


def discriminator_loss_tells_quality(tables: Tables) -> Verdict:
    return trend(tables["losses"], "psnr", "discriminator_b", -0.5, given="epoch")


def _metric_rises(tables: Tables, metric: str) -> Verdict:
    return above(where(tables["table2_metrics"], metric=metric), "difference", "low", "high")


def snr_rises(tables: Tables) -> Verdict:
    return _metric_rises(tables, "snr")


def entropy_rises(tables: Tables) -> Verdict:
    return _metric_rises(tables, "entropy")


def edge_density_rises(tables: Tables) -> Verdict:
    return _metric_rises(tables, "edge_density")


def contrast_rises(tables: Tables) -> Verdict:
    return _metric_rises(tables, "contrast")


def mean_intensity_near_zero(tables: Tables) -> Verdict:
    return within(tables["metrics"]["mean_full_scale"], -0.05, 0.05)


def _follows(tables: Tables, **values: list[str]) -> Verdict:
    rows = where(tables["table6_metric_quality"], **values)
    return complete(above(rows, "rho", "low", "high", 0.5), rows, **values)


TRUTHS = {"over": ["exposure", "methods"], "truth_metric": ["psnr", "ssim"]}


def metrics_mean_quality(tables: Tables) -> Verdict:
    return _follows(tables, metric=["entropy", "edge_density"], **TRUTHS)


def snr_means_quality(tables: Tables) -> Verdict:
    return _follows(tables, metric=["snr"], **TRUTHS)


def contrast_separates(tables: Tables) -> Verdict:
    return _follows(tables, metric=["contrast"], truth_metric=["sbr", "cnr"])


def closer_to_truth(tables: Tables) -> Verdict:
    return gain(where(tables["table3_truth"], method="low-light"), "psnr")


def structure_restored(tables: Tables) -> Verdict:
    return gain(where(tables["table3_truth"], method="low-light"), "ssim")


def beats_classical_noise(tables: Tables) -> Verdict:
    """Take the gain over the best classical method, and let no other method without pairs come as far.

    A rival without a score (its package is absent) leaves the claim open: it must not hang on what is installed.
    """
    table = tables["table4_benchmark"].fillna({"filters": ""})
    table = table[table["filters"] != MISMATCHED]
    paper = where(table, method="paper's system")
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


def beats_classical_texture(tables: Tables) -> Verdict:
    return gain(where(tables["table3_truth"], role="rival"), "ssim")


def steps_improve_epochs(tables: Tables) -> Verdict:
    return trend(tables["across_epochs"], "psnr", "epoch", 0.9)


def steps_improve_repeats(tables: Tables) -> Verdict:
    return trend(tables["repeated"], "psnr", "application", 0.9)


def scattering_suppressed(tables: Tables) -> Verdict:
    found = where(tables["table5_fidelity"], test="widths", measure="blur kept", denoiser="enhanced")
    return within(found["number"], -0.5, 0.5)


def spectrum_shift(tables: Tables) -> Verdict:
    effect = "psnr_over_denoised"
    return above(tables["table9_spectrum_shift"], effect, f"{effect}_low", f"{effect}_high")


def automatic_report(tables: Tables) -> Verdict:
    columns = ["snr", "entropy", "edge_density", "contrast", "mean_intensity"]
    return present(where(tables["metrics"], stage="enhanced"), columns)


def real_time(tables: Tables) -> Verdict:
    rows = where(tables["table10_real_time"], recipe="ssgan", height=640, width=512)
    return within([rows["io_p95_ms"].min()], 0, 50)


def explainable(tables: Tables) -> Verdict:
    rows = where(tables["faithfulness"], kind="method", beats_controls="yes", passes_checks="yes")
    return present(rows, ["map", "score"])


def simpler_than_xai_pssgan(tables: Tables) -> Verdict:
    ours, other = (where(tables["table7_recipes"], method=name)["seconds"].astype(float).mean()
                   for name in ("paper's system", "xAI-PSSGAN (our reading)"))  # fmt: skip
    if not (other > 0 and math.isfinite(ours)):
        return Verdict(None, remark="no number of both")
    return Verdict(ours / other <= 0.5, ours / other, f"{ours:.3g} to {other:.3g}")


def few_images_suffice(tables: Tables) -> Verdict:
    return gain(where(tables["table7_recipes"], method="paper's system"), "psnr")


def adds_nothing(tables: Tables) -> Verdict:
    measures = ["lesions missed", "lesions invented", "vessel length erased", "vessel length inserted"]
    rows = where(tables["table5_fidelity"], test="structures", measure=measures, denoiser="enhanced")
    return complete(within(rows["number"], 0, 0.05), rows, measure=measures)

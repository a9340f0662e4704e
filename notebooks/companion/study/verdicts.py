"""What decides each claim of the paper: one function of tables for each, in `VERDICTS` under the claim's id.

What a function measures, and what would support and refute the claim, is said in words in `claims.yaml`. Thresholds
are ours, for the paper gives none. Where a claim is about several rows, the least favourable one decides. A number
with an interval decides nothing while the interval holds the threshold: UNDECIDED. A number that is NaN, such as the
interval of one animal, supports nothing, and hides no other that fails.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm, spearmanr

from nircore.data.swir_hdr import MISMATCHED_FILTERS
from nircore.metrics.summary import CONFIDENCE, interval

Tables = Mapping[str, pd.DataFrame]
YES, NO, UNDECIDED, OPEN = "supported", "not supported", "undecided", "not testable here"


@dataclass(frozen=True)
class Verdict:
    """What is said of a claim (one of the four words), the number that decides, and what else to know."""

    says: str
    number: float = math.nan
    remark: str = ""


def turned(yes: bool, no: bool, number: float = math.nan, remark: str = "") -> Verdict:
    """Return the verdict of two conditions that exclude each other: neither is UNDECIDED."""
    return Verdict(YES if yes else NO if no else UNDECIDED, float(number), remark)


def where(table: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """Return the rows whose columns have a value, or one of a list of values."""
    for column, value in values.items():
        table = table[table[column].isin(value if isinstance(value, list) else [value])]
    return table


def complete(verdict: Verdict, rows: pd.DataFrame, **values: list[str]) -> Verdict:
    """Leave a claim open that nothing refutes, without a row for each of the listed values."""
    for column, listed in values.items() if verdict.says != NO else ():
        for value in set(listed) - set(rows[column]):
            return replace(verdict, says=OPEN, remark=f"no row with {column} {value}")
    return verdict


def above(rows: pd.DataFrame, effect: str, low: str, high: str, value: float = 0) -> Verdict:
    """Decide whether an effect's 95 % interval lies above a value in every row, or not above it in one."""
    numbers = rows[[effect, low, high]].apply(pd.to_numeric, errors="coerce")
    known = numbers.dropna().sort_values(low)
    refuting = known[known[high] <= value]
    if refuting.empty and len(known) < max(len(rows), 1):
        return Verdict(OPEN, float(numbers[effect].min()), "no such row, or too few in it to resample")
    number, lower, upper = (known if refuting.empty else refuting).iloc[0]
    return turned(lower > value, upper <= value, number, f"95 % interval {lower:.3g} to {upper:.3g}")


def gain(rows: pd.DataFrame, key: str) -> Verdict:
    """Decide whether the gain in a score is above 0, through every filter whose exposures match."""
    rows = rows[~rows["filters"].isin(MISMATCHED_FILTERS)] if "filters" in rows else rows
    return above(rows, f"{key}_gain", f"{key}_gain_low", f"{key}_gain_high")


def within(values: Sequence[float], least: float, most: float) -> Verdict:
    """Decide whether every number lies from `least` to `most`."""
    values = pd.to_numeric(pd.Series(np.ravel(values)), errors="coerce")
    known = values.dropna()
    if known.empty:
        return Verdict(OPEN, remark="no number")
    worst = float(known.iloc[int((known - (least + most) / 2).abs().to_numpy().argmax())])
    inside = least <= worst <= most
    if inside and len(known) < len(values):
        return Verdict(OPEN, remark="no number")
    return turned(inside, not inside, worst, f"the furthest of {len(values)}")


def trend(table: pd.DataFrame, column: str, over: str, strength: float, given: str = "") -> Verdict:
    """Decide whether Spearman's rho of two columns is as strong as `strength`, or stronger on the same side of 0.

    With a third column, `given`, the partial rank correlation decides (M. G. Kendall, Biometrika 32 (1942) 277): two
    series that both change with training time correlate however little they have to do with each other. The 95 %
    interval is that of Fisher's z with the variance of D. G. Bonett and T. A. Wright (Psychometrika 65 (2000) 23),
    one row fewer for `given`. It takes rows as independent; the epochs of one training are not, so it is too narrow.
    """
    numbers = table[[over, column, *([given] if given else [])]].apply(pd.to_numeric, errors="coerce")
    fewest = numbers.shape[1] + 2  # fewer rows have no interval
    varies = len(numbers) >= fewest and not numbers.isna().any(axis=None) and (numbers.nunique() > 1).all()
    rho = (_partial(numbers) if given else float(spearmanr(numbers).statistic)) if varies else math.nan
    if math.isnan(rho):
        return Verdict(OPEN, remark=f"needs {fewest} rows of numbers that vary")
    rho = round(rho, 12)  # a full correlation falls short of 1 by 1e-16
    half = norm.ppf((1 + CONFIDENCE) / 2) * math.sqrt((1 + rho**2 / 2) / (len(numbers) - numbers.shape[1] - 1))
    low, high = (math.tanh(math.atanh(rho) + end) if abs(rho) < 1 else rho for end in (-half, half))
    weak, strong = sorted(math.copysign(1, strength) * end for end in (low, high))
    remark = f"over {len(numbers)} rows, 95 % interval {low:.3g} to {high:.3g}"
    return turned(weak >= abs(strength), strong < abs(strength), rho, remark)


def _partial(numbers: pd.DataFrame) -> float:
    """Return Spearman's rho of the first two columns given the third; NaN where the third explains one fully."""
    (_, both, first), (_, _, second), _ = spearmanr(numbers).statistic
    left = (1 - first**2) * (1 - second**2)
    return float((both - first * second) / math.sqrt(left)) if left > 1e-9 else math.nan


def between(wrong: pd.DataFrame) -> Verdict:
    """Place what a system does wrong, by animal, between its controls; what they span is undecided.

    The oracle, trained on measured pairs, is the control that should pass, the raw frame the one that should not.
    Supported: surely less wrong than the raw frame, and no more than the oracle; refuted: surely more than the
    oracle, and no less than the raw frame. Intervals are Student's t over animals, of the paired differences.

    Args:
        wrong: (animals, denoisers), 0 is right: columns "enhanced", "oracle" and "low-light" at least.
    """
    if wrong.empty or not {"enhanced", "oracle", "low-light"} <= set(wrong):
        return Verdict(OPEN, remark="needs the oracle and the raw frame beside the enhanced one")
    (over, half), (rise, wide) = (interval(wrong["enhanced"] - wrong[name]) for name in ("oracle", "low-light"))
    number, oracle, raw = wrong[["enhanced", "oracle", "low-light"]].mean()
    yes = over + half <= 0 and rise + wide < 0
    no = over - half > 0 and rise - wide >= 0
    return turned(yes, no, number, f"{len(wrong)} animals; oracle {oracle:.3g}, raw frame {raw:.3g}")


def present(rows: pd.DataFrame, columns: list[str], at_least: int = 1) -> Verdict:
    """Decide whether there are so many rows, with no gap in these columns."""
    gaps = int((rows[columns].isna() | (rows[columns] == "")).any(axis=1).sum())
    enough = len(rows) >= at_least and not gaps
    return turned(enough, not enough, len(rows), f"{gaps} with gaps" if gaps else "")


def split_70_30(tables: Tables) -> Verdict:
    """Count the animals that train."""
    animals, trained = tables["split"]["group"], where(tables["split"], split="train")["group"]
    if not animals.nunique():
        return Verdict(OPEN, remark="no value")
    remark = f"{trained.nunique()} of {animals.nunique()}"
    return replace(within([trained.nunique() / animals.nunique()], 0.6, 0.8), remark=remark)


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


def over_blur(tables: Tables, key: str) -> Verdict:
    """Take the gain in a score over a Gaussian blur of the same frame, its width tuned on validation frames."""
    return gain(where(tables["table3_truth"], method="Gaussian"), key)


def beats_classical_noise(tables: Tables) -> Verdict:
    """Take the gain over the best classical method, and let no other method without pairs come as far.

    Rivals are placed by their own gains over that method: one whose interval lies above the paper's is surely ahead.
    A rival without a score (its package is absent) leaves the claim open: it must not hang on what is installed.
    """
    table = tables["table4_benchmark"].fillna({"filters": ""})
    table = table[~table["filters"].isin(MISMATCHED_FILTERS)]
    paper, place = where(table, method=PAPER), ["exposure_ms", "filters"]
    found = gain(paper, "psnr")
    rivals = where(table.drop(paper.index), kind=["classical", "learnt without pairs"])
    rivals = rivals.merge(paper[[*place, "psnr", "psnr_gain_high"]], on=place, suffixes=("", "_paper"))
    ahead = (rivals["psnr"].astype(float) - rivals["psnr_paper"].astype(float)).set_axis(rivals["method"])
    surely = (rivals["psnr_gain_low"] > rivals["psnr_gain_high_paper"]).to_numpy()
    if surely.any():
        return Verdict(NO, -float(ahead[surely].max()), f"{ahead[surely].idxmax()} reaches more, the intervals apart")
    if found.says == YES and ahead.isna().any():
        return replace(found, says=OPEN, remark=f"not compared with {', '.join(ahead.index[ahead.isna()])}, absent")
    if found.says == YES and ahead.max() >= 0:
        return Verdict(UNDECIDED, -float(ahead.max()), f"{ahead.idxmax()} reaches as much, the intervals overlap")
    return found


def scattering_suppressed(tables: Tables) -> Verdict:
    """Take how much wider than in the target window vessels are, as a share, where every frame shows a width."""
    table = where(tables["fidelity_widths"], denoiser=["enhanced", "oracle", "low-light"])
    ratios = table.assign(ratio=table["width_px"] / table["true_px"])
    wide = ratios.pivot_table("ratio", ["animal", "place"], "denoiser")
    return between(wide.dropna().groupby("animal").median() - 1)


def adds_nothing(tables: Tables) -> Verdict:
    """Add up vessel length erased and inserted, as shares, and 1 for a lesion missed or invented."""
    table = tables["fidelity_structures"]
    wrong = table["length_erased"] + table["length_inserted"] + (table["says_lesion"] != table["lesion"])
    return between(wrong.groupby([table["animal"], table["denoiser"]]).mean().unstack())


def spectrum_shift(tables: Tables) -> Verdict:
    """Take the gains of the shifted system over itself trained without a shift, and over the denoised input."""
    table = tables["recipes/table9_spectrum_shift"]
    keys = [f"psnr_over_{rival}" for rival in ("unshifted", "denoised")]
    unshifted, denoised = (above(table, key, f"{key}_low", f"{key}_high") for key in keys)
    if unshifted.says != YES:
        return unshifted
    return replace(denoised, says=UNDECIDED) if denoised.says == NO else denoised  # it may have trained too little


def few_images_suffice(tables: Tables) -> Verdict:
    """Take the gain over the best classical method on real frames of an animal that trained nothing."""
    rows = where(tables["benchmark/table11_real_frames"], part="four band-passes", method=PAPER)
    return gain(rows, "merged_psnr")


def real_time(tables: Tables) -> Verdict:
    """Take the slow frames of the fastest engine, from file to file."""
    rows = where(tables["table10_real_time"], recipe="ssgan", height=640, width=512)
    return within([rows["io_p95_ms"].min()], 0, 50)


def explainable(tables: Tables) -> Verdict:
    """Count the maps that beat every control and pass the randomisation checks; a "no" in either rules a map out."""
    both = where(tables["faithfulness"], kind="method")[["beats_controls", "passes_checks"]]
    shown, ruled_out = (both == "yes").all(axis=1), (both == "no").any(axis=1)
    remark = f"of {len(both)}, {ruled_out.sum()} ruled out"
    return turned(shown.any(), ruled_out.all(), shown.sum(), remark) if len(both) else Verdict(OPEN, remark="no map")


PAPER = "paper's system"
EVERYWHERE = {"over": ["exposure", "methods"], "truth_metric": ["psnr", "ssim"]}
FIVE = ["snr", "entropy", "edge_density", "contrast", "mean_intensity"]
VERDICTS: dict[str, Callable[[Tables], Verdict]] = {
    "split-70-30": split_70_30,
    "same-size": lambda t: present(where(t["truth_scores"], method="enhanced"), ["psnr", "ssim"]),
    "residual-trunk": residual_trunk,
    "stride-two-throughout": lambda t: within(t["discriminator_layers"]["stride"], 2, 2),
    "published-generator-falls": lambda t: trend(t["table1_losses"], "published_generator", "sample", -0.9),
    "generator-falls": lambda t: trend(t["losses"], "generator", "epoch", -0.9),
    "published-discriminators-vanish": lambda t: vanish(t["table1_losses"], "published_"),
    "discriminators-vanish": lambda t: vanish(t["losses"]),
    "generator-loss-tells-quality": lambda t: trend(t["losses"], "psnr", "generator", -0.5, "epoch"),
    "discriminator-loss-tells-quality": lambda t: trend(t["losses"], "distance", "discriminator_b", 0.5, "epoch"),
    "snr-rises": lambda t: rises(t, "snr"),
    "entropy-rises": lambda t: rises(t, "entropy"),
    "edge-density-rises": lambda t: rises(t, "edge_density"),
    "contrast-rises": lambda t: rises(t, "contrast"),
    "mean-intensity-near-zero": lambda t: within(t["metrics"]["mean_full_scale"], -0.05, 0.05),
    "metrics-mean-quality": lambda t: follows(t, metric=["entropy", "edge_density"], **EVERYWHERE),
    "snr-means-quality": lambda t: follows(t, metric=["snr"], **EVERYWHERE),
    "contrast-separates": lambda t: follows(t, metric=["contrast"], truth_metric=["sbr", "cnr"]),
    "closer-to-truth": lambda t: over_blur(t, "psnr"),
    "structure-restored": lambda t: over_blur(t, "ssim"),
    "beats-classical-noise": beats_classical_noise,
    "beats-classical-texture": lambda t: gain(where(t["table3_truth"], role="rival"), "ssim"),
    "steps-improve-epochs": lambda t: trend(t["losses"], "psnr", "epoch", 0.9),
    "steps-improve-repeats": lambda t: trend(t["repeated"], "psnr", "application", 0.9),
    "scattering-suppressed": scattering_suppressed,
    "spectrum-shift": spectrum_shift,
    "automatic-report": lambda t: present(where(t["metrics"], stage="enhanced"), FIVE),
    "real-time": real_time,
    "explainable": explainable,
    "few-images-suffice": few_images_suffice,
    "adds-nothing": adds_nothing,
}

"""Numbers of the test frames, every frame shown: the paper's Fig. 4 and the scores against the truth."""

import math
from collections.abc import Mapping

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.plots.palette import ENHANCED, GREY, INK, LOW_LIGHT, coloured
from companion.plots.rows import scored, shared_rows
from companion.plots.style import NORMAL, SMALL, canvas, need, tidy
from nircore.errors import NircoreError

STAGES = {"low-light": LOW_LIGHT, "enhanced": ENHANCED}
SCORES = {"psnr": ("PSNR (dB)", ".1f"), "ssim": ("SSIM", ".3f")}


def before_and_after(table: pd.DataFrame, effects: pd.DataFrame, metric: str) -> Figure:
    """Draw one metric of every test frame, before and after, as `paired` says.

    Args:
        table: file, stage, and a column of the metric.
        effects: metric, unit, and the effect of each metric.
        metric: such as "edge_density".
    """
    need(table, ("file", "stage", metric), metric)
    values = table.rename(columns={metric: "value"})[["file", "stage", "value"]]
    effect = need(effects, ("metric", "unit"), metric).set_index("metric").loc[metric]
    label = {"snr": "SNR"}.get(metric, metric.replace("_", " "))
    return paired(values, label, effect["unit"] if isinstance(effect["unit"], str) else "", effect)


def paired(values: pd.DataFrame, label: str, unit: str, effect: Mapping[str, float]) -> Figure:
    """Draw a panel of Fig. 4: one line per test frame from before to after, and the mean change.

    The third column is the mean change with its interval, drawn from the mean before (dashed): an interval
    that keeps clear of the dashed line is a change (Gardner & Altman, BMJ 292 (1986) 746).

    Args:
        values: file, stage ("low-light" or "enhanced"), value; every file in both stages.
        label: name of the metric.
        unit: its unit; empty for none.
        effect: difference (after - before), low and high of its 95 % interval, in `unit` (`paired_effect`);
            NaN limits (a single animal) are written as "no interval".
    """
    need(values, ("file", "stage", "value"), label)
    if values.duplicated(["file", "stage"]).any():
        raise NircoreError(f"The {label} figure has a file twice in one stage: pass one value for each.")
    table = values.pivot(index="file", columns="stage", values="value").reindex(columns=list(STAGES)).dropna()
    if table.empty:
        raise NircoreError(f"The {label} figure has no file with both a low-light and an enhanced finite value.")
    before, after = (table[stage].to_numpy() for stage in STAGES)
    figure = canvas(3.6, 4.4)
    ax = figure.subplots()
    opacity = max(0.12, min(0.8, 8 / len(table)))
    lines = table.melt(ignore_index=False).reset_index()
    axes = {"x": "stage", "y": "value", "legend": False, "ax": ax}
    seaborn.lineplot(lines, **axes, units="file", estimator=None, color=GREY, lw=1, alpha=opacity, zorder=1)
    seaborn.stripplot(lines, **axes, hue="stage", palette=STAGES, jitter=False, size=4, alpha=max(0.35, opacity))
    tidy(ax, f"higher in {(after > before).sum()} of {len(table)} frames", f"{label} ({unit})" if unit else label)
    ax.xaxis.label.set_size(SMALL)
    _mean_change(ax, before.mean(), effect)
    ax.set_title(_effect_title(label, unit, effect), size=NORMAL, color=INK, loc="left")
    ax.set_xticks([0, 1, 1.6], [*STAGES, "mean change"])
    ax.set_xlim(-0.25, 2.0)
    return figure


def _mean_change(ax: Axes, mean: float, effect: Mapping[str, float]) -> None:
    """Draw the mean before as a line, and from it the mean change with its interval."""
    change, low, high = (float(effect[name]) for name in ("difference", "low", "high"))
    ax.plot([0, 1.6], [mean, mean], "--", color=INK, lw=1, zorder=3)
    ax.annotate("mean before", (1.6, mean), (0, -4 if change >= 0 else 4), textcoords="offset points",
                size=SMALL, color=INK, ha="center", va="top" if change >= 0 else "bottom")  # fmt: skip
    ax.plot(1.6, mean + change, "D", color=ENHANCED, mec=INK, ms=6, zorder=4)
    if math.isfinite(low) and math.isfinite(high):
        ax.plot([1.6, 1.6], [mean + low, mean + high], "_-", color=INK, ms=12, lw=1.5, zorder=3)


def _effect_title(label: str, unit: str, effect: Mapping[str, float]) -> str:
    """Return the effect in words, with as many digits as its interval bears."""
    change, low, high = (float(effect[name]) for name in ("difference", "low", "high"))
    suffix = f" {unit}" if unit else ""
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{label} {change:+.3g}{suffix}\n(one group: no interval)"
    width = max(high - low, abs(change) * 1e-3, 1e-12)
    digits = max(0, math.ceil(-math.log10(width / 5)))
    return f"{label} {change:+.{digits}f}{suffix}\n(95 % interval {low:+.{digits}f} to {high:+.{digits}f})"


def truth(scores: pd.DataFrame) -> Figure:
    """Draw PSNR and SSIM against the truth, a dot per frame and the mean with its 95 % interval per method.

    The interval is Student's t over frames, or over the means of the groups where there is a column `group`
    (frames of one animal are not independent). A method with one of them gets no interval.

    Args:
        scores: file, method, psnr (dB), ssim, and perhaps group; methods are drawn in their order, top down.
    """
    need(scores, ("file", "method", *SCORES), "truth")
    by = "group" if "group" in scores else "file"
    colours = coloured(scores["method"], STAGES)
    figure = canvas(1.0 + 0.55 * len(colours))
    for ax, (name, (label, digits)) in zip(shared_rows(figure, len(SCORES)), SCORES.items(), strict=True):
        scored(ax, scores, name, by, colours, digits)
        tidy(ax, label)
    return figure

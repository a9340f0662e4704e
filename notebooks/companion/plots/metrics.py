"""Numbers of the test frames, every frame shown: the paper's Fig. 4 and the scores against the truth."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from companion.plots.palette import ENHANCED, GREY, INK, LOW_LIGHT, coloured
from companion.plots.rows import scored, shared_rows
from companion.plots.style import NORMAL, SMALL, canvas, tidy

STAGES = {"low-light": LOW_LIGHT, "enhanced": ENHANCED}
SCORES = {"psnr": ("PSNR (dB)", ".1f"), "ssim": ("SSIM", ".3f")}


def before_and_after(table: pd.DataFrame, effects: pd.DataFrame, metric: str) -> Figure:
    """Draw a panel of Fig. 4: one line per test frame from before to after, and the mean change.

    The third column is the mean change with its interval, drawn from the mean before (dashed): an interval
    that keeps clear of the dashed line is a change (Gardner & Altman, BMJ 292 (1986) 746).

    Args:
        table: file, stage (of STAGES), and a column of the metric.
        effects: metric, unit, and of each metric the difference (after - before) with low and high of its 95 %
            interval (`paired_effect`); NaN limits (a single animal) are written as "no interval".
        metric: such as "edge_density".
    """
    effect, figure = effects.fillna({"unit": ""}).set_index("metric").loc[metric], canvas(3.6, 4.4)
    name = {"snr": "SNR"}.get(metric, metric.replace("_", " "))
    pairs = table.pivot(index="file", columns="stage", values=metric)[list(STAGES)].dropna()
    rising = (pairs["enhanced"] > pairs["low-light"]).sum()
    ax, opacity = figure.subplots(), max(0.12, min(0.8, 8 / len(pairs)))
    lines = pairs.melt(ignore_index=False).reset_index()
    axes = {"x": "stage", "y": "value", "legend": False, "ax": ax}
    seaborn.lineplot(lines, **axes, units="file", estimator=None, color=GREY, lw=1, alpha=opacity, zorder=1)
    seaborn.stripplot(lines, **axes, hue="stage", palette=STAGES, jitter=False, size=4, alpha=max(0.35, opacity))
    before = pairs["low-light"].mean()
    ax.plot([0, 1.6], [before, before], "--", color=INK, lw=1, zorder=3)
    ax.plot(1.6, before + effect["difference"], "D", color=ENHANCED, mec=INK, ms=6, zorder=4)
    ax.plot([1.6, 1.6], [before + effect["low"], before + effect["high"]], "_-", color=INK, ms=12, lw=1.5, zorder=3)
    said = "one group: no interval"
    if pd.notna(effect["low"]):
        said = f"95 % interval {effect['low']:+.3g} to {effect['high']:+.3g}"
    tidy(ax, f"higher in {rising} of {len(pairs)} frames", f"{name} ({effect['unit']})" if effect["unit"] else name)
    ax.xaxis.label.set_size(SMALL)
    title = f"{name} {effect['difference']:+.3g} {effect['unit']}".rstrip()
    ax.set_title(f"{title}\n({said})", size=NORMAL, color=INK, loc="left")
    ax.set_xticks([0, 1, 1.6], [*STAGES, "mean change"])
    ax.set_xlim(-0.25, 2.0)
    return figure


def truth(scores: pd.DataFrame) -> Figure:
    """Draw PSNR and SSIM against the truth, a dot per frame and the mean with its 95 % interval per method.

    The interval is Student's t over the means of the groups: frames of one animal are not independent. A method
    with one of them gets no interval.

    Args:
        scores: file, group, method, psnr (dB), ssim; methods are drawn in their order, top down.
    """
    colours = coloured(scores["method"], STAGES)
    figure = canvas(1.0 + 0.55 * len(colours))
    for ax, (name, (label, digits)) in zip(shared_rows(figure, len(SCORES)), SCORES.items(), strict=True):
        scored(ax, scores, name, "group", colours, digits)
        tidy(ax, label)
    return figure

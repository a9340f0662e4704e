"""Whether each of the paper's metrics ranks better images higher, in one look."""

import pandas as pd
from matplotlib.figure import Figure

from companion.plots.palette import ENHANCED, INK, PALE, WRONG, coloured
from companion.plots.rows import shared_rows
from companion.plots.style import NORMAL, canvas, legend, tidy

COLOURS = {"tracks": ENHANCED, "ranks backwards": WRONG}  # anything else is grey
TRUTHS = {"psnr": ("o", -0.15, "against PSNR"), "ssim": ("s", 0.15, "against SSIM")}  # marker, height, name
PANELS = {"exposure": "More light (exposure series)", "methods": "More processing (denoisers)"}
EDGE = 1.12  # the axis ends here: a dot at 1 is whole


def tracking(table: pd.DataFrame) -> Figure:
    """Draw the rank correlation of each metric with PSNR and SSIM, and its 95 % interval, from -1 to +1.

    Args:
        table: metric, over ("exposure" or "methods": a panel each), truth_metric, rho, low, high (NaN: no
            interval), verdict; metrics are drawn in their order, top down, other truths than PSNR and SSIM not.
    """
    table = table[table["truth_metric"].isin(list(TRUTHS))]
    metrics, panels = list(table["metric"].unique()), [over for over in PANELS if over in set(table["over"])]
    colours = coloured(table["verdict"], COLOURS)
    figure = canvas(1.2 + 0.5 * len(metrics))
    axes = shared_rows(figure, len(panels))
    for ax, over in zip(axes, panels, strict=True):
        tidy(ax, "rank correlation with quality; grey: worse wins", "", PANELS[over])
        ax.set_xlim(-EDGE, EDGE)
        ax.axvspan(-EDGE, 0, color=PALE, alpha=0.6, lw=0, zorder=0)
        for truth, (marker, shift, name) in TRUTHS.items():
            rows = table[(table["over"] == over) & (table["truth_metric"] == truth)]
            height, colour = rows["metric"].map(metrics.index) + shift, rows["verdict"].map(colours)
            ax.hlines(height, rows["low"], rows["high"], colors=colour, lw=2, alpha=0.7)
            ax.scatter(rows["rho"], height, c=colour, marker=marker, s=45, zorder=3, label=name)
        for metric, rows in table[table["over"] == over].groupby("metric", sort=False):
            words = rows["verdict"].iloc[0] if rows["verdict"].nunique() == 1 else "depends on the score"
            ax.text(
                EDGE + 0.05, metrics.index(metric), words, color=COLOURS.get(words, INK), size=NORMAL, va="center"
            )
    names = ["SNR" if metric == "snr" else metric.replace("_", " ") for metric in metrics]
    axes[0].set_yticks(range(len(metrics)), names, size=NORMAL)
    axes[0].set_ylim(len(metrics) - 0.45, -0.55)
    legend(axes[0], loc="upper left", bbox_to_anchor=(0, -0.22), ncols=2)
    return figure

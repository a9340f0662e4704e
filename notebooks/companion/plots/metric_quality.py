"""Whether each of the paper's metrics ranks better images higher, in one look."""

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.plots.palette import ENHANCED, INK, PALE, WRONG, coloured
from companion.plots.rows import shared_rows
from companion.plots.style import LARGE, NORMAL, SMALL, canvas, legend_below, need, tidy

COLOURS = {"tracks": ENHANCED, "ranks backwards": WRONG}  # anything else is grey
TRUTHS = {"psnr": ("o", -0.15, "PSNR"), "ssim": ("s", 0.15, "SSIM")}  # marker, height, name
PANELS = {"exposure": "More light (exposure series)", "methods": "More processing (denoisers)"}
EDGE = 1.12  # the axis ends here: a dot at 1 is whole


def tracking(table: pd.DataFrame) -> Figure:
    """Draw the rank correlation of each metric with PSNR and SSIM, and its 95 % interval, from -1 to +1.

    Args:
        table: metric, over ("exposure" or "methods": a panel each), truth_metric, rho, low, high (NaN: no
            interval), verdict; metrics are drawn in their order, top down, other truths than PSNR and SSIM not.
    """
    need(table, ("metric", "over", "truth_metric", "rho", "low", "high", "verdict"), "metric quality")
    table = table[table["truth_metric"].isin(list(TRUTHS))]
    metrics = list(table["metric"].unique())
    panels = [over for over in PANELS if over in set(table["over"])]
    figure = canvas(1.7 + 0.5 * len(metrics))
    figure.suptitle(_title(table), size=LARGE, color=INK, x=0.01, ha="left", weight="bold")
    axes = shared_rows(figure, len(panels))
    for ax, over in zip(axes, panels, strict=True):
        _marks(ax, table[table["over"] == over], metrics)
        _frame(ax, PANELS[over])
    axes[0].set_yticks(range(len(metrics)), [_name(metric) for metric in metrics], size=NORMAL)
    axes[0].set_ylim(len(metrics) - 0.45, -0.75)
    _key(figure)
    return figure


def _frame(ax: Axes, title: str) -> None:
    """Shade the half in which the worse image scores higher, and say so."""
    tidy(ax, "rank correlation with quality", "", title)
    ax.title.set_size(NORMAL)
    ax.set_xlim(-EDGE, EDGE)
    ax.set_xticks([-1, -0.5, 0, 0.5, 1], ["-1", "-0.5", "0", "+0.5", "+1"])
    ax.tick_params(axis="y", left=False)
    ax.axvspan(-EDGE, 0, color=PALE, alpha=0.6, lw=0, zorder=0)
    ax.axvline(0, color=INK, lw=1, zorder=1)
    for x, text, side in ((-0.08, "worse wins", "right"), (0.08, "better wins", "left")):
        ax.text(x, -0.6, text, size=SMALL, color=INK, ha=side, va="center")


def _marks(ax: Axes, table: pd.DataFrame, metrics: list[str]) -> None:
    """Draw every correlation with its interval, and each metric's verdict beside its row."""
    colours = coloured(table["verdict"], COLOURS)
    for truth, (marker, shift, _) in TRUTHS.items():
        rows = table[table["truth_metric"] == truth]
        height = rows["metric"].map(metrics.index) + shift
        ax.hlines(height, rows["low"], rows["high"], colors=rows["verdict"].map(colours), lw=2, alpha=0.7)
        seaborn.scatterplot(
            rows, x="rho", y=height, hue="verdict", palette=colours, marker=marker, s=55, legend=False, ax=ax
        )
    for metric, rows in table.groupby("metric", sort=False):
        words = verdict(rows)
        ax.text(EDGE + 0.08, metrics.index(metric), words, size=NORMAL, color=COLOURS.get(words, INK), va="center",
                weight="bold")  # fmt: skip


def verdict(rows: pd.DataFrame) -> str:
    """Return the verdict that PSNR and SSIM share, or that they differ."""
    found = rows["verdict"].unique()
    return str(found[0]) if len(found) == 1 else "depends on the score"


def _title(table: pd.DataFrame) -> str:
    """Say which metrics rank better images higher in every test."""
    good = [_name(name) for name, rows in table.groupby("metric", sort=False) if verdict(rows) == "tracks"]
    names = ", ".join(good[:-1]) + " and " + good[-1] if len(good) > 1 else "".join(good)
    total = table["metric"].nunique()
    if not good:
        return "None of the paper's metrics can be trusted to rank the better image higher"
    every = "Each" if len(good) == total else f"Only {len(good)}"
    return f"{every} of the paper's {total} metrics ranks the better image higher throughout: {names}"


def _name(metric: str) -> str:
    return "SNR" if metric == "snr" else metric.replace("_", " ")


def _key(figure: Figure) -> None:
    """Say below the panels what the marks are; the colours are the verdicts' beside them."""
    ax = figure.axes[0]
    for marker, _, name in TRUTHS.values():
        ax.plot([], [], marker, color=INK, ms=6, label=f"against {name}")
    ax.plot([], [], "-", color=INK, lw=2, label="95 % interval over scenes")
    legend_below(figure, ncols=3)

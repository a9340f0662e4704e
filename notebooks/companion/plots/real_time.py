"""Quality against speed, with the camera's pace drawn in, and the engines beside each other."""

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from companion.plots.metrics import SCORES
from companion.plots.palette import GREY, INK, PALE, PALETTE
from companion.plots.style import SMALL, canvas, legend, legend_below, tidy

CAMERA_MS = (20.0, 50.0)  # what a NIR-II camera exposes a frame
ENOUGH = 21  # frames: of fewer, the time that 95 % stay below is that of the slowest one
TIMES = "ms for a 640 x 512 frame, array to array"


def quality_against_speed(table: pd.DataFrame) -> Figure:
    """Draw PSNR and SSIM of each method over its time for a frame; left of the band a camera never waits.

    Args:
        table: `method`, `kind`, `psnr` in dB, `ssim`, `ms`.
    """
    figure = canvas(4.4)
    for ax, key in zip(figure.subplots(1, 2), ("psnr", "ssim"), strict=True):
        look = {"hue": "method", "style": "kind", "s": 60, "zorder": 3, "legend": key == "psnr"}
        seaborn.scatterplot(table, x="ms", y=key, ax=ax, **look)
        _times(ax)
        tidy(ax, TIMES, SCORES[key][0])
    figure.axes[0].set_title("shaded: a camera's frame, 20 to 50 ms", size=SMALL, color=GREY, loc="left")
    legend_below(figure, ncols=4)
    return figure


def _times(ax: Axes) -> None:
    """Make the x axis one of times, and shade the time in which a camera takes a frame."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter("{x:g}")
    ax.axvspan(*CAMERA_MS, color=PALE, zorder=0)


def engines(table: pd.DataFrame) -> Figure:
    """Draw the median time of a camera frame, for each engine and recipe, and p95 of those with enough frames.

    Args:
        table: as `companion.study.real_time.timings` gives it.
    """
    shown = table[table["height"] == table["height"].max()]
    count = shown["recipe"].nunique()
    figure = canvas(0.9 + 0.22 * shown["engine"].nunique() * count)
    ax = figure.subplots()
    rows = {"y": "engine", "hue": "recipe", "ax": ax}
    seaborn.barplot(shown, x="median_ms", **rows, palette=PALETTE[:count], saturation=1, gap=0.1, errorbar=None)
    marks = rows | {"dodge": True, "jitter": False, "legend": False}
    sure = shown.assign(p95_ms=shown["p95_ms"].where(shown["frames"] >= ENOUGH))
    seaborn.stripplot(sure, x="p95_ms", **marks, palette=[INK] * count, size=3)
    _times(ax)
    tidy(ax, f"{TIMES}; dot: p95" if sure["p95_ms"].notna().any() else f"{TIMES}, median of few frames")
    legend(ax, loc="upper left", bbox_to_anchor=(1, 1))
    return figure

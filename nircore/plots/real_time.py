"""Quality against speed, with the camera's pace drawn in, and the engines beside each other."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nircore.plots.benchmark import COLOURS
from nircore.plots.style import GREY, INK, PALE, PALETTE, SMALL, canvas, legend, need, tidy

CAMERA_MS = (20.0, 50.0)  # what a NIR-II camera exposes a frame
TIMES = "ms for a 640 x 512 frame, array to array"


def quality_against_speed(table: pd.DataFrame) -> Figure:
    """Draw PSNR and SSIM of each method over its time for a frame; left of the band a camera never waits.

    Args:
        table: `method`, `kind`, `psnr` in dB, `ssim`, `ms`.
    """
    need(table, ("method", "kind", "psnr", "ssim", "ms"), "real-time")
    figure = canvas(3.8)
    for ax, (key, label) in zip(figure.subplots(1, 2), (("psnr", "PSNR, dB"), ("ssim", "SSIM")), strict=True):
        _pace(ax, "v")
        ax.scatter(table["ms"], table[key], s=30, c=[COLOURS.get(kind, GREY) for kind in table["kind"]], zorder=3)
        for k, row in enumerate(table.sort_values("ms").itertuples()):  # neighbours are labelled on different sides
            above = (0, 5) if k % 2 else (0, -12)
            ax.annotate(row.method, (row.ms, getattr(row, key)), above, textcoords="offset points", ha="center",
                        size=SMALL - 1, color=INK)  # fmt: skip
        ax.set_xscale("log")
        ax.margins(x=0.18, y=0.12)
        tidy(ax, TIMES, label)
    figure.axes[0].set_title("shaded: a camera's frame, 20 to 50 ms", size=SMALL, color=GREY, loc="left")
    return figure


def _pace(ax: Axes, direction: str) -> None:
    """Shade the time in which a camera takes a frame."""
    span = ax.axvspan if direction == "v" else ax.axhspan
    span(*CAMERA_MS, color=PALE, zorder=0)


def engines(table: pd.DataFrame) -> Figure:
    """Draw the median time of a camera frame, for each engine and recipe; the tick marks what the machine could do.

    Args:
        table: as `nircore.study.real_time.table` gives it; rows taken beside a busy process are not drawn.
    """
    need(table, ("recipe", "engine", "busy", "height", "median_ms", "p95_ms", "bound_ms"), "engines")
    shown = table[(table["height"] == table["height"].max()) & (table["busy"] == 0)]
    names, recipes = list(shown["engine"].unique()), list(shown["recipe"].unique())
    figure = canvas(0.9 + 0.22 * len(names) * len(recipes))
    ax, step = figure.subplots(), 0.8 / len(recipes)
    for k, recipe in enumerate(recipes):
        own = shown[shown["recipe"] == recipe].set_index("engine").reindex(names)
        places = np.arange(len(names)) + (k - (len(recipes) - 1) / 2) * step
        ax.barh(places, own["median_ms"], 0.9 * step, color=PALETTE[k % len(PALETTE)], label=recipe, zorder=2)
        ax.plot(own["p95_ms"], places, ".", color=INK, ms=3, zorder=3, label="p95" if not k else None)
        ax.plot(own["bound_ms"], places, "|", color="white", ms=7, mew=1.5, zorder=3)
    _pace(ax, "v")
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xscale("log")
    tidy(ax, TIMES + "; white tick: roofline", "")
    legend(ax, loc="upper left", bbox_to_anchor=(1, 1))
    return figure

"""A row for every name and a panel for every number: the layout that the charts of methods share.

Their rows and colours are one mapping, name -> colour, the first on top.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from companion.plots.palette import GREY, INK
from companion.plots.style import SMALL
from nircore.metrics.summary import interval

Colours = Mapping[str, str]
BAR = {"marker": "|", "markersize": 15, "markeredgewidth": 2, "errorbar": None}
DIAMOND = {"marker": "D", "markersize": 6, "markeredgewidth": 1, "markeredgecolor": INK, "errorbar": None}


def shared_rows(figure: Figure, count: int) -> list[Axes]:
    """Return `count` panels side by side that share their rows, with lines to read the numbers by."""
    axes = list(figure.subplots(1, count, sharey=True, squeeze=False)[0])
    for ax in axes:
        ax.grid(axis="x", color=GREY, alpha=0.3, lw=0.6)
    for ax in axes[1:]:
        ax.tick_params(axis="y", left=False)
    return axes


def ideal(ax: Axes, value: float) -> None:
    """Draw where the right answer lies, or what is to be beaten."""
    ax.axvline(value, color=INK, lw=1, ls="--", zorder=1)


def dots(
    ax: Axes, table: pd.DataFrame, x: str, y: str, colours: Colours, filled: bool = True, shift: float = 0.0,
    width: float = 0.3, **look: object,
) -> None:  # fmt: skip
    """Draw `x` of every line of a table as a dot in the row `y`, moved down by `shift` rows.

    Dots are spread over `width` rows by the golden ratio: evenly, and the same every time. Seaborn's own jitter
    comes from numpy's global generator: another figure every time.
    """
    drawn = len(ax.collections)
    look = {"size": 4.5, "alpha": 0.8} | look
    seaborn.stripplot(
        table, x=x, y=y, hue=y, order=list(colours), palette=dict(colours), orient="y", jitter=False, legend=False,
        ax=ax, **look,
    )  # fmt: skip
    for cloud in ax.collections[drawn:]:
        places = cloud.get_offsets()
        places[:, 1] += shift + width * (np.arange(len(places)) * 0.618034 % 1 - 0.5)
        cloud.set_offsets(places)
        if not filled:
            cloud.set(edgecolor=cloud.get_facecolor(), facecolor="none", linewidth=1)


def means(
    ax: Axes, table: pd.DataFrame, x: str, y: str, colours: Colours, shift: float = 0.0, **look: object
) -> None:
    """Draw the mean of `x` in every row `y`, moved down by `shift` rows, with the look of a BAR or a DIAMOND."""
    drawn = len(ax.lines)
    seaborn.pointplot(
        table, x=x, y=y, hue=y, order=list(colours), palette=dict(colours), orient="y", linestyle="none",
        legend=False, ax=ax, **look,
    )  # fmt: skip
    for line in ax.lines[drawn:]:
        line.set_ydata(np.asarray(line.get_ydata()) + shift)


def scored(ax: Axes, frames: pd.DataFrame, score: str, by: str, colours: Colours, digits: str) -> None:
    """Draw a dot per frame, and each method's mean over the groups `by` with Student's 95 % interval.

    Args:
        ax: where.
        frames: method, `by` and `score`, a line per frame.
        score: what is drawn.
        by: the column whose values are independent of each other.
        colours: of the methods, in the order of the rows.
        digits: how the mean is written.
    """
    dots(ax, frames, score, "method", colours, size=3.5, alpha=0.5)
    groups = frames.groupby(["method", by], as_index=False)[score].mean()
    error = {"errorbar": _student, "capsize": 0.2, "err_kws": {"color": INK, "linewidth": 1.5}}
    means(ax, groups, score, "method", colours, **DIAMOND | error)
    for y, mean in enumerate(groups.groupby("method")[score].mean().reindex(list(colours))):
        ax.annotate(format(mean, digits), (mean, y), (0, 7), textcoords="offset points", size=SMALL, color=INK,
                    ha="center", path_effects=[withStroke(linewidth=2, foreground="white")])  # fmt: skip


def _student(values: pd.Series) -> tuple[float, float]:
    """Return the ends of the project's own interval, so that no other is drawn."""
    mean, half = interval(values)
    return mean - half, mean + half

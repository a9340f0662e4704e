"""A row for every name and a panel for every number: the layout that the charts of methods share.

Their rows and colours are one mapping, name -> colour, the first on top.
"""

from collections.abc import Mapping

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patheffects import withStroke

from companion.plots.palette import GREY, INK
from companion.plots.style import SMALL, canvas, tidy
from nircore.metrics.summary import interval

Colours = Mapping[str, str]
Columns = Mapping[str, tuple[str, str, float]]
DIAMOND = {"marker": "D", "markersize": 6, "markeredgewidth": 1, "markeredgecolor": INK, "errorbar": None}


def shared_rows(figure: Figure | SubFigure, count: int) -> list[Axes]:
    """Return `count` panels side by side that share their rows, with lines to read the numbers by."""
    axes = list(figure.subplots(1, count, sharey=True, squeeze=False)[0])
    for ax in axes:
        ax.grid(axis="x", color=GREY, alpha=0.3, lw=0.6)
    return axes


def ideal(ax: Axes, value: float) -> None:
    """Draw where the right answer lies, or what is to be beaten."""
    ax.axvline(value, color=INK, lw=1, ls="--", zorder=1)


def dots(ax: Axes, table: pd.DataFrame, x: str, y: str, colours: Colours, **look: object) -> None:
    """Draw `x` of every line of a table as a dot in the row `y`."""
    look = {"size": 4, "alpha": 0.5, "jitter": False, "legend": False, "orient": "y"} | look
    seaborn.stripplot(table, x=x, y=y, hue=y, order=list(colours), palette=dict(colours), ax=ax, **look)


def means(ax: Axes, table: pd.DataFrame, x: str, y: str, colours: Colours, **look: object) -> None:
    """Draw the mean of `x` in every row `y` as a diamond."""
    look = DIAMOND | {"linestyle": "none", "legend": False, "orient": "y"} | look
    seaborn.pointplot(table, x=x, y=y, hue=y, order=list(colours), palette=dict(colours), ax=ax, **look)


def numbers(table: pd.DataFrame, columns: Columns, y: str, colours: Colours, further: int = 0) -> list[Axes]:
    """Draw columns of a table side by side, every line a dot and its row's mean a diamond; return the panels.

    `columns` gives each a title, what stands below, and the right answer, a dashed line; `y` is the column whose
    values are the rows; `further` panels are left empty at the end.
    """
    axes = shared_rows(canvas(1.4 + 0.45 * len(colours)), len(columns) + further)
    for ax, (column, (title, below, answer)) in zip(axes, columns.items(), strict=False):
        ideal(ax, answer)
        dots(ax, table, column, y, colours)
        means(ax, table, column, y, colours)
        tidy(ax, below, title=title)
    return axes


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
    dots(ax, frames, score, "method", colours)
    groups = frames.groupby(["method", by], as_index=False)[score].mean()
    error = {"errorbar": _student, "capsize": 0.2, "err_kws": {"color": INK, "linewidth": 1.5}}
    means(ax, groups, score, "method", colours, **error)
    for y, mean in enumerate(groups.groupby("method")[score].mean().reindex(list(colours))):
        ax.annotate(format(mean, digits), (mean, y), (0, 7), textcoords="offset points", size=SMALL, color=INK,
                    ha="center", path_effects=[withStroke(linewidth=2, foreground="white")])  # fmt: skip


def _student(values: pd.Series) -> tuple[float, float]:
    """Return the ends of the project's own interval, so that no other is drawn."""
    mean, half = interval(values)
    return mean - half, mean + half

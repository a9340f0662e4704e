"""Attribution, the discriminators' verdicts and trust, drawn: images with scales, curves with their controls."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.plots.grid import GAP, LINE, Grid
from companion.plots.palette import ACCENT, ENHANCED, FURTHER, GREY, INK, LOW_LIGHT, TARGET, coloured
from companion.plots.panels import BAR, HIGHEST, caption, colour_bar, place, scale, show, window
from companion.plots.style import NORMAL, SMALL, WIDTH, canvas, legend, legend_below, need, need_frames, tidy

COLUMNS = 5
SIDE = (WIDTH - GAP) / COLUMNS - GAP  # inch: of a map
COLOURS = dict(zip(
    ("integrated gradients", "LAM", "SmoothGrad", "saliency", "occlusion", "Grad-CAM"),
    (ENHANCED, LOW_LIGHT, TARGET, ACCENT, *FURTHER), strict=False,
))  # fmt: skip

KINDS = {"trust": INK, "term": "white", "control": GREY}


def maps(asked: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw, for every question about a frame: window, output, their difference, and the map of every method.

    Args:
        asked: for each question in words, (H, W) each: input and output, normalised; region, bool, which is outlined;
            and maps by name. Signed maps are red where a pixel adds to the number and blue where it takes from it;
            each map has its own scale, from 0 to its 99.5th percentile, for methods have different units.
    """
    need_frames([found["input"] for found in asked.values()], "attribution")
    grid, tiles = Grid(COLUMNS, SIDE, SIDE), {said: _tiles(**found) for said, found in asked.items()}
    block = 0.8 * LINE + grid.total(max(map(len, tiles.values())))
    figure = canvas(len(asked) * block, layout=None)
    for k, (said, shown) in enumerate(tiles.items()):
        caption(figure, GAP, k * block + LINE / 2, said, SMALL)
        for index, (title, (values, levels, colours)) in enumerate(shown.items()):
            ax = grid.place(figure, index, k * block + 0.8 * LINE)
            show(ax, values, levels, colours=colours)
            ax.contour(asked[said]["region"], [0.5], colors=[TARGET], linewidths=0.9)
            ax.set_title(title, size=SMALL, color=COLOURS.get(title, INK), pad=3)
    return figure


def _tiles(input: np.ndarray, output: np.ndarray, region: np.ndarray, **found: np.ndarray) -> dict[str, tuple]:
    """Return what is shown of a question: title -> image (H, W), levels, colours."""
    levels, change = window([input, output]), output - input
    shown = {"input": (input, levels, "gray"), "output": (output, levels, "gray")}
    return shown | {title: (values, *scale(values)) for title, values in ({"G(x) - x": change} | found).items()}


def faithfulness(curves: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Draw median deletion and insertion curves, and every map's score beside the best control's."""
    need(curves, ("map", "kind", "order", "share", "deletion", "insertion", "counts"), "faithfulness")
    need(table, ("map", "kind", "score"), "faithfulness")
    part = curves[(curves["order"] == "signed") & curves["counts"]]
    medians = part.groupby(["kind", "map", "share"], as_index=False, sort=False)[["deletion", "insertion"]].median()
    medians["percent"] = (100 * medians["share"]).map("{:g}".format)
    figure = canvas(3.7)
    *axes, bars = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    for ax, which, better in zip(axes, ("deletion", "insertion"), ("lower", "higher"), strict=True):
        _curves(ax, medians, which)
        ax.set_xticks(ax.get_xticks()[::2])
        tidy(ax, "% of pixels", f"the number ({better} is better)", which)
    _scores(bars, table)
    legend_below(figure, ncols=6)
    return figure


def _curves(ax: Axes, medians: pd.DataFrame, which: str) -> None:
    """Draw a curve per method in its colour, and thin, grey and dashed ones for the controls."""
    for kind, rows in medians.groupby("kind", sort=False):
        look: dict[str, Any] = {"units": "map", "color": GREY, "lw": 1, "ls": "--"}
        if kind == "method":
            look = {"hue": "map", "palette": coloured(rows["map"], COLOURS), "lw": 1.6}
        seaborn.lineplot(rows, x="percent", y=which, estimator=None, legend=which == "deletion", ax=ax, **look)


def _scores(ax: Axes, table: pd.DataFrame) -> None:
    """Draw a bar per map, controls grey and dashed line at the best of them."""
    ordered = table.sort_values("score", ascending=False)
    seaborn.barplot(
        ordered, x="score", y="map", hue="map", palette=coloured(ordered["map"], COLOURS), saturation=1,
        errorbar=None, ax=ax,
    )  # fmt: skip
    ax.axvline(table.loc[table["kind"] == "control", "score"].max(), color=INK, lw=1, ls="--")
    ax.axvline(0, color=INK, lw=0.8)
    tidy(ax, "dashed: best control", title="insertion - deletion")


def patch_verdicts(shown: Mapping[str, Mapping[str, np.ndarray]], table: pd.DataFrame) -> Figure:
    """Draw frames with each patch's probability of being real laid over them in colour.

    Args:
        shown: image (H, W), and chance (H, W) in [0, 1], by the question that was asked.
        table: mean, a probability; one row for each question first.
    """
    need(table, ("mean",), "patch verdicts")
    frames = need_frames([parts["image"] for parts in shown.values()], "patch verdicts")
    grid, levels = Grid.of(frames, len(shown)), window(frames)
    figure = canvas(grid.total(len(shown)), layout=None)
    for k, ((title, parts), mean) in enumerate(zip(shown.items(), table["mean"], strict=False)):
        ax = grid.place(figure, k)
        show(ax, parts["image"], levels)
        over = ax.imshow(parts["chance"], cmap="RdBu_r", vmin=0, vmax=1, alpha=0.6)
        ax.set_title(f"{title} {mean:.0%}", size=SMALL, color=INK, pad=3)
    grid.bar(over, len(shown) - 1, "probability of being real")
    return figure


def trust(shown: Mapping[str, Mapping[str, np.ndarray]], table: pd.DataFrame) -> Figure:
    """Draw input, output, true error and half-width (H, W) in DN, the latter two on one scale; below, who finds what.

    Args:
        shown: of one frame, by its name: the four in this order, by what stands over them.
        table: score, kind, auc_wrong, auc_inserted; a row per frame and score.
    """
    need(table, ("score", "kind", "auc_wrong", "auc_inserted"), "trust")
    (parts,) = shown.values()
    frames = need_frames(parts.values(), "trust")
    bar = BAR + 0.5
    width = (WIDTH - 2 * bar - 5 * GAP) / 4
    height = width * frames[0].shape[0] / frames[0].shape[1]
    figure = canvas(height + LINE + 2.9, layout=None)
    greys, tops = window(frames[:2]), (0.0, float(np.nanpercentile(frames[3], HIGHEST)))
    for k, (title, frame) in enumerate(zip(parts, frames, strict=True)):
        left = GAP + k * (width + GAP) + (bar if k > 1 else 0)
        ax = place(figure, left, LINE, width, height)
        drawn = show(ax, frame, *((greys, INK, "gray") if k < 2 else (tops, INK, "magma")))
        ax.set_title(title, size=NORMAL, color=INK, pad=3)
        if k % 2:
            colour_bar(drawn, left + width + GAP / 2, LINE, height, "DN")
    means = table.groupby(["score", "kind"], as_index=False, sort=False)[["auc_wrong", "auc_inserted"]].mean()
    for k, (column, title) in enumerate((("auc_wrong", "wrong pixels"), ("auc_inserted", "inserted vessels"))):
        ax = place(figure, 1.25 + k * 3.55, height + LINE + 0.45, 3.05, 1.85)
        _found(ax, means, column, title, first=k == 0)
    return figure


def _found(ax: Axes, means: pd.DataFrame, column: str, title: str, first: bool) -> None:
    """Draw how well each score finds what is wrong; the first panel names the scores and their kinds."""
    seaborn.stripplot(
        means, x=column, y="score", hue="kind", palette=KINDS, jitter=False, size=6, linewidth=1, edgecolor=INK,
        legend=first, ax=ax,
    )  # fmt: skip
    ax.axvline(0.5, color=INK, lw=1, ls="--")
    ax.set_xlim(0, 1)
    ax.grid(axis="x", color=GREY, alpha=0.3, lw=0.6)
    tidy(ax, "area under the ROC curve; dashed: chance", title=f"finding {title}")
    if first:
        legend(ax, loc="lower left")
    else:
        ax.set_yticklabels([])

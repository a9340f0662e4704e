"""Attribution, the discriminators' verdicts and trust, drawn: images with scales, curves with their controls."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nircore.plots.panels import BAR, colour_bar, place, window
from nircore.plots.style import (  # fmt: skip
    ACCENT,
    ENHANCED,
    FURTHER,
    GREY,
    INK,
    LOW_LIGHT,
    NORMAL,
    SMALL,
    TARGET,
    WIDTH,
    canvas,
    legend,
    need,
    need_frames,
    tidy,
)

COLUMNS, GAP, LINE, RIGHT = 5, 0.1, 0.24, 0.1  # inch
HIGHEST = 99.5  # percentile that the brightest colour stands for
COLOURS = dict(zip(
    ("integrated gradients", "LAM", "SmoothGrad", "saliency", "occlusion", "Grad-CAM"),
    (ENHANCED, LOW_LIGHT, TARGET, ACCENT, *FURTHER), strict=False,
))  # fmt: skip

KINDS = {"trust": (INK, INK, "o"), "term": ("white", INK, "o"), "control": (GREY, GREY, "s")}


def image(ax: Axes, values: np.ndarray, levels: tuple[float, float], colours: str, region: np.ndarray | None) -> Any:
    """Show (H, W) between two levels, and outline a region on it."""
    ax.set(xticks=[], yticks=[])
    shown = ax.imshow(values, cmap=colours, vmin=levels[0], vmax=levels[1], interpolation="nearest")
    if region is not None:
        ax.contour(region, [0.5], colors=[TARGET], linewidths=0.9)
    return shown


def scale(values: np.ndarray) -> tuple[tuple[float, float], str]:
    """Return levels and colour map: diverging around 0 for a signed map, else from 0 upwards."""
    reach = float(np.percentile(np.abs(values), HIGHEST)) or 1.0
    return ((-reach, reach), "RdBu_r") if values.min() < -0.01 * reach else ((0.0, reach), "magma")


def maps(asked: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw, for every question about a frame: window, output, their difference, and the map of every method.

    Args:
        asked: for each question in words, (H, W) each: input and output, normalised; region, bool, which is outlined;
            and maps by name. Signed maps are red where a pixel adds to the number and blue where it takes from it;
            each map has its own scale, from 0 to its 99.5th percentile, for methods have different units.
    """
    need_frames([found["input"] for found in asked.values()], "attribution")
    count = max(map(len, asked.values()))  # input, output and their difference stand for input, output and region
    lines = -(-count // COLUMNS)
    side = (WIDTH - (COLUMNS + 1) * GAP) / COLUMNS
    block = lines * (side + LINE + GAP) + 1.6 * LINE
    figure = canvas(len(asked) * block, layout=None)
    for k, (said, found) in enumerate(asked.items()):
        top = k * block
        figure.text(
            GAP / WIDTH, 1 - (top + 0.75 * LINE) / figure.get_figheight(), said, size=SMALL, color=INK, va="center"
        )
        levels, change = window([found["input"], found["output"]]), found["output"] - found["input"]
        tiles = {name: (found[name], levels, "gray") for name in ("input", "output")}
        shown = {"G(x) - x": change} | {name: map_ for name, map_ in found.items() if name not in ("region", *tiles)}
        tiles |= {title: (values, *scale(values)) for title, values in shown.items()}
        for index, (title, (values, limits, colours)) in enumerate(tiles.items()):
            row, column = divmod(index, COLUMNS)
            at = GAP + column * (side + GAP), top + 1.6 * LINE + row * (side + LINE + GAP) + LINE
            ax = place(figure, *at, side, side)
            image(ax, values, limits, colours, found["region"])
            ax.set_title(title, size=SMALL, color=COLOURS.get(title, INK), pad=3)
    return figure


def faithfulness(curves: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Draw median deletion and insertion curves, and every map's score beside the best control's."""
    need(curves, ("map", "kind", "order", "share", "deletion", "insertion", "counts"), "faithfulness")
    need(table, ("map", "kind", "score"), "faithfulness")
    figure = canvas(3.7)
    axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    part = curves[(curves["order"] == "signed") & curves["counts"]]
    means = part.groupby(["kind", "map", "share"], sort=False)[["deletion", "insertion"]].median()
    for ax, which, better in ((axes[0], "deletion", "lower is better"), (axes[1], "insertion", "higher is better")):
        for (kind, name), rows in means.groupby(level=[0, 1], sort=False):
            style = (
                {"color": COLOURS.get(name, GREY), "lw": 1.6}
                if kind == "method"
                else {"color": GREY, "lw": 1, "ls": "--"}
            )
            ax.plot(range(len(rows)), rows[which].to_numpy(), label=name if kind == "method" else None, **style)
        shares = [f"{100 * share:g}" for share in part["share"].unique()]
        ax.set_xticks(range(0, len(shares), 2), shares[::2])
        tidy(ax, "% of pixels", f"the number ({better})" if which == "deletion" else better, which)
    _scores(axes[2], table)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False, fontsize=SMALL
    )
    return figure


def _scores(ax: Axes, table: pd.DataFrame) -> None:
    """Draw a bar per map, controls grey and dashed line at the best of them."""
    ordered = table.sort_values("score")
    colours = [
        COLOURS.get(name, GREY) if kind == "method" else GREY
        for name, kind in zip(ordered["map"], ordered["kind"], strict=True)
    ]
    ax.barh(ordered["map"], ordered["score"], color=colours, height=0.7)
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
    width = (WIDTH - 0.75 - (len(shown) + 1) * GAP) / len(shown)
    height = width * frames[0].shape[0] / frames[0].shape[1]
    figure = canvas(height + LINE + GAP, layout=None)
    levels = window(frames)
    for k, ((title, parts), mean) in enumerate(zip(shown.items(), table["mean"], strict=False)):
        ax = place(figure, GAP + k * (width + GAP), LINE, width, height)
        image(ax, parts["image"], levels, "gray", None)
        over = ax.imshow(parts["chance"], cmap="RdBu_r", vmin=0, vmax=1, alpha=0.6)
        ax.set_title(f"{title} {mean:.0%}", size=SMALL, color=INK, pad=3)
    colour_bar(over, WIDTH - 0.75 + GAP / 2, LINE, height, "probability of being real")
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
        drawn = image(ax, frame, *((greys, "gray") if k < 2 else (tops, "magma")), None)
        ax.set_title(title, size=NORMAL, color=INK, pad=3)
        if k % 2:
            colour_bar(drawn, left + width + GAP / 2, LINE, height, "DN")
    means = table.groupby(["score", "kind"], sort=False)[["auc_wrong", "auc_inserted"]].mean().reset_index()
    for k, (column, title) in enumerate((("auc_wrong", "wrong pixels"), ("auc_inserted", "inserted vessels"))):
        ax = place(figure, 1.25 + k * 3.55, height + LINE + 0.45, 3.05, 1.85)
        _found(ax, means, column, title, labels=k == 0)
    return figure


def _found(ax: Axes, means: pd.DataFrame, column: str, title: str, labels: bool) -> None:
    places = np.arange(len(means))[::-1]
    for kind, (face, edge, marker) in KINDS.items():
        here = (means["kind"] == kind).to_numpy()
        ax.scatter(
            means[column][here], places[here], 36, c=face, edgecolors=edge, marker=marker, label=kind, zorder=3
        )
    ax.axvline(0.5, color=INK, lw=1, ls="--")
    ax.set_yticks(places, means["score"] if labels else [""] * len(means))
    ax.set_xlim(0, 1)
    ax.grid(axis="x", color=GREY, alpha=0.3, lw=0.6)
    if labels:
        legend(ax, loc="lower left")
    tidy(ax, "area under the ROC curve; dashed: chance", title=f"finding {title}")

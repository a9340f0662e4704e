"""Attribution, the discriminators' verdicts and trust, drawn: images with scales, curves with their controls."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from companion.plots.palette import ACCENT, ENHANCED, FURTHER, GREY, INK, LOW_LIGHT, TARGET, coloured
from companion.plots.panels import HIGHEST, grid, height, scale, show, stacked, window
from companion.plots.rows import ideal, shared_rows
from companion.plots.style import NORMAL, SMALL, canvas, note, tidy

COLOURS = dict(zip(
    ("integrated gradients", "LAM", "SmoothGrad", "saliency", "occlusion", "Grad-CAM"),
    (ENHANCED, LOW_LIGHT, TARGET, ACCENT, *FURTHER), strict=False,
))  # fmt: skip

KINDS = {"trust": INK, "control": GREY}


def maps(asked: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw, for every question about a frame: input, output, their difference, and the map of every method.

    Args:
        asked: for each question in words, (H, W) each: input and output, normalised; region, bool, which is outlined;
            and maps by name. Signed maps are red where a pixel adds to the number and blue where it takes from it;
            each map has its own scale, from 0 to its 99.5th percentile, for methods have different units.
    """
    shown = {said: _images(**found) for said, found in asked.items()}
    parts = stacked(*(height([image for image, _, _ in block.values()]) + 0.25 for block in shown.values()))
    for part, (said, block) in zip(parts, shown.items(), strict=True):
        part.suptitle(said, size=SMALL, color=INK, x=0.01, ha="left")
        axes = grid(part, len(block))
        for ax, (title, (values, levels, colours)) in zip(axes, block.items(), strict=True):
            part.colorbar(show(ax, values, levels, colours=colours), ax=ax, shrink=0.7).ax.tick_params(labelsize=6)
            ax.contour(asked[said]["region"], [0.5], colors=[TARGET], linewidths=0.9)
            ax.set_title(title, size=SMALL, color=COLOURS.get(title, INK), pad=3, loc="left")
    return parts[0].figure


def _images(input: np.ndarray, output: np.ndarray, region: np.ndarray, **found: np.ndarray) -> dict[str, tuple]:
    """Return what is shown of a question: title -> image (H, W), levels, colours."""
    levels, change = window([input, output]), output - input
    shown = {"input": (input, levels, "gray"), "output": (output, levels, "gray")}
    return shown | {title: (values, *scale(values)) for title, values in ({"G(x) - x": change} | found).items()}


def faithfulness(curves: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Draw median deletion and insertion curves (controls grey and dashed), and every map's score, sorted."""
    part = curves[(curves["order"] == "signed") & curves["counts"]]
    medians = part.groupby(["kind", "map", "share"], as_index=False, sort=False)[["deletion", "insertion"]].median()
    medians["percent"] = (100 * medians["share"]).map("{:g}".format)
    ordered = table.sort_values("score", ascending=False)
    colours, dashes = coloured(table["map"], COLOURS), {"method": "", "control": (3, 1)}
    figure = canvas(3.7)
    *axes, bars = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    for ax, which, better in zip(axes, ("deletion", "insertion"), ("lower", "higher"), strict=True):
        look = {"hue": "map", "palette": colours, "style": "kind", "dashes": dashes, "legend": False, "ax": ax}
        seaborn.lineplot(medians, x="percent", y=which, estimator=None, units="map", **look)
        ax.set_xticks(ax.get_xticks()[::2])
        tidy(ax, "% of pixels", f"the number ({better} is better)", which)
    seaborn.barplot(ordered, x="score", y="map", hue="map", palette=colours, saturation=1, errorbar=None, ax=bars)
    ideal(bars, table.loc[table["kind"] == "control", "score"].max())
    bars.axvline(0, color=INK, lw=0.8)
    tidy(bars, "dashed: best control", title="insertion - deletion")
    return figure


def patch_verdicts(shown: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw frames with each patch's probability of being real laid over them in colour, and its mean above.

    Args:
        shown: image (H, W), and chance (H, W) in [0, 1], by the question that was asked.
    """
    if not shown:
        return note("This recipe trains no discriminator for each domain.")
    frames = [parts["image"] for parts in shown.values()]
    figure, levels = canvas(height(frames)), window(frames)
    axes = figure.subplots(1, len(shown), squeeze=False)[0]
    for ax, (title, parts) in zip(axes, shown.items(), strict=True):
        show(ax, parts["image"], levels)
        over = ax.imshow(parts["chance"], cmap="RdBu_r", vmin=0, vmax=1, alpha=0.6)
        ax.set_title(f"{title} {parts['chance'].mean():.0%}", size=SMALL, color=INK, pad=3)
    figure.colorbar(over, ax=list(axes), label="probability of being real")
    return figure


def trust(shown: Mapping[str, Mapping[str, np.ndarray]], table: pd.DataFrame) -> Figure:
    """Draw input, output, true error and half-width (H, W) in DN, the latter two on one scale; below, who finds what.

    Args:
        shown: of one frame, by its name: the four in this order, by what stands over them.
        table: score, kind, auc_wrong, auc_inserted; a row per frame and score.
    """
    (parts,) = shown.values()
    frames = list(parts.values())
    above, below = stacked(height(frames[:1], 4), 2.6)
    greys, errors = window(frames[:2]), (0.0, float(np.nanpercentile(frames[3], HIGHEST)))
    for k, (ax, title, frame) in enumerate(zip(above.subplots(1, 4), parts, frames, strict=True)):
        drawn = show(ax, frame, *((greys, INK, "gray") if k < 2 else (errors, INK, "magma")))
        ax.set_title(title, size=NORMAL, color=INK, pad=3)
        if k % 2:
            above.colorbar(drawn, ax=ax, shrink=0.8, label="DN")
    means = table.groupby(["score", "kind"], as_index=False, sort=False)[["auc_wrong", "auc_inserted"]].mean()
    panels = {"auc_wrong": "wrong pixels", "auc_inserted": "inserted vessels"}
    for ax, (column, title) in zip(shared_rows(below, 2), panels.items(), strict=True):
        look = {"hue": "kind", "palette": KINDS, "jitter": False, "size": 6, "legend": False}
        seaborn.stripplot(means, x=column, y="score", ax=ax, **look)
        ideal(ax, 0.5)
        ax.set_xlim(0, 1)
        tidy(ax, "area under the ROC curve; dashed: chance", title=f"finding {title}")
    return above.figure

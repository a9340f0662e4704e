"""Frames side by side: one scale and one colour bar per row, so that what looks brighter is brighter."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from companion.plots.palette import ACCENT, ENHANCED, INK, LOW_LIGHT, TARGET
from companion.plots.panels import COLUMNS, detail, height, show, stacked, tiles, window
from companion.plots.style import NORMAL, SMALL, canvas, tidy

STAGES = {"low_light": ("low-light", LOW_LIGHT), "enhanced": ("enhanced", ENHANCED),
          "reference": ("reference", TARGET)}  # fmt: skip
DRIFT = {"mean": ("mean intensity (DN)", ENHANCED), "psnr": ("PSNR (dB)", LOW_LIGHT),
         "change": ("change (DN)", ACCENT)}  # fmt: skip


def before_after(rows: Sequence[Mapping[str, object]]) -> Figure:
    """Draw Fig. 3a: a row per frame with input, enhanced output, reference where there is one, and a detail of each.

    The detail is where the reference (without one, the enhanced frame) has the steepest gradients.

    Args:
        rows: label, low_light, enhanced, reference (or None), all (H, W) on one scale in DN; scores, a line of text
            (or None).
    """
    parts = stacked(*[height([rows[0]["low_light"]], 3) + 0.2] * len(rows))
    for part, row in zip(parts, rows, strict=True):
        _stages(part, row, {key: row[key] for key in STAGES if row.get(key) is not None})
    return parts[0].figure


def _stages(part: SubFigure, row: Mapping[str, object], images: dict[str, np.ndarray]) -> None:
    """Draw one frame's stages, each with its detail beside it, on one scale."""
    levels, square = window(list(images.values())), detail(images.get("reference", images["enhanced"]))
    axes = part.subplots(len(images), 1 + len(images), width_ratios=[*[3] * len(images), 1], squeeze=False)
    grid = axes[0, 0].get_gridspec()
    for k, (key, image) in enumerate(images.items()):
        name, colour = STAGES[key]
        for ax in axes[:, k]:
            ax.remove()
        ax = part.add_subplot(grid[:, k])
        shown = show(ax, image, levels, colour)
        side = square[0].stop - square[0].start
        ax.add_patch(Rectangle((square[1].start, square[0].start), side, side, fill=False, ec=colour, lw=1.2))
        ax.set_title(name, size=NORMAL, color=colour, pad=3)
        show(axes[k, -1], image[square], levels, colour)
    part.suptitle(": ".join(filter(None, (str(row["label"]), row.get("scores")))), size=SMALL, color=INK)
    part.colorbar(shown, ax=list(axes[:, -1]), label="DN")


def across_epochs(images: Sequence[np.ndarray], labels: Sequence[str]) -> Figure:
    """Draw Fig. 3b: one frame (H, W) in DN as the generator of each saved epoch enhances it, `labels` above."""
    figure = canvas(height(images))
    tiles(figure, images, labels)
    return figure


def repeated(images: Sequence[np.ndarray], labels: Sequence[str], drift: pd.DataFrame) -> Figure:
    """Draw repeated enhancement: x, G(x), G(G(x)), ... on one scale, and below what drifts on the way.

    `drift` has one row per number of applications: application, and of DRIFT's columns what there is.
    """
    names = [name for name in DRIFT if name in drift]
    above, below = stacked(height(images), 2.3)
    tiles(above, images, labels)
    for ax, name in zip(below.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        label, colour = DRIFT[name]
        tidy(ax, "applications of G", label)
        ax.plot(drift["application"], drift[name], "o-", color=colour, ms=5)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return above.figure


def domains(low_light: Sequence[np.ndarray], target: Sequence[np.ndarray], unit: str = "DN") -> Figure:
    """Draw sample frames of both domains, a row each on its own scale (they are unpaired: columns mean nothing)."""
    rows = [images[:COLUMNS] for images in (low_light, target)]
    parts = stacked(*map(height, rows))
    for part, frames, name, edge in zip(parts, rows, ("A: low-light", "B: target"), (LOW_LIGHT, TARGET), strict=True):
        tiles(part, frames, [f"domain {name}", *[""] * (len(frames) - 1)], unit, edge=edge)
    return parts[0].figure

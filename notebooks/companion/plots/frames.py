"""Frames side by side: one window and one colour bar per row, so that what looks brighter is brighter."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nircore.errors import NircoreError
from companion.plots.grid import GAP, LINE, MOST, RIGHT, Grid, ratio, same_number
from companion.plots.palette import ACCENT, ENHANCED, INK, LOW_LIGHT, TARGET
from companion.plots.panels import colour_bar, detail, outline, place, scale_bar, show, window
from companion.plots.style import NORMAL, SMALL, WIDTH, canvas, need, need_frames, tidy

LEFT = 0.3  # inch: row labels
STAGES = {
    "low_light": ("low-light", LOW_LIGHT),
    "enhanced": ("enhanced", ENHANCED),
    "reference": ("reference", TARGET),
}
DRIFT = {
    "mean": ("mean intensity", ENHANCED),
    "psnr": ("PSNR (dB)", LOW_LIGHT),
    "change": ("change", ACCENT),
}


def before_after(rows: Sequence[Mapping[str, object]], unit: str = "DN", pixel_mm: float | None = None) -> Figure:
    """Draw Fig. 3a: a row per frame with input, enhanced output, reference where there is one, and details.

    All images of a row share one window. The details are the same square of each, one below the other: where
    the reference (without one, the enhanced frame) has the steepest gradients.

    Args:
        rows: label, low_light, enhanced, reference (or None), all (H, W) on one scale in `unit`; scores, a line
            of text (or None).
        unit: what the colour bar counts.
        pixel_mm: side of a pixel on the animal in mm; draws a scale bar.

    Raises:
        NircoreError: no row, or a frame that is not 2-D or has no finite pixel.
    """
    stages = [{key: row[key] for key in STAGES if row.get(key) is not None} for row in rows]
    frames = need_frames([image for images in stages for image in images.values()], "before and after")
    for row, images in zip(rows, stages, strict=True):
        if len({np.shape(image) for image in images.values()}) > 1:
            raise NircoreError(f"The frames of row {row['label']!r} differ in size: bring them to one size first.")
    columns = [key for key in STAGES if any(key in images for images in stages)]
    shape = ratio(frames)
    # The details stand in a column of squares that is as high as an image.
    width = (WIDTH - LEFT - RIGHT - len(columns) * GAP) / (len(columns) + shape / len(columns))
    step = width * shape + GAP + LINE * any(row.get("scores") for row in rows)
    figure = canvas(LINE + len(rows) * step, layout=None)
    for index, (row, images) in enumerate(zip(rows, stages, strict=True)):
        axes = _stages(figure, images, columns, (LINE + index * step, width, width * shape), unit)
        axes[0].set_ylabel(str(row["label"]), size=NORMAL, color=INK)
        axes[len(axes) // 2].set_xlabel(row.get("scores") or "", size=SMALL, color=INK)
        if pixel_mm:
            scale_bar(axes[0], np.shape(row["low_light"]), pixel_mm)
        for key, ax in zip(images, axes, strict=True):
            ax.set_title(STAGES[key][0] if index == 0 else "", size=NORMAL, color=STAGES[key][1], pad=3)
    return figure


def _stages(
    figure: Figure,
    images: dict[str, np.ndarray],
    columns: list[str],
    box: tuple[float, float, float],
    unit: str,
) -> list[Axes]:
    """Draw one frame's stages, its details and its colour bar; `box` is top, width and height in inches."""
    top, width, height = box
    levels = window(list(images.values()))
    square = detail(images.get("reference", images["enhanced"]))
    side = (height - (len(columns) - 1) * GAP / 2) / len(columns)
    left = LEFT + len(columns) * (width + GAP)
    axes = []
    for key, image in images.items():
        k, colour = columns.index(key), STAGES[key][1]
        axes.append(place(figure, LEFT + k * (width + GAP), top, width, height))
        shown = show(axes[-1], image, levels, colour)
        outline(axes[-1], square, colour)
        show(place(figure, left, top + k * (side + GAP / 2), side, side), image[square], levels, colour)
    colour_bar(shown, left + side + GAP, top, height, unit)
    return axes


def across_epochs(
    images: Sequence[np.ndarray],
    labels: Sequence[str],
    scores: Sequence[str] | None = None,
    unit: str = "DN",
    pixel_mm: float | None = None,
) -> Figure:
    """Draw Fig. 3b: one frame as the generator of each saved epoch enhances it, five to a row, in one window.

    Args:
        images: (H, W) each, in `unit`.
        labels: what stands over each, such as "epoch 3".
        scores: what stands under each, or None.
        unit: what the colour bar counts.
        pixel_mm: side of a pixel on the animal in mm; draws a scale bar.

    Raises:
        NircoreError: no frame, unequal numbers of frames and texts, or a frame that is not 2-D.
    """
    frames = need_frames(images, "across epochs")
    if scores:
        same_number("scores", scores, frames)
    grid = Grid.of(frames, len(frames), under=1 if scores else 0)
    figure = canvas(grid.total(len(frames)), layout=None)
    axes = grid.draw(figure, frames, labels, unit, pixel_mm)
    for ax, text in zip(axes, scores or [], strict=False):
        ax.set_xlabel(text, size=SMALL, color=INK, labelpad=3)
    return figure


def repeated(
    images: Sequence[np.ndarray],
    labels: Sequence[str],
    drift: pd.DataFrame,
    unit: str = "DN",
    pixel_mm: float | None = None,
) -> Figure:
    """Draw repeated enhancement: x, G(x), G(G(x)), ... in one window, and below what drifts on the way.

    Args:
        images: (H, W) each, in `unit`.
        labels: what stands over each, such as "G(G(x))".
        drift: one row per number of applications: application, and of mean (`unit`), psnr (dB) and change
            (`unit`) what there is; one panel each, NaN left out.
        unit: what the colour bar, the mean and the change count.
        pixel_mm: side of a pixel on the animal in mm; draws a scale bar.

    Raises:
        NircoreError: no frame, unequal numbers of frames and texts, or a drift table with nothing to draw.
    """
    frames = need_frames(images, "repeated enhancement")
    need(drift, ("application", "mean"), "repeated enhancement")
    names = [name for name in DRIFT if name in drift]
    grid = Grid.of(frames, len(frames))
    above = grid.total(len(frames))
    figure = canvas(above + 2.3, layout=None)
    grid.draw(figure, frames, labels, unit, pixel_mm)
    width = WIDTH / len(names)
    for k, name in enumerate(names):
        label, colour = DRIFT[name]
        ax = place(figure, k * width + 0.7, above + 0.25, width - 0.85, 1.5)
        tidy(ax, "applications of G", label if "(" in label else f"{label} ({unit})")
        ax.plot(drift["application"], drift[name], "o-", color=colour, ms=5)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def domains(
    low_light: Sequence[np.ndarray],
    target: Sequence[np.ndarray],
    unit: str = "DN",
    pixel_mm: float | None = None,
) -> Figure:
    """Draw sample frames of both domains, a row each in its own window (they are unpaired: columns mean nothing).

    Raises:
        NircoreError: a domain has no frame, or one that is not 2-D.
    """
    rows = [need_frames(images, "domains")[:MOST] for images in (low_light, target)]
    grid = Grid.of(rows[0] + rows[1], max(map(len, rows)))
    figure = canvas(2 * grid.step, layout=None)
    for k, (frames, name, edge) in enumerate(
        zip(rows, ("A: low-light", "B: target"), (LOW_LIGHT, TARGET), strict=True)
    ):
        axes = grid.draw(figure, frames, [""] * len(frames), unit, pixel_mm, k * grid.step, edge)
        axes[0].set_title(f"domain {name}", size=NORMAL, color=edge, loc="left", pad=3)
    return figure

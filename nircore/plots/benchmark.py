"""The methods beside each other: details of some frames, and the scores of all of them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from nircore.errors import NircoreError
from nircore.plots.grid import GAP, LINE
from nircore.plots.metrics import SCORES, interval
from nircore.plots.panels import colour_bar, place, show, window
from nircore.plots.style import (
    ACCENT,
    ENHANCED,
    GREY,
    INK,
    LOW_LIGHT,
    NORMAL,
    SMALL,
    TARGET,
    WIDTH,
    canvas,
    jittered,
    need,
    need_frames,
    tidy,
)

COLUMNS = 5  # details in a row
RIGHT = 0.75  # inch: the colour bar and its numbers
#: By the table's column `kind`.
COLOURS = {"input": LOW_LIGHT, "classical": GREY, "learnt without pairs": ENHANCED, "learnt with pairs": ACCENT}


def pictures(frames: Mapping[str, Mapping[str, np.ndarray]], table: pd.DataFrame, unit: str = "DN") -> Figure:
    """Draw the same detail of each frame by every method, in rows of five; each frame in the window of its truth.

    Args:
        frames: by file: details (H, W) in `unit` on the truth's scale, by method, "truth" among them.
        table: file, method, scene, exposure_s, psnr (dB) and ssim; a method's first row of a file stands below it.
        unit: what the colour bars count.

    Raises:
        NircoreError: no frame, one without a truth, or a detail that is not 2-D.
    """
    need(table, ("file", "method", "scene", "exposure_s", *SCORES), "pictures")
    blocks = [dict(zip(shown, need_frames(shown.values(), "pictures"), strict=True)) for shown in frames.values()]
    if not blocks or any("truth" not in block for block in blocks):
        raise NircoreError("The pictures figure needs at least one frame, and a truth for each.")
    side = (WIDTH - RIGHT - COLUMNS * GAP) / COLUMNS
    step = 2 * LINE + side + GAP
    heights = [LINE + step * -(-len(block) // COLUMNS) for block in blocks]
    figure, top = canvas(sum(heights), layout=None), 0.0
    for file, block, height in zip(frames, blocks, heights, strict=True):
        levels, rows = window([block["truth"]]), table[table["file"] == file].drop_duplicates("method")
        first = rows.iloc[0]
        texts = {row.method: f"{row.psnr:.1f} dB, {row.ssim:.2f}" for row in rows.dropna(subset="psnr").itertuples()}
        _text(figure, GAP, top, f"{first['scene']}, {1000 * first['exposure_s']:g} ms")
        for k, (name, image) in enumerate(block.items()):
            row, column = divmod(k, COLUMNS)
            left, upper = GAP + column * (side + GAP), top + 2 * LINE + row * step
            ax = place(figure, left, upper, side, side)
            shown = show(ax, image, levels, TARGET if name == "truth" else INK)
            ax.set_title(name, size=SMALL, color=INK, pad=3)
            ax.set_xlabel(texts.get(name, ""), size=SMALL, color=INK, labelpad=3)
            if column == COLUMNS - 1:
                colour_bar(shown, left + side + GAP, upper, side, unit)
        top += height
    return figure


def _text(figure: Figure, left: float, top: float, text: str) -> None:
    """Write a line that begins `left` and `top` inches from the figure's top left corner."""
    across, down = figure.get_size_inches()
    figure.text(left / across, 1 - (top + LINE / 2) / down, text, size=NORMAL, color=INK, va="center")


def scores(table: pd.DataFrame, best: str) -> Figure:
    """Draw PSNR and SSIM of every method, best on top: a dot per frame, the mean, and its 95 % interval.

    Dots are means over seeds. The interval is Student's t over the animals' means, or over the scenes where there
    is one animal. The dashed line is the mean of `best`, the best classical method.

    Args:
        table: a row per method, seed and frame: method, kind, file, group, scene, psnr (dB), ssim; rows without a
            score are left out.
        best: a method in the table.

    Raises:
        NircoreError: the table is empty, lacks a column, or does not hold `best`.
    """
    table = need(table, ("method", "kind", "file", "group", "scene", *SCORES), "benchmark").dropna(subset=[*SCORES])
    if best not in set(table["method"]):
        raise NircoreError(f"The benchmark figure has no method {best!r} to compare with.")
    by = "group" if table["group"].nunique() > 1 else "scene"
    frames = table.groupby(["method", "kind", "file", by], as_index=False)[list(SCORES)].mean()
    order = frames.groupby("method")["psnr"].mean().sort_values(ascending=False)
    figure = canvas(1.3 + 0.42 * len(order))
    panels = figure.subplots(1, 2, sharey=True)
    for ax, (name, (label, digits)) in zip(panels, SCORES.items(), strict=True):
        tidy(ax, label).grid(axis="x", color=GREY, alpha=0.3, lw=0.6)
        line = frames.loc[frames["method"] == best, name].mean()
        ax.axvline(line, ls="--", color=INK, lw=1, zorder=1)
        for y, method in enumerate(order.index):
            _dots(ax, y, frames[frames["method"] == method], name, by, digits)
    panels[0].set_yticks(range(len(order)), order.index)
    panels[0].set_ylim(len(order) - 0.4, -0.7)
    panels[1].tick_params(left=False)
    _key(figure, panels[0], set(table["kind"]))
    return figure


def _dots(ax: Axes, y: float, rows: pd.DataFrame, name: str, by: str, digits: str) -> None:
    """Draw one method's frames as dots around height `y`, and their mean with its interval."""
    values, colour = rows[name].to_numpy(dtype=float), COLOURS[rows["kind"].iloc[0]]
    ax.scatter(values, jittered(y, len(values)), 10, color=colour, alpha=0.5, lw=0, zorder=2)
    mean, half = interval(rows.groupby(by)[name].mean())
    ax.errorbar(mean, y, xerr=None if np.isnan(half) else half, fmt="D", color=INK, mfc=colour, capsize=3, ms=6)
    ax.annotate(format(mean, digits), (mean, y), (0, 7), textcoords="offset points", size=SMALL, color=INK,
                ha="center", path_effects=[withStroke(linewidth=2, foreground="white")])  # fmt: skip


def _key(figure: Figure, ax: Axes, kinds: set[str]) -> None:
    """Say below the panels what the colours and the dashed line are."""
    marks = [ax.plot([], [], "D", color=COLOURS[kind], mec=INK, label=kind)[0] for kind in COLOURS if kind in kinds]
    marks += ax.plot([], [], "--", color=INK, lw=1, label="best classical on validation")
    figure.legend(handles=marks, loc="outside lower center", ncols=3, frameon=False, fontsize=SMALL, labelcolor=INK)

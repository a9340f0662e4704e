"""The methods beside each other: details of some frames, the scores of all, and what the terms of one are worth."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from companion.plots.metrics import SCORES
from companion.plots.palette import ACCENT, ENHANCED, GREY, INK, LOW_LIGHT, PALETTE
from companion.plots.panels import height, stacked, tiles, window
from companion.plots.rows import ideal, means, numbers, scored, shared_rows
from companion.plots.style import NORMAL, SMALL, canvas, legend_below, tidy

#: By the table's column `kind`.
COLOURS = {"input": LOW_LIGHT, "classical": GREY, "learnt without pairs": ENHANCED, "learnt with pairs": ACCENT}
WORTH = {"psnr": "PSNR (dB)", "ssim": "SSIM", "cl_dice": "clDice"}
MEASURES = {
    "psnr": "PSNR to the long window (dB)",
    "sbr": "SBR, calibrated",
    "relative_width": "vessel width / truth's",
}
TRUTH = "truth"


def pictures(frames: Mapping[str, Mapping[str, np.ndarray]], table: pd.DataFrame) -> Figure:
    """Draw the same detail of each frame by every method, in rows of five; each frame on the scale of its truth.

    Args:
        frames: by file: details (H, W) in DN on the truth's scale, by method, "truth" among them.
        table: file, method, scene, exposure_s, psnr (dB) and ssim; a method's first row of a file stands below it.
    """
    parts = stacked(*(height(list(block.values())) + 0.5 for block in frames.values()))
    for part, (file, block) in zip(parts, frames.items(), strict=True):
        rows = table[table["file"] == file].drop_duplicates("method")
        texts = {row.method: f"{row.psnr:.1f} dB, {row.ssim:.2f}" for row in rows.dropna(subset="psnr").itertuples()}
        label = "{}, {:g} ms".format(rows["scene"].iloc[0], 1000 * rows["exposure_s"].iloc[0])
        part.suptitle(label, size=NORMAL, color=INK, x=0.01, ha="left")
        axes = tiles(part, list(block.values()), list(block), levels=window([block["truth"]]))
        for ax, name in zip(axes, block, strict=True):
            ax.title.set_size(SMALL)
            ax.set_xlabel(texts.get(name, ""), size=SMALL, color=INK, labelpad=3)
    return parts[0].figure


def scores(table: pd.DataFrame, best: str) -> Figure:
    """Draw PSNR and SSIM of every method, best on top: a dot per frame, the mean, and its 95 % interval.

    Dots are means over seeds. The interval is Student's t over the animals' means, or over the scenes where there
    is one animal. The dashed line is the mean of `best`, the best classical method.

    Args:
        table: a row per method, seed and frame: method, kind, file, group, scene, psnr (dB), ssim; rows without a
            score are left out.
        best: a method in the table.
    """
    table = table.dropna(subset=[*SCORES])
    by = "group" if table["group"].nunique() > 1 else "scene"
    frames = table.groupby(["method", "kind", "file", by], as_index=False)[list(SCORES)].mean()
    averages = frames.groupby(["method", "kind"])[list(SCORES)].mean().sort_values("psnr", ascending=False)
    colours = {method: COLOURS[kind] for method, kind in averages.index}
    figure = canvas(1.3 + 0.42 * len(colours))
    for ax, (name, (label, digits)) in zip(shared_rows(figure, len(SCORES)), SCORES.items(), strict=True):
        ideal(ax, averages.loc[best, name].item())
        scored(ax, frames, name, by, colours, digits)
        if name == "ssim":
            ax.set_xlim(right=min(1, ax.get_xlim()[1]))  # an interval may reach beyond, no score does
        tidy(ax, label)
    for kind in (kind for kind in COLOURS if kind in set(table["kind"])):
        figure.axes[0].plot([], [], "D", color=COLOURS[kind], mec=INK, label=kind)
    figure.axes[0].plot([], [], "--", color=INK, lw=1, label="best classical method")
    legend_below(figure, ncols=3)
    return figure


def worth(table: pd.DataFrame, whole: str) -> Figure:
    """Draw what the whole system has over itself without each part: mean over seeds and its 95 % interval.

    Args:
        table: as `companion.study.recipes.worth` returns it; the row "nothing" is the whole system and is not drawn.
        whole: its name.
    """
    rows = table[table["part"] != "nothing"]
    colours = dict.fromkeys(rows["part"], ENHANCED)
    figure = canvas(1.5 + 0.4 * len(rows))
    for ax, (key, label) in zip(shared_rows(figure, len(WORTH)), WORTH.items(), strict=True):
        means(ax, rows, f"{key}_worth", "part", colours)
        ax.hlines(rows["part"], rows[f"{key}_low"], rows[f"{key}_high"], color=INK, lw=1.5)
        ideal(ax, 0)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.locator_params(axis="x", nbins=5)
        tidy(ax, f"{label}, with minus without")
    seeds = int(rows["seeds"].max())
    figure.suptitle(f"{whole}: what each term is worth ({seeds} seeds; right of 0: it helps)", size=SMALL, color=INK)
    return figure


def shift(table: pd.DataFrame) -> Figure:
    """Draw every pair of windows as a dot and each method's mean; the dashed lines are the truth's values.

    Args:
        table: rows of `companion.study.spectrum_shift.COLUMNS`.
    """
    rows, truth = table[table["method"] != TRUTH], table[table["method"] == TRUTH]
    columns = {key: ("", label, truth[key].mean()) for key, label in MEASURES.items()}
    return numbers(rows, columns, "method", dict(zip(rows["method"].unique(), PALETTE, strict=False)))[0].figure

"""The methods beside each other: details of some frames, and the scores of all of them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from companion.plots.metrics import SCORES
from companion.plots.palette import ACCENT, ENHANCED, GREY, INK, LOW_LIGHT
from companion.plots.panels import height, tiles, window
from companion.plots.rows import ideal, scored, shared_rows
from companion.plots.style import NORMAL, SMALL, canvas, legend_below, tidy

#: By the table's column `kind`.
COLOURS = {"input": LOW_LIGHT, "classical": GREY, "learnt without pairs": ENHANCED, "learnt with pairs": ACCENT}


def pictures(frames: Mapping[str, Mapping[str, np.ndarray]], table: pd.DataFrame, unit: str = "DN") -> Figure:
    """Draw the same detail of each frame by every method, in rows of five; each frame on the scale of its truth.

    Args:
        frames: by file: details (H, W) in `unit` on the truth's scale, by method, "truth" among them.
        table: file, method, scene, exposure_s, psnr (dB) and ssim; a method's first row of a file stands below it.
        unit: what the colour bars count.
    """
    heights = [height(list(block.values())) + 0.5 for block in frames.values()]
    figure = canvas(sum(heights))
    parts = figure.subfigures(len(frames), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, (file, block) in zip(parts, frames.items(), strict=True):
        rows = table[table["file"] == file].drop_duplicates("method")
        texts = {row.method: f"{row.psnr:.1f} dB, {row.ssim:.2f}" for row in rows.dropna(subset="psnr").itertuples()}
        label = "{}, {:g} ms".format(rows["scene"].iloc[0], 1000 * rows["exposure_s"].iloc[0])
        part.suptitle(label, size=NORMAL, color=INK, x=0.01, ha="left")
        axes = tiles(part, list(block.values()), list(block), unit, levels=window([block["truth"]]))
        for ax, name in zip(axes, block, strict=True):
            ax.title.set_size(SMALL)
            ax.set_xlabel(texts.get(name, ""), size=SMALL, color=INK, labelpad=3)
    return figure


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
        tidy(ax, label)
    for kind in (kind for kind in COLOURS if kind in set(table["kind"])):
        figure.axes[0].plot([], [], "D", color=COLOURS[kind], mec=INK, label=kind)
    figure.axes[0].plot([], [], "--", color=INK, lw=1, label="best classical on validation")
    legend_below(figure, ncols=3)
    return figure

"""What each term of an objective is worth, and what a shift between spectral windows carries."""

import pandas as pd
from matplotlib.figure import Figure

from companion.plots.palette import ACCENT, ENHANCED, INK, LOW_LIGHT, TARGET, coloured
from companion.plots.rows import dots, ideal, means, shared_rows
from companion.plots.style import SMALL, canvas, tidy

WORTH = {"psnr": "PSNR (dB)", "ssim": "SSIM", "cl_dice": "clDice"}
MEASURES = {
    "psnr": "PSNR to the long window (dB)",
    "sbr": "SBR, calibrated",
    "relative_width": "vessel width / truth's",
}
TRUTH = "truth"
#: By the table's column `method`.
COLOURS = {
    "low-light": LOW_LIGHT,
    "trained without shift": ACCENT,
    "trained with shift": ENHANCED,
    TRUTH: TARGET,
    "long exposure, short window": TARGET,
}


def worth(table: pd.DataFrame, whole: str) -> Figure:
    """Draw what the whole system has over itself without each part: mean over seeds and its 95 % interval.

    Args:
        table: as `companion.study.ablation.worth` returns it; the row "nothing" is the whole system and is not drawn.
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
    colours = coloured(rows["method"], COLOURS)
    figure = canvas(1.2 + 0.42 * len(colours))
    for ax, (key, label) in zip(shared_rows(figure, len(MEASURES)), MEASURES.items(), strict=True):
        dots(ax, rows, key, "method", colours)
        means(ax, rows, key, "method", colours)
        ideal(ax, truth[key].mean())
        tidy(ax, label)
    return figure

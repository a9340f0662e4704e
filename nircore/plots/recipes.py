"""What each term of an objective is worth, and what a shift between spectral windows carries."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nircore.plots.style import ACCENT, ENHANCED, GREY, INK, LOW_LIGHT, SMALL, TARGET, canvas, jittered, need, tidy

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
        table: as `nircore.study.ablation.worth` returns it; the row "nothing" is the whole system and is not drawn.
        whole: its name.
    """
    need(table, ("part", *(f"{key}_{end}" for key in WORTH for end in ("worth", "low", "high"))), "ablation")
    rows = table[table["part"] != "nothing"].reset_index(drop=True)
    figure = canvas(1.5 + 0.4 * len(rows))
    panels = figure.subplots(1, len(WORTH), sharey=True)
    for ax, (key, label) in zip(panels, WORTH.items(), strict=True):
        tidy(ax, f"{label}, with minus without").grid(axis="x", color=GREY, alpha=0.3, lw=0.6)
        ax.axvline(0, color=INK, lw=1, ls="--")
        middle = rows[f"{key}_worth"]
        ends = np.abs(np.stack([middle - rows[f"{key}_low"], rows[f"{key}_high"] - middle]))
        ax.errorbar(
            middle, rows.index, xerr=np.nan_to_num(ends), fmt="D", color=ENHANCED, mec=INK, ecolor=INK, capsize=3
        )
        ax.locator_params(axis="x", nbins=5)
    panels[0].set_yticks(rows.index, rows["part"])
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    seeds = int(rows["seeds"].max())
    figure.suptitle(f"{whole}: what each term is worth ({seeds} seeds; right of 0: it helps)", size=SMALL, color=INK)
    return figure


def shift(table: pd.DataFrame) -> Figure:
    """Draw every pair of windows as a dot and each method's mean; the dashed lines are the truth's values.

    Args:
        table: rows of `nircore.study.spectrum_shift.COLUMNS`.
    """
    need(table, ("method", *MEASURES), "spectrum shift")
    names = [name for name in dict.fromkeys(table["method"]) if name != TRUTH]
    figure = canvas(1.2 + 0.42 * len(names))
    panels = figure.subplots(1, len(MEASURES), sharey=True)
    for ax, (key, label) in zip(panels, MEASURES.items(), strict=True):
        tidy(ax, label).grid(axis="x", color=GREY, alpha=0.3, lw=0.6)
        for y, name in enumerate(names):
            _dots(ax, y, table.loc[table["method"] == name, key].to_numpy(dtype=float), COLOURS.get(name, GREY))
        truth = table.loc[table["method"] == TRUTH, key].mean()
        if np.isfinite(truth):
            ax.axvline(truth, color=INK, lw=1, ls="--", zorder=1)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.4, -0.6)
    return figure


def _dots(ax: Axes, y: float, values: np.ndarray, colour: str) -> None:
    """Draw values as dots around height `y`, and their mean."""
    ax.scatter(values, jittered(y, len(values)), 12, color=colour, alpha=0.6, lw=0, zorder=2)
    if np.isfinite(values).any():
        ax.plot(np.nanmean(values), y, "D", color=colour, mec=INK, ms=6, zorder=3)

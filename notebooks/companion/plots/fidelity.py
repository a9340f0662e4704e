"""The fidelity tests drawn: a dot per measurement, a diamond at their mean, a dashed line at the right answer."""

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.plots import rows
from companion.plots.palette import ACCENT, ENHANCED, FURTHER, INK, LOW_LIGHT, TARGET, WRONG, coloured
from companion.plots.rows import Colours, ideal, shared_rows
from companion.plots.style import canvas, legend_below, tidy

CLEAN, WITHOUT_NOISE = "clean low-light", "without noise"
COLOURS = {"low-light": LOW_LIGHT, "enhanced": ENHANCED, "non-local means": ACCENT, "truth": TARGET, CLEAN: INK,
           WITHOUT_NOISE: INK}  # fmt: skip
BLOBS = {"blobs_invented": ("blobs invented", "per frame", 0), "blobs_erased": ("blobs erased", "per frame", 0)}
#: Test -> column of its table -> title, what stands below, the right answer.
NUMBERS = {
    "structures": {
        "vessels_inserted": ("vessels inserted", "per frame", 0),
        "vessels_erased": ("vessels erased", "per frame", 0),
    } | BLOBS,
    "widths": {"ratio": ("vessel width", "width / truth's", 1), "found": ("measured at all", "share of places", 1)},
    "redegradation": {
        "chi2": ("reduced chi²", "", 1),
        "neighbours": ("residual: neighbours", "correlation", 0),
        "detail": ("residual: detail", "correlation", 0),
    },
    "cycle": {
        "noisy": ("cycle error / noise", "below 1: the noise came back", 1),
        "changed": ("cycle error / untouched", "1: nothing was hidden", 1),
    },
    "prevalence": BLOBS,
    "emptiness": {
        "excursion": ("how far it strays", "99.9 % excursion, noise SD", 0),
        "structures": ("what it makes of nothing", "structures per frame", 0),
    },
}  # fmt: skip


def numbers(table: pd.DataFrame, test: str, y: str = "denoiser") -> Figure:
    """Draw the NUMBERS of a test side by side, and where there are lesions how much of one shows with and without.

    Args:
        table: of the test; its columns of NUMBERS, perhaps lesion (bool) and lesion_share.
        test: a key of NUMBERS.
        y: the column whose values are the rows.
    """
    lesion, colours = "lesion_share" in table, coloured(table[y], COLOURS, FURTHER)
    axes = rows.numbers(table, NUMBERS[test], y, colours, further=lesion)
    if lesion:
        _with_and_without(axes[-1], table, "lesion_share", y, colours)
        tidy(axes[-1], "share shown", title="lesion")
        legend_below(axes[0].figure, ncols=2, of=-1)
    return axes[0].figure


def _with_and_without(ax: Axes, table: pd.DataFrame, x: str, y: str, colours: Colours) -> None:
    """Draw what is read where there is a lesion and where there is none, in two colours."""
    shown = table.assign(there=table["lesion"].map({True: "with a lesion", False: "without"}))
    seaborn.stripplot(shown, x=x, y=y, hue="there", order=list(colours), hue_order=["with a lesion", "without"],
                      palette=[TARGET, WRONG], dodge=True, jitter=False, size=4, alpha=0.6, ax=ax)  # fmt: skip
    ax.get_legend().remove()  # inside, it would cover dots


def linearity(table: pd.DataFrame) -> Figure:
    """Draw lesion and vessel signal against concentration, and the tumour-to-normal ratio against what it should be.

    Means over animals. What is linear in concentration is a straight line in the first two panels; what keeps the
    ratio lies on the dashed line in the third.
    """
    keys = ["sweep", "region", "denoiser", "concentration"]
    averages = table.replace({"denoiser": {CLEAN: WITHOUT_NOISE}}).groupby(keys, as_index=False, sort=False)
    averages = averages[["signal_dn", "tnr"]].mean().set_index(["sweep", "region"]).sort_index()
    lesion, vessels = averages.loc[("lesion", "lesion")], averages.loc[("probe", "vessels")]
    figure, colours = canvas(3.4), coloured(averages["denoiser"], COLOURS, FURTHER)
    left, middle, right = figure.subplots(1, 3)
    _curves(left, lesion, "concentration", "signal_dn", colours)
    tidy(left, "probe in the lesion (times)", "above background (DN)", "lesion")
    _curves(middle, vessels, "concentration", "signal_dn", colours)
    tidy(middle, "probe in the whole animal (times)", "above background (DN)", "vessels")
    right_answer = lesion[lesion["denoiser"] == WITHOUT_NOISE].set_index("concentration")["tnr"]
    part = lesion[lesion["denoiser"] != "truth"]  # another window's ratio: no right answer here
    _curves(right, part.assign(clean=part["concentration"].map(right_answer)), "clean", "tnr", colours)
    tidy(right, WITHOUT_NOISE, "as measured", "tumour-to-normal ratio")
    legend_below(figure, ncols=3)
    return figure


def _curves(ax: Axes, table: pd.DataFrame, x: str, y: str, colours: Colours) -> None:
    """Draw a curve for each denoiser, and on top of them, dashed, what there is without noise."""
    lines = {"x": x, "y": y, "hue": "denoiser", "palette": dict(colours), "errorbar": None, "ax": ax}
    first, clean = ax is ax.figure.axes[0], table["denoiser"] == WITHOUT_NOISE
    seaborn.lineplot(table[~clean], **lines, marker="o", ms=5, lw=1.4, legend=first)
    seaborn.lineplot(table[clean], **lines, ls="--", lw=1.2, legend=first)


def faint(table: pd.DataFrame) -> Figure:
    """Draw what is read at places with a faint lesion and without, a panel per contrast."""
    colours = coloured(table["denoiser"], COLOURS, FURTHER)
    contrasts = list(table["contrast_dn"].unique())
    axes = shared_rows(canvas(1.4 + 0.4 * len(colours)), len(contrasts))
    for ax, contrast in zip(axes, contrasts, strict=True):
        _with_and_without(ax, table[table["contrast_dn"] == contrast], "reads_dn", "denoiser", colours)
        ideal(ax, 0)
        tidy(ax, "stands out by (DN)", title=f"lesions of {contrast:g} DN")
    legend_below(axes[0].figure, ncols=2)
    return axes[0].figure


def widths(table: pd.DataFrame) -> Figure:
    """Draw the width of vessels over the truth's, and the share of the places where it can be measured."""
    found = table["width_px"].notna().astype(float)
    return numbers(table.assign(ratio=table["width_px"] / table["true_px"], found=found), "widths")


def emptiness(table: pd.DataFrame) -> Figure:
    """Draw the largest excursion and the structures found in frames that show nothing but noise."""
    return numbers(table[table["noise_dn"] > 0], "emptiness")


def cycle(table: pd.DataFrame) -> Figure:
    """Draw the cycle error over the noise of the input, and what each change in between does to it."""
    untouched = table[table["between"] == table["between"].iloc[0]].set_index("frame")["error"]
    changed = table["error"] / table["frame"].map(untouched)
    return numbers(table.assign(noisy=table["error"] / table["noise"], changed=changed), "cycle", "between")


def prevalence(table: pd.DataFrame) -> Figure:
    """Draw how much of a lesion shows, with and without one, by the share of training targets that bore one."""
    return numbers(table.assign(share=table["share"].map("{:.0%}".format)), "prevalence", "share")

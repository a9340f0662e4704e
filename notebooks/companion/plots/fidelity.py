"""The fidelity tests drawn: a dot per measurement, a bar at their mean, a line where the right answer lies."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from companion.plots.palette import ACCENT, ENHANCED, FURTHER, GREY, INK, LOW_LIGHT, TARGET
from companion.plots.rows import BAR, Colours, dots, ideal, means, shared_rows
from companion.plots.style import canvas, legend, legend_below, need, tidy

CLEAN, WITHOUT_NOISE = "clean low-light", "without noise"
COLOURS = {
    "low-light": LOW_LIGHT, "enhanced": ENHANCED, "non-local means": ACCENT, "truth": TARGET, CLEAN: INK,
    WITHOUT_NOISE: INK,
}  # fmt: skip


def _colours(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for each denoiser, in the order in which the table first names them."""
    names = list(dict.fromkeys(names))
    others = [name for name in names if name not in COLOURS]
    known = COLOURS | {name: FURTHER[k % len(FURTHER)] for k, name in enumerate(others)}
    return {name: known[name] for name in names}


def _panels(count: int, colours: Colours, row: float) -> list[Axes]:
    """Return panels of a new figure, side by side, whose rows are `row` inches high."""
    return shared_rows(canvas(1.4 + row * len(colours)), count)


def _measured(ax: Axes, table: pd.DataFrame, x: str, y: str, colours: Colours, **how: object) -> None:
    """Draw measurements as dots, filled or open, and their mean as a bar."""
    dots(ax, table, x, y, colours, **how)
    means(ax, table, x, y, colours, shift=how.get("shift", 0.0), **BAR)


def linearity(table: pd.DataFrame) -> Figure:
    """Draw lesion and vessel signal against concentration, and the tumour-to-normal ratio against what it should be.

    Means over animals. What is linear in concentration is a straight line in the first two panels; what keeps the
    ratio lies on the dashed line in the third.
    """
    need(table, ("sweep", "region", "denoiser", "concentration", "signal_dn", "tnr"), "linearity")
    keys = ["sweep", "region", "denoiser", "concentration"]
    averages = table.replace({"denoiser": {CLEAN: WITHOUT_NOISE}}).groupby(keys, as_index=False, sort=False)
    averages = averages[["signal_dn", "tnr"]].mean().set_index(["sweep", "region"]).sort_index()
    colours = _colours(averages["denoiser"])
    figure = canvas(3.4)
    left, middle, right = figure.subplots(1, 3)
    for ax, part, title, where in ((left, ("lesion", "lesion"), "lesion", "the lesion"),
                                   (middle, ("probe", "vessels"), "vessels", "the whole animal")):  # fmt: skip
        _curves(ax, averages.loc[part], "concentration", "signal_dn", colours)
        tidy(ax, f"probe in {where} (times)", "above background (DN)", title)
    part = averages.loc[("lesion", "lesion")]
    right_answer = part[part["denoiser"] == WITHOUT_NOISE].set_index("concentration")["tnr"]
    part = part[part["denoiser"] != "truth"]  # another window's ratio: no right answer here
    _curves(right, part.assign(clean=part["concentration"].map(right_answer)), "clean", "tnr", colours)
    tidy(right, WITHOUT_NOISE, "as measured", "tumour-to-normal ratio")
    legend_below(figure, ncols=3)
    return figure


def _curves(ax: Axes, table: pd.DataFrame, x: str, y: str, colours: Colours) -> None:
    """Draw a curve for each denoiser, and on top of them, dashed, what there is without noise."""
    made = table[table["denoiser"] != WITHOUT_NOISE]
    clean = table[table["denoiser"] == WITHOUT_NOISE]
    lines = {"x": x, "y": y, "hue": "denoiser", "palette": dict(colours), "errorbar": None, "ax": ax}
    first = ax is ax.figure.axes[0]
    seaborn.lineplot(made, **lines, marker="o", ms=5, lw=1.4, legend=first)
    seaborn.lineplot(clean, **lines, ls="--", lw=1.2, legend=first)


def structures(table: pd.DataFrame) -> Figure:
    """Draw vessels and blobs inserted (right) and erased (left) per frame, and how much of the lesion shows."""
    need(table, ("denoiser", "lesion", "vessels_inserted", "vessels_erased", "lesion_share"), "structures")
    colours = _colours(table["denoiser"])
    vessels, blobs, lesion = _panels(3, colours, 0.5)
    _both_ways(vessels, table, "vessels", "inserted", "denoiser", colours)
    _both_ways(blobs, table, "blobs", "invented", "denoiser", colours)
    _lesion(lesion, table, "denoiser", colours)
    return vessels.figure


def _both_ways(ax: Axes, table: pd.DataFrame, kind: str, more: str, y: str, colours: Colours) -> None:
    """Count what is too much to the right and what lacks to the left, as far as to the right and at least to 5."""
    _measured(ax, table, f"{kind}_{more}", y, colours)
    _measured(ax, table.assign(erased=-table[f"{kind}_erased"]), "erased", y, colours, filled=False)
    ideal(ax, 0)
    tidy(ax, f"erased (open)   {more}", title=f"{kind} per frame")
    reach = max(5.5, *np.abs(ax.get_xlim()))
    ax.set_xlim(-reach, reach)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")


def _lesion(ax: Axes, table: pd.DataFrame, y: str, colours: Colours) -> None:
    """Draw how much of a lesion shows where there is one, and where there is none (open)."""
    for there in (True, False):
        _measured(ax, table[table["lesion"] == there], "lesion_share", y, colours, filled=there)
    for value in (0, 1):
        ideal(ax, value)
    ax.axvline(0.5, color=GREY, lw=1, zorder=1)
    tidy(ax, "share shown (open: none there)", title="lesion")


def faint(table: pd.DataFrame) -> Figure:
    """Draw what is read at places with a faint lesion (filled) and without (open), a panel per contrast."""
    need(table, ("denoiser", "contrast_dn", "lesion", "reads_dn"), "faint")
    colours, contrasts = _colours(table["denoiser"]), list(table["contrast_dn"].unique())
    axes = _panels(len(contrasts), colours, 0.4)
    for ax, contrast in zip(axes, contrasts, strict=True):
        for there, shift in ((True, -0.2), (False, 0.2)):
            rows = table[(table["contrast_dn"] == contrast) & (table["lesion"] == there)]
            _measured(ax, rows, "reads_dn", "denoiser", colours, filled=there, shift=shift, width=0.2)
        ideal(ax, 0)
        tidy(ax, "stands out by (DN; open: no lesion)", title=f"lesions of {contrast:g} DN")
    return axes[0].figure


def widths(table: pd.DataFrame) -> Figure:
    """Draw the width of vessels over the truth's, and the share of the places where it can be measured."""
    need(table, ("denoiser", "width_px", "true_px"), "widths")
    colours = _colours(table["denoiser"])
    wide, found = _panels(2, colours, 0.4)
    table = table.assign(ratio=table["width_px"] / table["true_px"], found=table["width_px"].notna())
    _measured(wide, table, "ratio", "denoiser", colours)
    seaborn.barplot(table, x="found", y="denoiser", hue="denoiser", palette=colours, saturation=1, width=0.5,
                    errorbar=None, ax=found)  # fmt: skip
    ideal(wide, 1)
    tidy(wide, "width / truth's", title="vessel width")
    tidy(found, "share of the places", title="measured at all")
    found.set_xlim(0, 1.02)
    return wide.figure


def emptiness(table: pd.DataFrame) -> Figure:
    """Draw the largest excursion and the structures found in frames that show nothing, a mark for each frame."""
    need(table, ("frame", "denoiser", "noise_dn", "excursion", "structures"), "emptiness")
    table = table[table["noise_dn"] > 0]
    frames = list(table["frame"].unique())
    axes = far, found = _panels(2, _colours(table["denoiser"]), 0.5)
    for ax, key in zip(axes, ("excursion", "structures"), strict=True):
        seaborn.pointplot(
            table, x=key, y="denoiser", hue="frame", dodge=0.4, markers=["o", "s", "^", "D"][: len(frames)],
            palette=[INK] * len(frames), ms=7, mec="white", mew=0.5, linestyle="none", errorbar=None,
            legend=ax is found, ax=ax,
        )  # fmt: skip
        ideal(ax, 0)
    tidy(far, "99.9 % excursion (input noise SD)", title="how far it strays")
    tidy(found, "structures per frame", title="what it makes of nothing")
    found.set_xlim(-0.5, max(5, found.get_xlim()[1]))
    legend(found, loc="lower right")
    return far.figure


def redegradation(table: pd.DataFrame) -> Figure:
    """Draw what output and controls leave unexplained of the input: size, and two signs of structure."""
    need(table, ("denoiser", "control", "chi2", "neighbours", "detail"), "re-degradation")
    return _numbers(table, {
        "chi2": ("reduced chi²", "", 1),
        "neighbours": ("residual: neighbours", "correlation", 0),
        "detail": ("residual: detail", "correlation", 0),
    })  # fmt: skip


def shift(table: pd.DataFrame) -> Figure:
    """Draw how much a frame changes, beyond moving, when its scene moves by a pixel."""
    need(table, ("denoiser", "change", "largest"), "shift")
    return _numbers(table, {
        "change": ("mean change", "% of the output's range", 0),
        "largest": ("largest (99.9 %)", "% of range", 0),
    })  # fmt: skip


def _numbers(
    table: pd.DataFrame, columns: dict[str, tuple[str, str, float]], y: str = "denoiser",
    colours: Colours | None = None,
) -> Figure:  # fmt: skip
    """Draw columns of a table side by side, a row per name: column -> title, what stands below, the right answer."""
    colours = colours or _colours(table[y])
    axes = _panels(len(columns), colours, 0.45)
    for ax, (column, (title, below, answer)) in zip(axes, columns.items(), strict=True):
        ideal(ax, answer)
        _measured(ax, table, column, y, colours)
        tidy(ax, below, title=title)
    return axes[0].figure


def cycle(table: pd.DataFrame) -> Figure:
    """Draw the cycle error over the noise of the input, and what each change in between does to it."""
    need(table, ("frame", "between", "error", "noise"), "cycle")
    untouched = table[table["between"] == table["between"].iloc[0]].set_index("frame")["error"]
    ratios = table.assign(
        noisy=table["error"] / table["noise"], changed=table["error"] / table["frame"].map(untouched)
    )
    figure = _numbers(ratios, {
        "noisy": ("cycle error / noise of the input", "below 1: the noise itself came back", 1),
        "changed": ("cycle error / untouched", "1: nothing was hidden in what this destroys", 1),
    }, "between", dict.fromkeys(table["between"], ENHANCED))  # fmt: skip
    figure.axes[0].set_xlim(left=0)
    return figure


def prevalence(table: pd.DataFrame) -> Figure:
    """Draw how much of a lesion shows, with and without one, by the share of training targets that bore one."""
    need(table, ("share", "lesion", "lesion_share", "blobs_invented", "blobs_erased"), "prevalence")
    table = table.assign(share=table["share"].map("{:.0%}".format))
    colours = dict.fromkeys(table["share"], ENHANCED)
    left, right = _panels(2, colours, 0.5)
    _lesion(left, table, "share", colours)
    left.set_ylabel("targets with a lesion")
    _both_ways(right, table, "blobs", "invented", "share", colours)
    return left.figure

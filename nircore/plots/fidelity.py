"""The fidelity tests drawn: a dot per measurement, a line where the right answer lies."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nircore.plots.style import (
    ACCENT,
    ENHANCED,
    FURTHER,
    GREY,
    INK,
    LOW_LIGHT,
    SMALL,
    TARGET,
    canvas,
    jittered,
    legend,
    need,
    tidy,
)

COLOURS = {
    "low-light": LOW_LIGHT, "enhanced": ENHANCED, "non-local means": ACCENT, "truth": TARGET, "clean low-light": INK,
}  # fmt: skip


def _colours(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for each denoiser."""
    others = [name for name in names if name not in COLOURS]
    return COLOURS | {name: FURTHER[k % len(FURTHER)] for k, name in enumerate(others)}


def _rows(figure: Figure, panels: int, names: Sequence[str]) -> list[Axes]:
    """Return panels side by side with a row for each name, the first on top."""
    axes = list(np.atleast_1d(figure.subplots(1, panels, sharey=True)))
    for ax in axes:
        ax.grid(axis="x", color=GREY, alpha=0.3, lw=0.6)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    return axes


def _dots(ax: Axes, y: float, values: pd.Series, colour: str, filled: bool = True, width: float = 0.3) -> None:
    """Draw measurements as dots around height `y`, and their mean as a bar."""
    x = values.to_numpy(dtype=float)
    face = colour if filled else "none"
    ax.scatter(x, jittered(y, len(x), width), 20, facecolor=face, edgecolor=colour, alpha=0.8, lw=1, zorder=3)
    if np.isfinite(x).any():
        mean = np.nanmean(x)
        ax.plot([mean, mean], [y - 0.28, y + 0.28], color=colour, lw=2, zorder=4)


def _ideal(ax: Axes, value: float) -> None:
    """Draw where the right answer lies."""
    ax.axvline(value, color=INK, lw=1, ls="--", zorder=1)


def linearity(table: pd.DataFrame) -> Figure:
    """Draw lesion and vessel signal against concentration, and the tumour-to-normal ratio against what it should be.

    Means over animals. What is linear in concentration is a straight line in the first two panels; what keeps the
    ratio lies on the dashed line in the third.
    """
    need(table, ("sweep", "region", "denoiser", "concentration", "signal_dn", "tnr"), "linearity")
    means = table.groupby(["sweep", "region", "denoiser", "concentration"], sort=False)[["signal_dn", "tnr"]].mean()
    means = means.sort_index()
    figure = canvas(3.4)
    axes = figure.subplots(1, 3)
    names = list(table["denoiser"].unique())
    colours = _colours(names)
    panels = [("lesion", "lesion", "lesion", "the lesion"), ("probe", "vessels", "vessels", "the whole animal")]
    for ax, (sweep, region, title, where) in zip(axes, panels, strict=False):
        for name in names:
            rows = means.loc[(sweep, region, name)]
            _curve(ax, rows.index, rows["signal_dn"], name, colours)
        tidy(ax, f"probe in {where} (times)", "above background (DN)", title)
    part = means.loc[("lesion", "lesion")]["tnr"]
    for name in names:
        if name != "truth":  # another window's ratio: no right answer here
            _curve(axes[2], part["clean low-light"], part[name], name, colours)
    tidy(axes[2], "without noise", "as measured", "tumour-to-normal ratio")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=SMALL)
    return figure


def _curve(ax: Axes, x: Iterable[float], y: Iterable[float], name: str, colours: dict[str, str]) -> None:
    clean = name == "clean low-light"
    style = {"ls": "--", "lw": 1.2, "zorder": 4} if clean else {"marker": "o", "ms": 4, "lw": 1.4, "zorder": 3}
    ax.plot(list(x), list(y), color=colours[name], label="without noise" if clean else name, **style)


def structures(table: pd.DataFrame) -> Figure:
    """Draw vessels and blobs inserted (right) and erased (left) per frame, and how much of the lesion shows."""
    need(table, ("denoiser", "lesion", "vessels_inserted", "vessels_erased", "lesion_share"), "structures")
    names = list(table["denoiser"].unique())
    colours = _colours(names)
    figure = canvas(1.5 + 0.5 * len(names))
    axes = _rows(figure, 3, names)
    for y, (name, rows) in enumerate(table.groupby("denoiser", sort=False)):
        for ax, kind, more in ((axes[0], "vessels", "inserted"), (axes[1], "blobs", "invented")):
            _dots(ax, y, rows[f"{kind}_{more}"], colours[name])
            _dots(ax, y, -rows[f"{kind}_erased"], colours[name], filled=False)
        for there in (True, False):
            _dots(axes[2], y, rows.loc[rows["lesion"] == there, "lesion_share"], colours[name], filled=there)
    for ax, title in ((axes[0], "vessels per frame"), (axes[1], "blobs per frame")):
        _ideal(ax, 0)
        tidy(ax, "erased (open)   inserted", title=title)
        _both_ways(ax)
    _lesion_axis(axes[2])
    return figure


def _both_ways(ax: Axes) -> None:
    """Count to the left as to the right of 0, at least to 5."""
    reach = max(5.5, *np.abs(ax.get_xlim()))
    ax.set_xlim(-reach, reach)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")


def _lesion_axis(ax: Axes) -> None:
    for value in (0, 1):
        _ideal(ax, value)
    ax.axvline(0.5, color=GREY, lw=1, zorder=1)
    tidy(ax, "share shown (open: none there)", title="lesion")


def faint(table: pd.DataFrame) -> Figure:
    """Draw what is read at places with a faint lesion (filled) and without (open), a panel per contrast."""
    need(table, ("denoiser", "contrast_dn", "lesion", "reads_dn"), "faint")
    names, contrasts = list(table["denoiser"].unique()), list(table["contrast_dn"].unique())
    colours = _colours(names)
    figure = canvas(1.4 + 0.4 * len(names))
    for ax, contrast in zip(_rows(figure, len(contrasts), names), contrasts, strict=True):
        for y, name in enumerate(names):
            rows = table[(table["denoiser"] == name) & (table["contrast_dn"] == contrast)]
            for there, up in ((True, -0.2), (False, 0.2)):
                values = rows.loc[rows["lesion"] == there, "reads_dn"]
                _dots(ax, y + up, values, colours[name], filled=there, width=0.2)
        _ideal(ax, 0)
        tidy(ax, "stands out by (DN; open: no lesion)", title=f"lesions of {contrast:g} DN")
    return figure


def widths(table: pd.DataFrame) -> Figure:
    """Draw the width of vessels over the truth's, and the share of the places where it can be measured."""
    need(table, ("denoiser", "width_px", "true_px"), "widths")
    names = list(table["denoiser"].unique())
    colours = _colours(names)
    figure = canvas(1.4 + 0.4 * len(names))
    wide, found = _rows(figure, 2, names)
    for y, name in enumerate(names):
        rows = table[table["denoiser"] == name]
        _dots(wide, y, rows["width_px"] / rows["true_px"], colours[name])
        found.barh(y, rows["width_px"].notna().mean(), 0.5, color=colours[name])
    _ideal(wide, 1)
    tidy(wide, "width / truth's", title="vessel width")
    tidy(found, "share of the places", title="measured at all")
    found.set_xlim(0, 1.02)
    return figure


def emptiness(table: pd.DataFrame) -> Figure:
    """Draw the largest excursion and the structures found in frames that show nothing."""
    need(table, ("frame", "denoiser", "noise_dn", "excursion", "structures"), "emptiness")
    table = table[table["noise_dn"] > 0]
    names, frames = list(table["denoiser"].unique()), list(table["frame"].unique())
    colours = _colours(names)
    figure = canvas(1.4 + 0.5 * len(names))
    axes = _rows(figure, 2, names)
    for k, frame in enumerate(frames):
        rows = table[table["frame"] == frame].set_index("denoiser").loc[names]
        y = np.arange(len(names)) + 0.2 * (k - (len(frames) - 1) / 2)
        for ax, key in zip(axes, ("excursion", "structures"), strict=True):
            ax.scatter(
                rows[key], y, 36, color=[colours[n] for n in names], marker="os^D"[k % 4], label=frame, zorder=3
            )
    tidy(axes[0], "99.9 % excursion (input noise SD)", title="how far it strays")
    tidy(axes[1], "structures per frame", title="what it makes of nothing")
    for ax in axes:
        _ideal(ax, 0)
    axes[1].set_xlim(-0.5, max(5, axes[1].get_xlim()[1]))
    legend(axes[1], loc="lower right")
    for handle in axes[1].get_legend().legend_handles:
        handle.set_color(GREY)
    return figure


def redegradation(table: pd.DataFrame) -> Figure:
    """Draw what output and controls leave unexplained of the input: size, and two signs of structure."""
    need(table, ("denoiser", "control", "chi2", "neighbours", "detail"), "re-degradation")
    panels = {
        "chi2": ("reduced chi²", 1),
        "neighbours": ("residual: neighbours", 0),
        "detail": ("residual: detail", 0),
    }
    return _measured(table, {key: (title, "" if key == "chi2" else "correlation", ideal)
                             for key, (title, ideal) in panels.items()})  # fmt: skip


def shift(table: pd.DataFrame) -> Figure:
    """Draw how much a frame changes, beyond moving, when its scene moves by a pixel."""
    need(table, ("denoiser", "change", "largest"), "shift")
    panels = {
        "change": ("mean change", "% of the output's range", 0),
        "largest": ("largest (99.9 %)", "% of range", 0),
    }
    return _measured(table, panels)


def _measured(table: pd.DataFrame, panels: dict[str, tuple[str, str, float]]) -> Figure:
    """Draw columns of a table side by side, a row per denoiser: column -> title, unit, the right answer."""
    names = list(table["denoiser"].unique())
    colours = _colours(names)
    figure = canvas(1.3 + 0.45 * len(names))
    for ax, (key, (title, unit, ideal)) in zip(_rows(figure, len(panels), names), panels.items(), strict=True):
        _ideal(ax, ideal)
        for y, name in enumerate(names):
            _dots(ax, y, table.loc[table["denoiser"] == name, key], colours[name])
        tidy(ax, unit, title=title)
    return figure


def cycle(table: pd.DataFrame) -> Figure:
    """Draw the cycle error over the noise of the input, and what each change in between does to it."""
    need(table, ("frame", "between", "error", "noise"), "cycle")
    names = list(table["between"].unique())
    untouched = table[table["between"] == names[0]].set_index("frame")["error"]
    figure = canvas(1.3 + 0.36 * len(names))
    left, right = _rows(figure, 2, names)
    for y, name in enumerate(names):
        rows = table[table["between"] == name]
        _dots(left, y, rows["error"] / rows["noise"], ENHANCED)
        _dots(right, y, rows["error"] / rows["frame"].map(untouched), ENHANCED)
    for ax in (left, right):
        _ideal(ax, 1)
    tidy(left, "below 1: the noise itself came back", title="cycle error / noise of the input")
    tidy(right, "1: nothing was hidden in what this destroys", title="cycle error / untouched")
    left.set_xlim(left=0)
    return figure


def prevalence(table: pd.DataFrame) -> Figure:
    """Draw how much of a lesion shows, with and without one, by the share of training targets that bore one."""
    need(table, ("share", "lesion", "lesion_share", "blobs_invented", "blobs_erased"), "prevalence")
    names = [f"{share:.0%}" for share in table["share"].unique()]
    figure = canvas(1.4 + 0.5 * len(names))
    left, right = _rows(figure, 2, names)
    for y, (_, rows) in enumerate(table.groupby("share", sort=False)):
        for there in (True, False):
            _dots(left, y, rows.loc[rows["lesion"] == there, "lesion_share"], ENHANCED, filled=there)
        _dots(right, y, rows["blobs_invented"], ENHANCED)
        _dots(right, y, -rows["blobs_erased"], ENHANCED, filled=False)
    _lesion_axis(left)
    _ideal(right, 0)
    left.set_ylabel("targets with a lesion")
    tidy(right, "erased (open)   invented", title="blobs per frame")
    _both_ways(right)
    return figure

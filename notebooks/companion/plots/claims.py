"""The verdict on every claim, one line each, so that the whole paper is seen at a glance."""

import math
import textwrap

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.plots.architecture import sheet, write
from companion.plots.palette import ENHANCED, GREY, PALE, TARGET, WRONG
from companion.plots.style import LARGE, NORMAL, WIDTH

MARKS = {
    "supported": ("o", ENHANCED), "not supported": ("X", WRONG), "undecided": ("D", TARGET),
    "not testable here": ("$?$", GREY),
}  # fmt: skip
BUILT = "by construction"
LINE, GAP = 0.165, 0.09  # inch: a line of small type, and the room between two claims
LETTERS, TITLE = 74, 95  # of a claim in a line, and of the title


def verdicts(judged: pd.DataFrame, title: str) -> Figure:
    """Draw a mark, the claim and the number that decided for each claim, under the claims' subjects.

    Args:
        judged: about, claim, verdict (one of MARKS), number (NaN: none), unit, by_construction (drawn hollow).
        title: what it comes to, in a sentence.
    """
    wrapped = [textwrap.wrap(text, LETTERS) for text in judged["claim"]]
    above = textwrap.wrap(title, TITLE)
    key = 0.28 + 0.2 * len(above)  # inch: height of the legend
    subjects = judged["about"].nunique()
    height = key + 0.27 + sum(LINE * len(lines) + GAP for lines in wrapped) + 0.36 * subjects
    ax = sheet(height)
    ax.invert_yaxis()
    for k, line in enumerate(above):
        write(ax, 0.15, 0.22 + 0.2 * k, line, size=LARGE)
    for k, verdict in enumerate([*MARKS, BUILT]):
        _mark(ax, 0.28 + 1.5 * k, key, verdict, verdict == BUILT)
        write(ax, 0.42 + 1.5 * k, key, verdict)
    y, subject = key + 0.2, None
    for row, lines in zip(judged.itertuples(), wrapped, strict=True):
        if row.about != subject:
            subject, y = row.about, y + 0.36
            write(ax, 0.15, y - 0.13, subject, size=NORMAL, weight="bold")
            ax.plot([0.15, WIDTH - 0.15], [y, y], color=PALE, lw=1)
        _claim(ax, y + GAP / 2 + LINE / 2, row, lines)
        y += LINE * len(lines) + GAP
    return ax.figure


def _mark(ax: Axes, x: float, y: float, verdict: str, hollow: bool) -> None:
    """Draw the mark of a verdict, hollow where the claim's own construction settles it."""
    marker, colour = MARKS.get(verdict, ("o", GREY))
    ax.plot(x, y, marker=marker, color=colour, ms=7, mew=1.2 if hollow else 0.5, mfc="none" if hollow else colour)


def _claim(ax: Axes, y: float, row: object, lines: list[str]) -> None:
    """Draw one claim, its first line around height `y` in inches."""
    _mark(ax, 0.28, y, row.verdict, row.by_construction)
    for k, line in enumerate(lines):
        write(ax, 0.48, y + k * LINE, line)
    if not math.isnan(row.number):
        write(ax, WIDTH - 1.95, y, f"{row.number:.3g}", ha="right")
        write(ax, WIDTH - 1.88, y, row.unit, color=GREY)

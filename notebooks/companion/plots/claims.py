"""The verdict on every claim, one line each, so that the whole paper is seen at a glance."""

import math
import textwrap

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.plots.architecture import sheet, write
from companion.plots.palette import ENHANCED, GREY, PALE, WRONG
from companion.plots.style import LARGE, NORMAL, WIDTH

MARKS = {"supported": ("o", ENHANCED), "not supported": ("X", WRONG), "not testable here": ("$?$", GREY)}
LINE, GAP = 0.165, 0.09  # inch: a line of small type, and the room between two claims
LETTERS = 74  # of a claim in a line
FITS = 970  # pt x letters: so much of the title fits into the width


def verdicts(judged: pd.DataFrame, title: str) -> Figure:
    """Draw a mark, the claim and the number that decided for each claim, under the claims' subjects.

    Args:
        judged: about, claim, verdict ("supported", "not supported", "not testable here"), number (NaN: none), unit.
        title: what it comes to, in a sentence.
    """
    wrapped = [textwrap.wrap(text, LETTERS) for text in judged["claim"]]
    subjects = judged["about"].nunique()
    height = 0.75 + sum(LINE * len(lines) + GAP for lines in wrapped) + 0.36 * subjects
    ax = sheet(height)
    ax.invert_yaxis()
    write(ax, 0.15, 0.22, title, size=min(LARGE, FITS / len(title)))
    for k, (verdict, (marker, colour)) in enumerate(MARKS.items()):
        ax.plot(0.28 + 1.4 * k, 0.48, marker=marker, color=colour, ms=7, mew=0.5)
        write(ax, 0.42 + 1.4 * k, 0.48, verdict)
    y, subject = 0.68, None
    for row, lines in zip(judged.itertuples(), wrapped, strict=True):
        if row.about != subject:
            subject, y = row.about, y + 0.36
            write(ax, 0.15, y - 0.13, subject, size=NORMAL, weight="bold")
            ax.plot([0.15, WIDTH - 0.15], [y, y], color=PALE, lw=1)
        _claim(ax, y + GAP / 2 + LINE / 2, row, lines)
        y += LINE * len(lines) + GAP
    return ax.figure


def _claim(ax: Axes, y: float, row: object, lines: list[str]) -> None:
    """Draw one claim, its first line around height `y` in inches."""
    marker, colour = MARKS[row.verdict]
    ax.plot(0.28, y, marker=marker, color=colour, ms=7, mew=0.5)
    for k, line in enumerate(lines):
        write(ax, 0.48, y + k * LINE, line)
    if not math.isnan(row.number):
        write(ax, WIDTH - 1.95, y, f"{row.number:.3g}", ha="right")
        write(ax, WIDTH - 1.88, y, row.unit, color=GREY)

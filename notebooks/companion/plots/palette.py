"""One palette for every figure.

It is seaborn's "colorblind" (after Okabe & Ito 2008), told apart with every common colour vision deficiency. Written
out, for the inspector draws with it and need not wait for seaborn; a test compares.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle

LOW_LIGHT = DOMAIN_A = "#0173b2"
TARGET = DOMAIN_B = "#de8f05"
ENHANCED = "#029e73"
ACCENT = "#cc78bc"
WRONG = "#d55e00"
FURTHER = ("#ca9161", "#56b4e9", WRONG, "#949494", "#ece133")  # for what has no colour of its own
PALETTE = (LOW_LIGHT, TARGET, ENHANCED, ACCENT, *FURTHER)
INK, GREY, PALE = "#262626", "#8c8c8c", "#e8e8e8"


def coloured(names: Iterable[str], colours: Mapping[str, str], others: Sequence[str] = (GREY,)) -> dict[str, str]:
    """Return each name's colour in the order of their first appearance, one of `others` for those that have none."""
    further = cycle(others)
    return {name: colours.get(name) or next(further) for name in dict.fromkeys(names)}

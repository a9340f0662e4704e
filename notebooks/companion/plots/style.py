"""One look for every figure: sizes, axes, and how a figure becomes a small PNG with stable bytes.

Figures are `matplotlib.figure.Figure` objects that pyplot never sees: no global state, no window, nothing that
stays open; a notebook shows one that is the last line of a cell. They are WIDTH inches wide, so 9 pt text is 12 px
high in a README that is 800 px wide.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from companion.plots.palette import INK
from nircore.files import atomic

WIDTH = 8.0  # inch
SMALL, NORMAL, LARGE = 9.0, 10.0, 11.0  # pt

#: Dots per inch and colours, tried in this order until a figure fits: charts keep the first, noisy frames do not.
RENDERINGS = ((150, 256), (120, 128), (100, 128), (100, 64), (100, 32), (80, 32), (50, 16))
LARGEST = 150_000  # bytes
PAGE_DPI = 100  # px of a page to an inch of a figure


class Picture(Figure):
    """A figure that a notebook shows when it is the last line of a cell, whatever the backend."""

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        """Return the PNG with its width on a page in px and, for those who cannot see it, the panels' titles."""
        titles = (ax.get_title(loc="left") or ax.get_title() or ax.get_ylabel() for ax in self.axes)
        alt = "; ".join(" ".join(title.split()) for title in titles if title)
        return encoded(self), {"alt": alt, "width": round(PAGE_DPI * self.get_figwidth())}


def canvas(height: float, width: float = WIDTH, layout: str | None = "constrained") -> Picture:
    """Return an empty white figure, `width` x `height` inches; without `layout`, axes stay where they are put."""
    return Picture(figsize=(width, height), dpi=100, layout=layout, facecolor="white")


def tidy(ax: Axes, x: str = "", y: str = "", title: str = "") -> Axes:
    """Give axes the common look (open at the top and right, outward ticks) and their labels."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(INK)
    ax.tick_params(labelsize=SMALL, colors=INK)
    ax.set_xlabel(x, size=NORMAL, color=INK)
    ax.set_ylabel(y, size=NORMAL, color=INK)
    ax.set_title(title, size=LARGE, color=INK, loc="left")
    return ax


def legend(ax: Axes, **where: object) -> None:
    """Add a frameless legend in the common type size."""
    ax.legend(frameon=False, fontsize=SMALL, labelcolor=INK, **where)


def legend_below(figure: Figure, ncols: int, of: int = 0) -> None:
    """Put the legend of one panel of a figure, the first one, below all of them."""
    first = figure.axes[of]
    if own := first.get_legend():
        own.remove()
    figure.legend(*first.get_legend_handles_labels(), loc="outside lower center", ncols=ncols, frameon=False,
                  fontsize=SMALL, labelcolor=INK)  # fmt: skip


def save(figure: Figure, path: Path | str, largest: int = LARGEST) -> Path:
    """Write a figure as PNG, atomically, in at most `largest` bytes, and return its path."""
    with atomic(Path(path)) as temporary:
        temporary.write_bytes(encoded(figure, largest))
    return Path(path)


def encoded(figure: Figure, largest: int = LARGEST) -> bytes:
    """Return a figure as PNG: the first of the RENDERINGS that has at most `largest` bytes, else the last.

    The same figure gives the same bytes: the layout is fixed at the first call, and the file says nothing of the
    time or the software.
    """
    before = figure.dpi
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for dpi, colours in RENDERINGS:
        figure.dpi = dpi
        agg = FigureCanvasAgg(figure)
        agg.draw()
        image = Image.fromarray(np.asarray(agg.buffer_rgba())[..., :3])
        buffer = io.BytesIO()
        image = image.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        image.save(buffer, format="PNG", optimize=True)
        if buffer.tell() <= largest:
            break
    figure.dpi = before
    return buffer.getvalue()


def note(text: str) -> Figure:
    """Draw a sentence where a figure has nothing to show, so that the reader learns why."""
    figure = canvas(1.2)
    figure.text(0.5, 0.5, text, ha="center", va="center", size=NORMAL, color=INK, wrap=True)
    return figure

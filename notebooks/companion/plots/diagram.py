"""A sheet that is counted in inches, and what diagrams write and draw on it."""

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from companion.plots.palette import INK
from companion.plots.style import SMALL, WIDTH, canvas


def sheet(above: float, below: float = 0.0) -> Axes:
    """Return axes that fill a new figure and count in inches, from `below` under 0 to `above` over it."""
    figure = canvas(above + below, layout=None)
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(-below, above))
    ax.axis("off")
    return ax


def write(ax: Axes, x: float, y: float, text: str, **look: object) -> None:
    """Write a text whose middle is at height `y`, in the common type."""
    ax.text(x, y, text, **{"size": SMALL, "color": INK, "va": "center"} | look)


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], bend: float = 0.0, **look: object) -> None:
    """Draw an arrow, straight or bent."""
    look = {"mutation_scale": 9, "lw": 1.2, "color": INK, "shrinkA": 0, "shrinkB": 1} | look
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", connectionstyle=f"arc3,rad={bend}", **look))

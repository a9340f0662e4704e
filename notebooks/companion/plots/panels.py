"""The pieces of a figure of frames: where an image goes, its window, its colour bar and its scale bar."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from scipy import ndimage

from companion.plots.palette import INK
from companion.plots.style import SMALL

WINDOW = (0.5, 99.8)  # percentiles of all pixels on one scale: a hot pixel does not set it
HIGHEST = 99.5  # percentile that the brightest colour of a map stands for
BAR = 0.1  # inch: width of a colour bar

Window = tuple[float, float]


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes `width` x `height` inches large, `left` and `top` inches from the figure's top left corner."""
    across, down = figure.get_size_inches()
    return figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))


def caption(figure: Figure, left: float, middle: float, text: str, size: float) -> None:
    """Write a line that begins `left` inches from the figure's left edge, `middle` inches below its upper one."""
    across, down = figure.get_size_inches()
    figure.text(left / across, 1 - middle / down, text, size=size, color=INK, va="center")


def window(images: Sequence[np.ndarray]) -> Window:
    """Return the (black, white) levels that all `images` share: the percentiles WINDOW of their finite pixels."""
    pixels = np.concatenate([image[np.isfinite(image)] for image in images])
    low, high = np.percentile(pixels, WINDOW)
    return float(low), float(high if high > low else low + 1)


def scale(values: np.ndarray) -> tuple[Window, str]:
    """Return levels and colour map: diverging around 0 for a signed map, else from 0 upwards."""
    reach = float(np.percentile(np.abs(values), HIGHEST)) or 1.0
    return ((-reach, reach), "RdBu_r") if values.min() < -0.01 * reach else ((0.0, reach), "magma")


def show(ax: Axes, image: np.ndarray, levels: Window, edge: str = INK, colours: str = "gray") -> AxesImage:
    """Show (H, W) in `colours` between two levels, without ticks, in a frame of the colour `edge`."""
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(color=edge, linewidth=1.2)
    return ax.imshow(image, cmap=colours, vmin=levels[0], vmax=levels[1])


def colour_bar(image: AxesImage, left: float, top: float, height: float, unit: str) -> Axes:
    """Add the bar that says what the greys of `image` mean, with at most five numbers, in `unit`."""
    ax = place(image.figure, left, top, BAR, height)
    image.figure.colorbar(image, cax=ax, extend="neither").outline.set_linewidth(0.6)
    ax.locator_params(axis="y", nbins=4)
    ax.tick_params(labelsize=SMALL, colors=INK, length=2)
    ax.set_ylabel(unit, size=SMALL, color=INK, labelpad=2)
    return ax


def scale_bar(ax: Axes, shape: tuple[int, int], pixel_mm: float) -> None:
    """Draw a bar of 1, 2 or 5 x 10^n mm, at most a third of the width, into the lower left corner."""
    height, width = shape
    longest = width * pixel_mm / 3
    power = 10.0 ** math.floor(math.log10(longest))
    length = next(step * power for step in (5, 2, 1) if step * power <= longest * (1 + 1e-9))
    x, y = 0.05 * width, 0.95 * height
    ax.plot([x, x + length / pixel_mm], [y, y], "-", color="white", lw=2, path_effects=_edge(3.5))
    ax.text(x, y - 0.02 * height, f"{length:g} mm", size=SMALL, color="white", va="bottom", path_effects=_edge(2))


def _edge(width: float) -> list[withStroke]:
    """Return a black edge, `width` points across: white shows on any frame."""
    return [withStroke(linewidth=width, foreground="black")]


def detail(image: np.ndarray, share: int = 4) -> tuple[slice, slice]:
    """Return the square, 1/`share` of the shorter side, in which smoothed (H, W) has the steepest gradients."""
    side = max(4, min(image.shape) // share)
    finite = np.nan_to_num(image.astype(np.float64))
    steepness = ndimage.uniform_filter(ndimage.gaussian_gradient_magnitude(finite, 2), side)
    inside = steepness[side // 2 : image.shape[0] - side // 2, side // 2 : image.shape[1] - side // 2]
    top, left = np.unravel_index(int(np.argmax(inside)), inside.shape)
    return slice(int(top), int(top) + side), slice(int(left), int(left) + side)


def outline(ax: Axes, square: tuple[slice, slice], colour: str) -> None:
    """Draw the border of a detail into the image it comes from."""
    rows, columns = square
    corner = (columns.start - 0.5, rows.start - 0.5)
    ax.add_patch(
        Rectangle(corner, columns.stop - columns.start, rows.stop - rows.start, fill=False, ec=colour, lw=1.2)
    )

"""The pieces of a figure of frames: the grey levels that frames share, an image in its axes, and rows of images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage
from scipy import ndimage

from companion.plots.palette import INK
from companion.plots.style import NORMAL, SMALL, WIDTH, canvas

LEVELS = (0.5, 99.8)  # percentiles of all pixels on one scale: a hot pixel does not set it
HIGHEST = 99.5  # percentile that the brightest colour of a map stands for
COLUMNS = 5  # images in a row, at most

Window = tuple[float, float]


def window(images: Sequence[np.ndarray]) -> Window:
    """Return the (black, white) levels that all `images` share: the percentiles LEVELS of their finite pixels."""
    pixels = np.concatenate([image[np.isfinite(image)] for image in images])
    low, high = np.percentile(pixels, LEVELS)
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


def height(images: Sequence[np.ndarray], columns: int = COLUMNS) -> float:
    """Return how many inches rows of images (H, W) need in a figure WIDTH inches wide, with a line of text each."""
    shape = max(image.shape[0] / image.shape[1] for image in images)
    return -(-len(images) // columns) * (WIDTH / (columns + 0.7) * shape + 0.4)


def stacked(*heights: float) -> list[SubFigure]:
    """Return the parts of a new figure, one below the other, of heights in inches."""
    return list(canvas(sum(heights)).subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])


def grid(figure: Figure | SubFigure, count: int, columns: int = COLUMNS, **options: Any) -> list[Axes]:
    """Return `count` axes in rows of `columns`; what is left of the last row stays empty."""
    axes = figure.subplots(-(-count // columns), columns, squeeze=False, **options).ravel()
    for ax in axes[count:]:
        ax.set_axis_off()
    return list(axes[:count])


def tiles(
    figure: Figure | SubFigure, images: Sequence[np.ndarray], titles: Sequence[str], unit: str = "DN",
    levels: Window | None = None, edge: str = INK,
) -> list[Axes]:  # fmt: skip
    """Show images (H, W) in rows under their titles, between the same levels, with one colour bar."""
    levels, axes = levels or window(images), grid(figure, len(images))
    for ax, image, title in zip(axes, images, titles, strict=True):
        shown = show(ax, image, levels, edge)
        ax.set_title(title, size=NORMAL, color=edge, pad=3)
    bar = figure.colorbar(shown, ax=list(figure.axes), aspect=30, shrink=0.9)
    bar.set_label(unit, size=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    return axes


def detail(image: np.ndarray, share: int = 4) -> tuple[slice, slice]:
    """Return the square, 1/`share` of the shorter side, in which smoothed (H, W) has the steepest gradients."""
    side = max(4, min(image.shape) // share)
    finite = np.nan_to_num(image.astype(np.float64))
    steepness = ndimage.uniform_filter(ndimage.gaussian_gradient_magnitude(finite, 2), side)
    inside = steepness[side // 2 : image.shape[0] - side // 2, side // 2 : image.shape[1] - side // 2]
    top, left = np.unravel_index(int(np.argmax(inside)), inside.shape)
    return slice(int(top), int(top) + side), slice(int(left), int(left) + side)

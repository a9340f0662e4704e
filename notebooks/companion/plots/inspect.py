"""The inspector's pictures as pure functions: frames and what is laid over them, (H, W, 3) uint8, in milliseconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from companion.plots.palette import ENHANCED, GREY, INK, LOW_LIGHT, TARGET
from nirlab.pixels import Window, blend, enlarge, paint, table

BAR, MARGIN, TICKS = 14, 64, 5  # px: width of the scale, room for its numbers; numbers on it
PLOT = (460, 230)  # px: width and height of the profile
SIDES = (58, 12, 14, 34)  # px: left, right, top, bottom of the axes in it
HEIGHT = 480  # px: a smaller frame is enlarged by whole pixels to about this height


@dataclass(frozen=True)
class View:
    """How to look at a frame.

    Attributes:
        levels: black and white in DN, the same before and after.
        colours: colour map.
        wipe: share of the width, from the left, that shows the input.
        region: top, left, height, width in px, or None.
        line: two ends (row, column) in px, or None.
        opacity: of the overlay, 0 to 1.
    """

    levels: Window
    colours: str = "gray"
    wipe: float = 0.5
    region: tuple[int, int, int, int] | None = None
    line: tuple[tuple[float, float], tuple[float, float]] | None = None
    opacity: float = 0.6


@dataclass(frozen=True, eq=False)
class Overlay:
    """A map (H, W) to lay over a frame: its window, colours, and what it is, with its unit."""

    values: np.ndarray
    levels: Window
    colours: str
    title: str


def magnification(shape: tuple[int, ...]) -> int:
    """Return how many screen pixels stand for one of the frame's."""
    return max(1, round(HEIGHT / shape[0]))


def picture(before: np.ndarray, after: np.ndarray, view: View, overlay: Overlay | None = None) -> np.ndarray:
    """Show input left of the wipe and output right of it, (H, W) DN both, with everything drawn over them.

    An overlay is laid over the output only: where its values are small against its window it lets the frame through.
    Scales stand on the right, one for the frame and one for the overlay.
    """
    height, width = before.shape
    at = round(view.wipe * width)
    shown = paint(np.concatenate([before[:, :at], after[:, at:]], axis=1), view.levels, view.colours)
    if overlay is not None:
        above = paint(overlay.values, overlay.levels, overlay.colours)
        share = view.opacity * _presence(overlay)
        share[:, :at] = 0
        shown = blend(shown, above, share)
    times = magnification(before.shape)
    image = Image.fromarray(enlarge(shown, times))
    draw = ImageDraw.Draw(image)
    _wipe(draw, at * times, image.size)
    _marks(draw, view, times)
    strips = [scale(image.height, view.levels, view.colours, "DN")]
    strips += [scale(image.height, overlay.levels, overlay.colours, overlay.title)] if overlay else []
    return np.concatenate([np.asarray(image), *strips], axis=1)


def _presence(overlay: Overlay) -> np.ndarray:
    """Return 0 where an overlay says nothing to 1 where it says much, (H, W) float32."""
    low, high = overlay.levels
    zero, reach = (0.0, high) if low < 0 else (low, high - low)
    size = np.abs(overlay.values.astype(np.float32) - np.float32(zero)) / np.float32(reach or 1)
    return np.sqrt(np.clip(size, 0, 1))


def _wipe(draw: ImageDraw.ImageDraw, x: int, size: tuple[int, int]) -> None:
    """Draw the wipe's edge and name its sides, where both are there."""
    if 0 < x < size[0]:
        draw.line([(x, 0), (x, size[1])], fill=TARGET, width=2)
    for text, left, there in (("input", 6, x > 50), ("output", size[0] - 48, size[0] - x > 60)):
        if there:
            draw.text((left, 4), text, font=font(12), fill="white", stroke_width=2, stroke_fill="black")


def _marks(draw: ImageDraw.ImageDraw, view: View, times: int) -> None:
    if view.region is not None:
        top, left, height, width = (times * k for k in view.region)
        draw.rectangle([left, top, left + width - 1, top + height - 1], outline=TARGET, width=2)
    if view.line is not None:
        ends = [(times * (column + 0.5), times * (row + 0.5)) for row, column in view.line]
        draw.line(ends, fill=ENHANCED, width=2)


def scale(height: int, levels: Window, colours: str, unit: str) -> np.ndarray:
    """Return a vertical colour bar with numbers and a unit, (height, BAR + MARGIN, 3) uint8."""
    image = Image.new("RGB", (BAR + MARGIN, height), "white")
    top, bottom = 24, height - 10
    ramp = table(colours)[np.linspace(255, 0, bottom - top).astype(int)]
    image.paste(Image.fromarray(np.repeat(ramp[:, None], BAR, axis=1)), (6, top))
    draw = ImageDraw.Draw(image)
    draw.rectangle([6, top, 6 + BAR, bottom], outline=GREY)
    draw.text((6, 4), unit, font=font(11), fill=INK)
    for value in np.linspace(*levels, TICKS):
        y = bottom - (value - levels[0]) / ((levels[1] - levels[0]) or 1) * (bottom - top)
        draw.text((BAR + 10, y), f"{value:.5g}", font=font(11), fill=INK, anchor="lm")
    return np.asarray(image)


def profile(lines: Mapping[str, np.ndarray], unit: str = "DN", spacing: float = 1.0) -> np.ndarray:
    """Plot line profiles (n,) of input and output on one scale, against px along the line; (H, W, 3) uint8."""
    width, height = PLOT
    image = Image.new("RGB", PLOT, "white")
    draw = ImageDraw.Draw(image)
    left, right, top, bottom = SIDES
    values = np.concatenate(list(lines.values()))
    low, high = float(values.min()), float(values.max())
    low, high = (low, high) if high > low else (low - 1, high + 1)
    count = len(next(iter(lines.values())))
    xs = np.linspace(left, width - right, count)

    def y_of(value: np.ndarray | float) -> np.ndarray | float:
        return height - bottom - (value - low) / (high - low) * (height - top - bottom)

    draw.line([(left, top), (left, height - bottom), (width - right, height - bottom)], fill=INK, width=1)
    for tick in np.linspace(low, high, 4):
        draw.text((left - 6, y_of(tick)), f"{tick:.5g}", font=font(11), fill=INK, anchor="rm")
    for k in range(5):
        x, at = left + k / 4 * (width - left - right), k / 4 * (count - 1) * spacing
        draw.text((x, height - bottom + 4), f"{at:.3g}", font=font(11), fill=INK, anchor="mt")
    draw.text(((left + width - right) / 2, height - 4), "px along the line", font=font(11), fill=INK, anchor="mb")
    draw.text((4, 0), unit, font=font(11), fill=INK)
    for k, ((name, line), colour) in enumerate(zip(lines.items(), (LOW_LIGHT, ENHANCED, TARGET), strict=False)):
        draw.line(list(zip(xs, y_of(line), strict=True)), fill=colour, width=2)
        draw.text((left + 40 + 100 * k, 0), name, font=font(12), fill=colour)
    return np.asarray(image)


@lru_cache(maxsize=8)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the type that matplotlib brings along, so that every machine draws alike."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)

"""Small images in rows, all in one window: the layout that the figures of many frames share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from nircore.errors import NircoreError
from companion.plots.palette import INK
from companion.plots.panels import colour_bar, place, scale_bar, show, window
from companion.plots.style import NORMAL, WIDTH

RIGHT, GAP, LINE = 0.75, 0.08, 0.24  # inch: room for the colour bar, between images, a line of text
MOST, FEWEST = 5, 3  # columns; one or two images do not grow any larger


@dataclass(frozen=True)
class Grid:
    """Cells of one size, in inches, `columns` to a row; every row has a line of text above and `under` below."""

    columns: int
    width: float
    height: float
    under: int = 0

    @classmethod
    def of(cls, frames: Sequence[np.ndarray], columns: int, under: int = 0) -> "Grid":
        """Return the grid that fills the figure's width and holds the tallest frame without stretching any."""
        columns = min(MOST, max(FEWEST, columns))
        width = (WIDTH - RIGHT - columns * GAP) / columns
        return cls(columns, width, width * ratio(frames), under)

    @property
    def step(self) -> float:
        """From the top of one row to the top of the next."""
        return LINE + self.height + LINE * self.under + GAP

    def total(self, count: int) -> float:
        """Return how high `count` images stand."""
        return -(-count // self.columns) * self.step

    def place(self, figure: Figure, k: int, top: float = 0.0) -> Axes:
        """Add the axes of the cell `k`, of a grid that begins `top` inches below the figure's upper edge."""
        return place(figure, *self._corner(k, top), self.width, self.height)

    def bar(self, image: AxesImage, k: int, unit: str, top: float = 0.0) -> None:
        """Draw the colour bar of an image to the right of the cell `k`."""
        left, upper = self._corner(k, top)
        colour_bar(image, left + self.width + GAP, upper, self.height, unit)

    def _corner(self, k: int, top: float) -> tuple[float, float]:
        row, column = divmod(k, self.columns)
        return GAP + column * (self.width + GAP), top + row * self.step + LINE

    def draw(
        self, figure: Figure, frames: Sequence[np.ndarray], labels: Sequence[str], unit: str, pixel_mm: float | None,
        top: float = 0.0, edge: str = INK,
    ) -> list[Axes]:  # fmt: skip
        """Draw frames (H, W) under their labels in one window, a colour bar per row; return their axes."""
        same_number("labels", labels, frames)
        levels, axes = window(frames), []
        for k, (frame, label) in enumerate(zip(frames, labels, strict=True)):
            axes.append(self.place(figure, k, top))
            shown = show(axes[-1], frame, levels, edge)
            axes[-1].set_title(label, size=NORMAL, color=edge, pad=3)
            if (k + 1) % self.columns == 0 or k == len(frames) - 1:
                self.bar(shown, k, unit, top)
        if pixel_mm:
            scale_bar(axes[0], frames[0].shape, pixel_mm)
        return axes


def ratio(frames: Sequence[np.ndarray]) -> float:
    """Return the largest height / width among frames (H, W)."""
    return max(frame.shape[0] / frame.shape[1] for frame in frames)


def same_number(name: str, texts: Sequence[str], frames: Sequence[np.ndarray]) -> None:
    """Raise NircoreError unless there is one text for each frame."""
    if len(texts) != len(frames):
        raise NircoreError(f"{len(texts)} {name} were given for {len(frames)} frames: pass one for each.")

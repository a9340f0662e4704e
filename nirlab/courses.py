"""Time courses of a movie for its page: what three spots did before and after, drawn as lines."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

SPOTS, SMOOTH = 3, 2.0  # how many, and the sigma in px of the map of changes in which they are sought
APART = 1 / 6  # of the frame's height, that spots lie from each other at least
WIDTH, HEIGHT = 480.0, 110.0  # of a drawing, in its units


@dataclass(frozen=True)
class Course:
    """What a spot of 3 x 3 px did: its place (row, column), and its mean in DN frame by frame, before and after."""

    place: tuple[int, int]
    before: list[float]
    after: list[float]

    def lines(self) -> list[str]:
        """Return the points of both lines as an SVG polyline takes them."""
        low, high = min(*self.before, *self.after), max(*self.before, *self.after)
        return [_points(values, low, max(high - low, 1e-9)) for values in (self.before, self.after)]


def courses(count: int, before: Callable[[int], np.ndarray], after: Callable[[int], np.ndarray]) -> list[Course]:
    """Return the courses of the spots whose result changes most.

    Args:
        count: of the frames.
        before, after: give a frame (H, W) in DN, and what was made of it, by its number.
    """
    sums, squares = 0.0, 0.0
    for index in range(count):
        image = gaussian_filter(after(index).astype(np.float64), SMOOTH)
        sums, squares = sums + image, squares + image**2
    changes = squares / count - (sums / count) ** 2
    places: list[tuple[int, int]] = []
    y, x = np.indices(changes.shape, sparse=True)
    for _ in range(SPOTS):
        row, column = (int(place) for place in np.unravel_index(int(np.argmax(changes)), changes.shape))
        places.append((row, column))
        changes = np.where(np.hypot(y - row, x - column) < APART * changes.shape[0], -1, changes)
    spots = [
        [[float(uniform_filter(image, 3)[place]) for place in places] for image in (before(k), after(k))]
        for k in range(count)
    ]
    return [Course(place, *([spot[way][k] for spot in spots] for way in (0, 1))) for k, place in enumerate(places)]


def _points(values: list[float], low: float, span: float) -> str:
    across = WIDTH / max(len(values) - 1, 1)
    return " ".join(f"{k * across:.1f},{HEIGHT * (1 - (value - low) / span):.1f}" for k, value in enumerate(values))

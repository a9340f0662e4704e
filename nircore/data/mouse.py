"""The body of a random mouse on its back: outline, pose and landmarks, in mm on an 80 x 64 mm field.

A place is given as (along, aside): mm down the body's axis from the top of the field, and mm to the side of it.
The outline is modelled on the proportions of the real SWIR_HDR animals [assumed within what those show].
"""

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree
from scipy.special import expit

FIELD_MM, WIDTH_MM = 80.0, 64.0  # the field of view the animal is laid out in
MARGIN_MM, GRID_MM = 8.0, 0.8  # the skin is measured on this grid, and so far around the field, at every frame size
Point = tuple[float, float]

# One side of the outline (along, aside): neck, fore limb, flank, hind limb, tail.
NECK = [(-6, 10.5), (0, 11), (4.5, 11.5)]
FORE = [(6, 15), (5, 20.5), (9.5, 21.5), (11.5, 17), (15, 12.4)]
FLANK = [(22, 12.5), (30, 13.4), (37, 14.6), (42, 15.2)]
HIND = [(43.5, 17.2), (46.5, 20.6), (50.5, 22.6), (55.5, 23), (58.5, 24.2), (60.3, 28.5), (63.8, 28.4), (64.4, 23),
        (61.5, 20.3), (57.8, 18), (55.2, 14.5), (56, 10.5)]  # fmt: skip
TAIL = [(60, 6.4), (64, 4.2), (67, 3.1), (75, 2.6), (92, 2.2)]
FEMORAL = [(49.5, 7), (48.6, 10), (49, 13.5), (51.2, 17), (55, 19.8), (59, 21.2), (62, 23.5), (62.3, 26.5)]
BRACHIAL = [(13, 9.5), (9.5, 13), (8, 17), (7.5, 20)]
HIP, SHOULDER = (47, 11), (11, 10)


class Mouse:
    """One animal's pose: `inner` (H, W) is the distance in mm under the skin, negative outside.

    All that is random is drawn in mm and never looks at the frame's pixels: these only sample it.
    """

    def __init__(self, seed: int, shape: tuple[int, int]) -> None:
        self.seed, self.rng = seed, np.random.default_rng(seed)
        self.shape, self.pixel_mm = shape, FIELD_MM / shape[0]
        self.rows, self.columns = ((np.arange(side) + 0.5) * self.pixel_mm for side in shape)  # pixel centres
        self.left = (shape[1] * self.pixel_mm - WIDTH_MM) / 2  # of the field, which lies amid a wide or narrow frame
        self.size, self.plump = self.rng.uniform(0.93, 1.04), self.rng.uniform(0.96, 1.13)
        self.middle = self.left + WIDTH_MM / 2 + self.rng.normal(0, 1.3)
        self.top, self.tilt, self.bend = self.rng.normal(0, 1.5), self.rng.normal(0, 0.035), self.rng.normal(0, 1.2)
        self.turns = {limb: self.rng.normal(0, 0.13) for limb in ("fore-1", "fore1", "hind-1", "hind1")}
        self.tail_sway = self.rng.normal(0, 2.0)
        self.grid = self._measure(self._outline())
        grid_rows, grid_columns = self._grid_places()
        self.inner = RectBivariateSpline(grid_rows, grid_columns, self.grid)(self.rows, self.columns)
        self.y, self.x = self.rows[:, None] + self.wave(0.35), self.columns + self.wave(0.35)

    def draw_anew(self, part: int) -> None:
        """Give a part of the animal its own random numbers: what one part uses does not change the next."""
        self.rng = np.random.default_rng([self.seed, part])

    def wave(self, size: float, cells: int = 6) -> np.ndarray:
        """Return a smooth random map (H, W) of about the given standard deviation, `cells` knots a side."""
        y, x = np.linspace(0, FIELD_MM, cells), np.linspace(0, WIDTH_MM, cells) + self.left
        return RectBivariateSpline(y, x, self.rng.normal(0, size, (cells, cells)))(self.rows, self.columns)

    def at(self, along: float, aside: float) -> Point:
        """Return image coordinates (y, x) in mm of a place on the body."""
        a, b = along * self.size, aside * self.size * self.plump
        sway = self.bend * np.sin(np.pi * along / 60) + self.tail_sway * max(along - 64, 0) / 16
        return self.top + a, self.middle + b + self.tilt * (a - 35) + sway

    def limb(self, points: list[Point], side: int, kind: str) -> list[Point]:
        """Return a limb's points in image mm on one side (-1, 1), turned about its joint as this animal holds it."""
        joint = HIP if kind == "hind" else SHOULDER
        angle = self.turns[f"{kind}{side}"]
        turned = []
        for a, b in points:
            reach = min(np.hypot(a - joint[0], b - joint[1]) / 8, 1.0)  # the joint's skin moves less than the foot
            c, s = np.cos(angle * reach), np.sin(angle * reach)
            da, db = a - joint[0], b - joint[1]
            turned.append(self.at(joint[0] + c * da - s * db, side * (joint[1] + s * da + c * db)))
        return turned

    def _side(self, side: int) -> list[Point]:
        place = lambda points: [self.at(a, side * b) for a, b in points]  # noqa: E731
        fore, hind = self.limb(FORE, side, "fore"), self.limb(HIND, side, "hind")
        return [*place(NECK), *fore, *place(FLANK), *hind, *place(TAIL)]

    def _outline(self) -> np.ndarray:
        """Return the smoothed outline as a closed line, (n, 2) of (y, x) in mm."""
        corners = np.array(self._side(1) + self._side(-1)[::-1])
        closed = np.vstack([corners, corners[:1]])
        arc = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
        fine = np.linspace(0, arc[-1], 1200, endpoint=False)
        line = np.stack([gaussian_filter1d(np.interp(fine, arc, closed[:, k]), 6, mode="wrap") for k in (0, 1)], 1)
        return line + gaussian_filter1d(self.rng.normal(0, 1.1, line.shape), 12, axis=0, mode="wrap")  # folds of skin

    def _grid_places(self) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and columns (in mm) of the grid on which the skin is measured: the field and its margin."""
        rows, columns = (np.arange(-MARGIN_MM, side + MARGIN_MM, GRID_MM) for side in (FIELD_MM, WIDTH_MM))
        return rows + GRID_MM / 2, columns + GRID_MM / 2 + self.left

    def _measure(self, line: np.ndarray) -> np.ndarray:
        """Return the distance to a closed line in mm, positive inside, on the grid."""
        rows, columns = self._grid_places()
        closed = np.vstack([line, line[:1]])
        dense = [np.interp(np.arange(0, len(line), 0.1), np.arange(len(closed)), axis) for axis in closed.T]
        places = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
        distance = cKDTree(np.stack(dense, axis=1)).query(places)[0]
        return np.where(_fill((line - [rows[0], columns[0]]) / GRID_MM, distance.shape), distance, -distance)

    def blob(self, centre: Point, long: float, short: float, angle: float, edge: float) -> np.ndarray:
        """Return a soft ellipse (H, W) in [0, 1]: half axes in mm, angle of the long one, width of the edge in mm."""
        dy, dx = self.y - centre[0], self.x - centre[1]
        u, v = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        return expit((1 - np.hypot(u / long, v / short)) * (2.2 * short / edge))

    def contains(self, point: np.ndarray) -> bool:
        """Say whether a point (y, x in mm) lies 0.9 mm or more under the skin, to within half a step of the grid."""
        row = int((point[0] + MARGIN_MM) // GRID_MM)
        column = int((point[1] - self.left + MARGIN_MM) // GRID_MM)
        height, width = self.grid.shape
        return 0 <= row < height and 0 <= column < width and bool(self.grid[row, column] > 0.9)


def _fill(line: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return what a closed line (n, 2) of (y, x) in pixels encloses, bool (H, W): even-odd rule, row by row."""
    y0, x0 = line.T
    y1, x1 = np.roll(line, -1, axis=0).T
    rows = np.arange(shape[0])[:, None]
    row, edge = np.nonzero((y0 <= rows) != (y1 <= rows))
    x = x0[edge] + (row - y0[edge]) / (y1[edge] - y0[edge]) * (x1[edge] - x0[edge])
    crossings = np.zeros(shape, dtype=np.int32)
    inside = x < shape[1]
    np.add.at(crossings, (row[inside], np.ceil(np.clip(x[inside], 0, shape[1] - 1)).astype(int)), 1)
    return np.cumsum(crossings, axis=1) % 2 == 1

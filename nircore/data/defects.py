"""All that a sensor or a recorder leaves in a frame in place of light: bad pixels, lines of them, areas of one value.

Optics spreads what it shows: beside a structure of the scene the next pixels rise towards it. What ends sharply does
not come through a lens. Lines are looked for along both axes, over stretches of them; areas are what has exactly one
value beside a frame's noise, such as the bars of a letterbox, a dead corner or block.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import label

from nircore.data.outliers import NORMAL, heights, outliers, replaced

STEP, STRETCHES = 4, (16, 64)  # px: stretches of a line begin at each so many, and are so long
STANDS_OUT = 12.0  # SDs of a stretch's mean: so far is a bad line from those beside it
SHARP = 0.25  # of its height: no more may the next line rise or fall towards it
ALONG = 0.75  # share of a stretch's pixels that are away from those beside it
WIDEST, AT_BORDER = 2, 4  # lines that are bad together, within the frame and at its border (telemetry)
JUMP = 8.0  # SDs of noise between an area of one value and what is around it
SPOT = 0.05  # of a spot's height: what the optics gives at least to the four pixels beside it


class Defects(NamedTuple):
    """What is bad in a frame: masks (H, W) bool that may overlap, and how many lines."""

    pixels: np.ndarray
    lines: np.ndarray
    areas: np.ndarray

    @property
    def bad(self) -> np.ndarray:
        """All of it."""
        return self.pixels | self.lines | self.areas

    @property
    def line_count(self) -> int:
        """How many lines there are; those that touch count as one."""
        return label(self.lines)[1]


def defects(frame: np.ndarray, keep_spots: bool = False) -> Defects:
    """Find what is bad in a frame (H, W) in DN.

    Args:
        frame: as it came, or less its dark.
        keep_spots: leave single bright pixels that are shaped as the optics' spot: beads, speckles.
    """
    flat = areas(frame)
    filled = replaced(frame, flat)
    found = lines(filled)
    filled = replaced(filled, found)
    single = outliers(filled)
    if keep_spots and single.any():
        single &= ~_spots(filled, single)
    return Defects(single, found, flat)


def lines(frame: np.ndarray) -> np.ndarray:
    """Find the rows and columns, and parts of them, that stand out sharply from those beside them: bool (H, W)."""
    level = (frame - float(frame.flat[0])).astype(np.float32)
    found = np.zeros(frame.shape, dtype=bool)
    for along, mask in ((level, found), (level.T, found.T)):
        blocks = along[: len(along) // STEP * STEP].reshape(-1, STEP, along.shape[1]).mean(1)
        for long in STRETCHES:
            if len(along) >= long:
                _mark(along, blocks, long, mask)
        if along.shape[0] % STEP:
            mask[len(blocks) * STEP :] |= mask[len(blocks) * STEP - 1]
    return found


def _mark(level: np.ndarray, blocks: np.ndarray, long: int, mask: np.ndarray) -> None:
    """Mark the stretches of columns that are bad in a mask."""
    sums = np.cumsum(np.pad(blocks, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    many = long // STEP
    means = ((sums[many:] - sums[:-many]) / many).astype(np.float32)  # of each stretch
    steps = np.abs(np.diff(means, axis=1))
    sd = NORMAL * float(np.median(steps)) or float(steps.mean())
    if not sd:
        return
    padded = np.pad(means, ((0, 0), (2, 2)), constant_values=np.nan)  # beyond the border is nothing to compare with
    for wide in range(1, min(AT_BORDER, level.shape[1] - 3) + 1):
        at = [padded[:, 2 + k : 2 + k + level.shape[1] - wide + 1] for k in range(-2, wide + 2)]
        inside, low, high = at[2:-2], at[1], at[-2]
        above = np.fmin.reduce([one - beside for one in inside for beside in (low, high)])
        below = np.fmin.reduce([beside - one for one in inside for beside in (low, high)])
        height = np.fmax(above, below)
        bad = height > STANDS_OUT * sd
        if wide > WIDEST:
            bad[:, 1:-1] = False
        start, column = np.nonzero(bad)
        if not len(start):
            continue
        tall = height[start, column]
        shoulder = np.fmax(np.abs(low - at[0]), np.abs(high - at[-1]))[start, column]
        rows = start[:, None] * STEP + np.arange(long)
        left, right = column - 1, column + wide
        left, right = np.where(left < 0, right, left), np.where(right >= level.shape[1], left, right)
        one, other = level[rows, left[:, None]], level[rows, right[:, None]]
        local = one - other if (left != right).all() else np.diff(one, axis=1)
        noise = NORMAL * np.median(np.abs(local - np.median(local, axis=1, keepdims=True)), axis=1)
        within = level[rows[:, None], (column[:, None] + np.arange(wide))[:, :, None]]
        away = np.abs(within - ((one + other) / 2)[:, None]) > tall[:, None, None] / 4
        sound = (shoulder <= SHARP * tall) & (tall > STANDS_OUT / 2 * noise / long**0.5)
        for k in np.flatnonzero(sound & (away.mean(2).min(1) >= ALONG)):
            mask[rows[k, 0] : rows[k, -1] + 1, column[k] : column[k] + wide] = True


def areas(frame: np.ndarray) -> np.ndarray:
    """Find the areas of exactly one value, 2 x 2 pixels or more, that end in a jump on all sides: bool (H, W)."""
    down = frame[1:] == frame[:-1]
    core = down[:, 1:] & down[:, :-1] & (frame[1:, 1:] == frame[1:, :-1])
    found = np.zeros(frame.shape, dtype=bool)
    if not core.any():
        return found
    for row in (np.s_[1:], np.s_[:-1]):
        for column in (np.s_[1:], np.s_[:-1]):
            found[row, column] |= core
    level = (frame - float(frame.flat[0])).astype(np.float32)
    steps = np.abs(np.diff(level, axis=1))[~(found[:, 1:] & found[:, :-1])]
    noise = NORMAL * float(np.median(steps)) / 2**0.5 if len(steps) else 0.0
    named, count = label(found)
    border, jumps = np.zeros(count + 1), np.zeros(count + 1)
    for names, values in ((named, level), (named.T, level.T)):
        for way in (1, -1):
            name, value = names[::way], values[::way]
            edge = (name[:-2] > 0) & (name[1:-1] == 0)
            own, jump = name[:-2][edge], np.abs(value[:-2] - value[1:-1])[edge]
            course = np.abs(value[1:-1] - value[2:])[edge]
            sharp = (jump > JUMP * noise) & (course < np.maximum(SHARP * jump, JUMP / 2 * noise))
            border += np.bincount(own, minlength=count + 1)
            jumps += np.bincount(own, sharp, minlength=count + 1)
    return ((border > 0) & (jumps >= ALONG * border))[named] & found if noise else np.zeros_like(found)


def _spots(frame: np.ndarray, single: np.ndarray) -> np.ndarray:
    """Say which of some single pixels are bright, with as much light beside them as a lens spreads: bool (H, W)."""
    tall = heights(frame)
    padded = np.pad(frame - float(frame.flat[0]), 1, mode="reflect").astype(np.float32)
    beside = (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]) / 4
    around = padded[1:-1, 1:-1] - tall  # the median of the 24 around
    return single & (tall > 0) & (beside - around > SPOT * tall)

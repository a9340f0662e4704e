"""All that a sensor or a recorder leaves in a frame in place of light: bad pixels, lines of them, areas of one value.

Optics spreads what it shows: beside a structure of the scene the next pixels rise towards it. What ends sharply does
not come through a lens. Lines are looked for along both axes, over stretches of them; areas are what has exactly one
value beside a frame's noise, such as the bars of a letterbox, a dead corner or block.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import label

from nircore.data.outliers import NORMAL, SAMPLED, heights, replaced

STEP, STRETCHES = 4, (16, 64)  # px: stretches of a line begin at each so many, and are so long
STANDS_OUT = 12.0  # SDs of a stretch's mean (at a border, of a pixel): so far is a bad line from those beside it
SHARP = 0.25  # of its height: no more may the next line rise or fall towards it
ALONG = 0.75  # share of a stretch's pixels that are away from those beside it
WIDEST, AT_BORDER = 2, 4  # lines that are bad together, within the frame and at its border (telemetry)
JUMP = 8.0  # SDs of noise between an area of one value and what is around it
TELLING = 17  # one row in so many tells the noise
TIP = 16  # px: so long may the tip of an area be that is one pixel wide, as where its edge runs askew
FEW = 3000  # corners of areas: fewer are looked at one by one
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
        return label(self.lines)[1] if self.lines.any() else 0


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
    tall = heights(filled)
    single = tall != 0
    if keep_spots and single.any():
        single &= ~_spots(filled, tall)
    return Defects(single, found, flat)


def lines(frame: np.ndarray) -> np.ndarray:
    """Find the rows and columns, and parts of them, that stand out sharply from those beside them: bool (H, W)."""
    level = (frame - float(frame.flat[0])).astype(np.float32)
    found = np.zeros(frame.shape, dtype=bool)
    for along, mask in ((level, found), (np.ascontiguousarray(level.T), found.T)):
        last = len(along) // STEP * STEP
        means = sum(along[k:last:STEP] for k in range(STEP)) / STEP
        many, step, fitting = 1, 1, [one for one in STRETCHES if one <= last]
        for long in fitting:  # each the mean of four shorter ones
            while many * STEP < long:
                step, many = many, many * 4
                means = sum(means[k * step : len(means) - (3 - k) * step] for k in range(4)) / 4
            _mark(along, means, long, mask, long == fitting[-1])
        mask[last:] |= mask[last - 1]
    return found


def _mark(level: np.ndarray, means: np.ndarray, long: int, mask: np.ndarray, any_line: bool) -> None:
    """Mark the columns' stretches that are bad in a mask, given the mean of each stretch.

    Without `any_line`, only single columns within the frame count: in short stretches, structures of a scene that end
    sharply pass for pairs of lines, and for lines at a border, where one side alone speaks against them.
    """
    width, steps = level.shape[1], np.diff(means, axis=1)
    bends = np.abs(np.diff(steps, axis=1)).ravel()[::SAMPLED] / 3**0.5  # without the scene's slopes
    least = STANDS_OUT * (NORMAL * float(np.median(bends)) or float(np.abs(steps).mean()))
    if not least or np.abs(steps).max(initial=0) <= least:
        return
    beyond = ((0, 0), (1, 1))  # beyond the border is nothing that could speak against a line
    rise, fall = (np.pad(one, beyond, constant_values=any_line) for one in (steps > least, steps < -least))
    for wide in range(1, min(AT_BORDER if any_line else 1, width - 3) + 1):
        low, high = np.s_[:, : width - wide + 1], np.s_[:, wide:]
        hits = rise[low] & fall[high] | fall[low] & rise[high]
        if wide > WIDEST:
            hits[:, 1:-1] = False
        start, column = np.nonzero(hits)
        if not len(start):
            continue
        at = column[:, None] + np.arange(-2, wide + 2)  # the line between two neighbours on each side
        near = np.where((at < 0) | (at >= width), np.nan, means[start[:, None], at.clip(0, width - 1)])
        sides, inside = near[:, [1, -2]], near[:, 2:-2, None]
        tall = np.fmin.reduce(np.abs(inside - sides[:, None]).reshape(len(near), -1), axis=1)
        shoulder = np.fmax(np.abs(near[:, 1] - near[:, 0]), np.abs(near[:, -2] - near[:, -1]))
        rows = start[:, None] * STEP + np.arange(long)
        left, right = np.where(at[:, 1] < 0, at[:, -2], at[:, 1]), np.where(at[:, -2] < width, at[:, -2], at[:, 1])
        pair = [level[rows, one[:, None]] for one in (left, right)]
        noise = NORMAL * np.median(np.abs(np.diff(pair, axis=2)), axis=2).min(0) / 2**0.5
        mid = np.mean(pair, axis=0)[:, None]
        away = np.abs(level[rows[:, None], at[:, 2:-2, None]] - mid) > tall[:, None, None] / 4
        enough = np.maximum(least, noise * (STANDS_OUT / long**0.5 if wide <= WIDEST else STANDS_OUT))
        bad = (shoulder <= SHARP * tall) & (tall > enough) & (away.mean(2).min(1) >= ALONG)
        for k in np.flatnonzero(bad):
            mask[rows[k, 0] : rows[k, -1] + 1, column[k] : column[k] + wide] = True


def areas(frame: np.ndarray) -> np.ndarray:
    """Find the areas of exactly one value, 2 x 2 pixels or more, that end in a jump on all sides: bool (H, W)."""
    down = frame[1:] == frame[:-1]
    core = down[:, 1:] & down[:, :-1] & (frame[1:, 1:] == frame[1:, :-1])
    found = np.zeros(frame.shape, dtype=bool)
    rows, columns = np.divmod(np.flatnonzero(core), core.shape[1])
    if not len(rows):
        return found
    steps = np.abs(np.diff(frame[:: max(1, min(TELLING, len(frame) // TELLING))], axis=1))
    steps = steps[steps > 0]
    jump = JUMP * NORMAL * float(np.median(steps)) / 2**0.5 if len(steps) else 0.0
    if len(rows) < FEW:  # by chance: what is around is near
        around = [(k, m) for k in range(-1, 3) for m in range(-1, 3) if not (k in (0, 1) and m in (0, 1))]
        near = [
            frame[(rows + k).clip(0, len(frame) - 1), (columns + m).clip(0, frame.shape[1] - 1)] for k, m in around
        ]
        away = np.abs(np.array(near) - frame[rows, columns])
        some = ((away > 0) & (away < jump)).sum(0) < len(around) // 3
        rows, columns = rows[some], columns[some]
    if not jump or not len(rows):
        return found
    for k, m in ((0, 0), (0, 1), (1, 0), (1, 1)):
        found[rows + k, columns + m] = True
    named, count = label(found)
    border, jumps = np.zeros(count + 1), np.zeros(count + 1)
    for names, values in ((named, frame), (named.T, frame.T)):
        for way in (1, -1):
            name, value = names[::way], values[::way].astype(np.float32)
            edge = (name[:-2] > 0) & (name[1:-1] == 0)
            own, height = name[:-2][edge], np.abs(value[:-2] - value[1:-1])[edge]
            course = np.abs(value[1:-1] - value[2:])[edge]
            sharp = (height > jump) & (course < np.maximum(SHARP * height, jump / 2))
            border += np.bincount(own, minlength=count + 1)
            jumps += np.bincount(own, sharp, minlength=count + 1)
    return _grown(found & ((border > 0) & (jumps >= ALONG * border))[named], frame)


def _grown(found: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return areas (H, W) bool with their tips, one pixel wide: what touches them and has their value."""
    for _ in range(TIP if found.any() else 0):
        grown = found.copy()
        for mask, known, values in ((grown, found, frame), (grown.T, found.T, frame.T)):
            alike = values[1:] == values[:-1]
            mask[1:] |= known[:-1] & alike
            mask[:-1] |= known[1:] & alike
        if (grown == found).all():
            break
        found = grown
    return found


def _spots(frame: np.ndarray, tall: np.ndarray) -> np.ndarray:
    """Say which outliers, by their heights, are bright, with as much light beside them as a lens spreads: (H, W)."""
    padded = np.pad(frame - float(frame.flat[0]), 1, mode="reflect").astype(np.float32)
    beside = (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]) / 4
    around = padded[1:-1, 1:-1] - tall  # the median of the 24 around
    return (tall > 0) & (beside - around > SPOT * tall)

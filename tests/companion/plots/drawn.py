"""What a chart with a row for every name shows, read off its axes."""

import numpy as np


def means(ax, marker="D"):
    """Return the mean drawn in each row, by the row's number."""
    lines = [line for line in ax.lines if line.get_marker() == marker and len(line.get_xdata())]
    points = np.concatenate([line.get_xydata() for line in lines])
    return {int(np.rint(y)): x for x, y in points if np.isfinite(x)}


def intervals(ax):
    """Return the ends of the interval drawn in each row, by the row's number."""
    lines = [line.get_xydata() for line in ax.lines if line.get_marker() == "None" and line.get_linestyle() == "-"]
    found = [line[np.isfinite(line).all(axis=1)] for line in lines]  # its caps are apart
    return {int(np.rint(line[:, 1].mean())): (line[:, 0].min(), line[:, 0].max()) for line in found if len(line)}

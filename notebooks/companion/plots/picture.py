"""A figure of a notebook: drawn from tables, kept in the run, and shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from companion.plots.style import note, save

NO_TRUTH = "No frame of this dataset has a reference, so nothing can be judged against the truth."


def picture(path: Path, draw: Callable[..., Figure], *data: Any) -> Any:
    """Draw data into a PNG file, and return it for display, with the file's name as alternative text.

    Where a table among the data says why it has nothing to show, in a column `reason`, or has no rows, the figure
    is that sentence.

    Args:
        path: such as `run.figure("fig3c_losses")`.
        draw: what draws the data, a function of `companion.plots`.
        data: tables, and arrays.
    """
    from IPython.display import Image

    reasons = [_reason(table) for table in data if isinstance(table, pd.DataFrame)]
    save(note(max(reasons)) if any(reasons) else draw(*data), path)
    return Image(filename=str(path), alt=path.stem.replace("_", " "))


def _reason(table: pd.DataFrame) -> str:
    """Return why there is nothing to draw; "" where there is something."""
    if "reason" in table:
        return str(table["reason"].iloc[0])
    return "" if len(table) else NO_TRUTH

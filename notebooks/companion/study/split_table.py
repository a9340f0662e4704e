"""The table of the split: which frame is in which part and domain, with its SHA-256."""

import pandas as pd

from companion.run import Run
from nircore import paths
from nircore.data import sets, split


def data_split(run: Run) -> pd.DataFrame:
    """Write the split of the run's frames and its summary; return the summary. A missing phantom is made here."""
    table, bad = sets.divided(run.config)
    for line in bad:
        print(f"left out: {line}")
    run.write_table("left_out", pd.DataFrame({"reason": bad}, dtype=str))
    run.write_table("split", _portable(table))
    run.write_table("split_summary", split.summary(table))
    return run.table("split_summary")


def _portable(table: pd.DataFrame) -> pd.DataFrame:
    """Write paths below the data folder relative to it, so that a table made here can be read elsewhere."""
    base = f"{paths.data()}/"
    return table.assign(**{key: table[key].str.removeprefix(base) for key in ("file", "reference")})

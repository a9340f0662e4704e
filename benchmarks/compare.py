"""Whether two runs made the same tables: the oracle of a change that must move no number.

python -m benchmarks.compare BEFORE AFTER [--tolerance 1e-6]    # folders of runs; exit status 1 where they differ

Text has to be equal; numbers to the tolerance, absolute and relative. Times, and the version and commit that made a
table, differ between any two runs and are left out.
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from companion.run import STAMP

#: Columns that say how long something took, or on what machine.
TIMED = re.compile(r"^(seconds|s|.*_s|.*_ms|.*fps|gap|.*speed.*|share_of_.*)$")
TIMES = ("table10_real_time", "quality_speed", "real_time_machine", "claims")  # tables that hold little else


def differences(before: pd.DataFrame, after: pd.DataFrame, tolerance: float) -> list[str]:
    """Name what differs between two tables."""
    if list(before) != list(after) or len(before) != len(after):
        return [f"{before.shape} {list(before)} became {after.shape} {list(after)}"]
    found = []
    for name in before:
        old, new = before[name], after[name]
        if name in STAMP or TIMED.match(name):
            continue
        if pd.api.types.is_numeric_dtype(old) and pd.api.types.is_numeric_dtype(new):
            alike = np.isclose(old, new, rtol=tolerance, atol=tolerance, equal_nan=True)
        else:
            alike = old.fillna("").astype(str) == new.fillna("").astype(str)
        if not np.all(alike):
            row = int(np.flatnonzero(~np.asarray(alike))[0])
            found.append(f"{name}: {int((~np.asarray(alike)).sum())} of {len(old)}, first {old[row]!r}, {new[row]!r}")
    return found


def main() -> None:
    """Compare every table of two runs, and say which differ in what."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--tolerance", type=float, default=1e-6)
    given = parser.parse_args()
    files = [{path.name: path for path in folder.glob("tables/*.csv")} for folder in (given.before, given.after)]
    wrong = {name: ["only one run has it"] for name in files[0].keys() ^ files[1].keys()}
    for name in sorted(files[0].keys() & files[1].keys()):
        if Path(name).stem not in TIMES:
            wrong[name] = differences(*(pd.read_csv(own[name]) for own in files), given.tolerance)
    for name, found in wrong.items():
        print(f"{name}: {'; '.join(found) or 'equal'}")
    sys.exit(any(wrong.values()))


if __name__ == "__main__":
    main()

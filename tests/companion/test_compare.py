"""The comparison of two runs' tables finds what moved, and is quiet about times."""

import pandas as pd
import pytest

from benchmarks.compare import differences

TABLE = pd.DataFrame({"method": ["a", "b"], "psnr": [20.0, float("nan")], "seconds": [1.0, 2.0]})


@pytest.mark.parametrize(
    "after, named",
    [
        (TABLE, ""),
        (TABLE.assign(seconds=9.0), ""),
        (TABLE.assign(psnr=[20.0 + 1e-6, None]), ""),
        (TABLE.assign(psnr=[20.01, None]), "psnr: 1 of 2"),
        (TABLE.assign(psnr=[20.0, 1.0]), "psnr: 1 of 2"),
        (TABLE.assign(method=["a", "c"]), "method: 1 of 2"),
        (TABLE.iloc[:1], "became"),
        (TABLE.drop(columns="psnr"), "became"),
    ],
)
def test_what_moved_is_named(after, named):
    found = "; ".join(differences(TABLE, after, 1e-6))
    assert found.startswith(named) if named != "became" else named in found
    assert bool(found) == bool(named)

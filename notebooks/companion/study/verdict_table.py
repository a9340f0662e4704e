"""A verdict on every claim of the paper, from the tables of the run; and the paper's errata."""

import pandas as pd

from companion.run import Run, published
from companion.study import claims as claim


def verdicts(run: Run) -> pd.DataFrame:
    """Judge the claims on the tables of the run, write the verdicts and the errata, and return the verdicts.

    A table that only a notebook outside the default chain makes counts where it is there.
    """
    listed = claim.load(published("claims.yaml"))
    names = sorted({one["rule"]["table"] for one in listed if "table" in one["rule"]})
    tables = {name: run.table(name) for name in names if run.path(f"tables/{name}.csv").is_file()}
    run.write_table("claims", claim.evaluate(listed, tables))
    run.write_table("errata", claim.load_errata(published("errata.yaml")))
    return run.table("claims")

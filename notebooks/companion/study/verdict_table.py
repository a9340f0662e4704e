"""A verdict on every claim of the paper, from the tables of the run; and the paper's errata."""

from pathlib import Path

from companion.run import Run, published
from companion.run.steps import made_in, makers, step
from companion.study import claims as claim


@step("tables/claims.csv", "tables/errata.csv")
def verdicts(run: Run) -> None:
    """Judge the claims on the tables of the run; those that are made aside count where they are there."""
    listed = claim.load(published("claims.yaml"))
    names = sorted({one["rule"]["table"] for one in listed if "table" in one["rule"]})
    tables = {name: run.table(name) for name in names if not _aside(name) or run.has(f"tables/{name}.csv")}
    run.write_table("claims", claim.evaluate(listed, tables, _notebooks()))
    run.write_table("errata", claim.load_errata(published("errata.yaml")))


def _aside(table: str) -> bool:
    """Say whether a table is made aside from the chain: it takes hours, and its claims stay open without."""
    maker = makers().get(f"tables/{table}.csv")
    return maker is not None and maker.aside


def _notebooks() -> dict[str, str]:
    """Return the notebook that makes each table of a run."""
    return {Path(name).stem: book for name, book in made_in().items() if name.startswith("tables/")}

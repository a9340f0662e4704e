"""A verdict on every claim of the paper, from the tables of the run; and the paper's errata."""

from pathlib import Path

from nircore.plots import claims as draw
from nircore.plots.style import save
from nircore.run import Run, published
from nircore.stages import ASIDE, MAKER, made_in
from nircore.study import claims


def make(run: Run) -> None:
    """Judge the claims on the tables that are there; write verdicts, errata and the chart."""
    listed = claims.load(published("claims.yaml"))
    names = sorted({claim["rule"]["table"] for claim in listed if "table" in claim["rule"]})
    tables = {name: run.table(name) for name in names if not _aside(name) or run.has(f"tables/{name}.csv")}
    judged = claims.evaluate(listed, tables, makers())
    run.write_table("claims", judged)
    run.write_table("errata", claims.load_errata(published("errata.yaml")))
    save(draw.verdicts(judged, claims.summary(judged)), run.figure("claims"))


def _aside(table: str) -> bool:
    """Say whether a table is made aside from the chain: it takes hours, and its claims stay open without."""
    return MAKER[f"tables/{table}.csv"] in ASIDE


def makers() -> dict[str, str]:
    """Return the notebook that makes each table of a run."""
    tables = {Path(name).stem: step for name, step in MAKER.items() if name.startswith("tables/")}
    return {table: made_in()[step] for table, step in tables.items() if step in made_in()}

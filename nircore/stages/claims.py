"""A verdict on every claim of the paper, from the tables of the run; and the paper's errata."""

from nircore.plots import claims as draw
from nircore.plots.style import save
from nircore.run import Run, published
from nircore.study import claims


def make(run: Run) -> None:
    """Judge the claims on the tables that are there; write verdicts, errata and the chart."""
    listed = claims.load(published("claims.yaml"))
    names = {claim["rule"]["table"] for claim in listed if "table" in claim["rule"]}
    tables = {name: run.table(name) for name in sorted(names) if run.path(f"tables/{name}.csv").is_file()}
    judged = claims.evaluate(listed, tables)
    run.write_table("claims", judged)
    run.write_table("errata", claims.load_errata(published("errata.yaml")))
    save(draw.verdicts(judged, claims.summary(judged)), run.figure("claims"))

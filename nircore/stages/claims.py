"""A verdict on every claim of the paper, from the tables of the run; and the paper's errata."""

from pathlib import Path

from nircore.plots import claims as draw
from nircore.plots.style import save
from nircore.run import Run, published
from nircore.study import claims


def make(run: Run) -> None:
    """Judge the claims on the tables that are there; write verdicts, errata and the chart."""
    listed = claims.load(published("claims.yaml"))
    names = {claim["rule"]["table"] for claim in listed if "table" in claim["rule"]}
    tables = {name: run.table(name) for name in sorted(names) if run.path(f"tables/{name}.csv").is_file()}
    judged = claims.evaluate(listed, tables, makers())
    run.write_table("claims", judged)
    run.write_table("errata", claims.load_errata(published("errata.yaml")))
    save(draw.verdicts(judged, claims.summary(judged)), run.figure("claims"))


def makers() -> dict[str, str]:
    """Return the notebook that makes each table of a run."""
    from nircore.stages import ASIDE, MADE_IN, STAGES

    names = {name: MADE_IN[stage.name] for stage in (STAGES | ASIDE).values() for name in stage.writes}
    return {Path(name).stem: notebook for name, notebook in names.items() if name.startswith("tables/")}

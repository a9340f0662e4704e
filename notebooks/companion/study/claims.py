"""The paper's claims and errata, read from YAML, and a verdict on each claim from the tables of a run."""

from pathlib import Path

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from companion.run import Run, places, published
from companion.study.verdicts import NO, OPEN, UNDECIDED, VERDICTS, YES, Tables, Verdict

WORDS = (YES, NO, UNDECIDED, OPEN)


class Claim(BaseModel):
    """A claim of the paper: what it says and where, what is measured, and what would support and refute it.

    `tables` names the notebook that makes each table which the claim's function reads. One with a folder in its name
    is a published table of a longer run, `reports/<name>.csv`, whatever the run itself has trained. A claim without
    tables is one that nothing here can decide.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    id: str
    about: str
    claim: str
    where: str
    measured: str
    supports: str
    refutes: str
    unit: str
    tables: dict[str, str]
    by_construction: bool = False  # its verdict follows from how the system is built, whatever a run measures

    def judge(self, tables: Tables) -> Verdict:
        """Decide the claim; without its tables it is not testable, and the remark says why or who makes them."""
        if not self.tables:
            return Verdict(OPEN, remark=f"nothing here can decide it; {self.supports} would")
        for name, notebook in self.tables.items():
            if name not in tables or tables[name].empty:
                return Verdict(OPEN, remark=f"there is no {name}.csv: notebook {notebook} makes it")
            if "reason" in tables[name]:  # what the run left out says why
                return Verdict(OPEN, remark=str(tables[name]["reason"].iloc[0]))
        return VERDICTS[self.id](tables)


def load(path: Path) -> list[Claim]:
    """Read the claims in a YAML file; refuse one that is not as `Claim` describes it."""
    return TypeAdapter(list[Claim]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))


def load_errata(path: Path) -> pd.DataFrame:
    """Read where the paper is loose: where it stands, what it says, what is right, what is done here."""
    return pd.DataFrame(yaml.safe_load(path.read_text(encoding="utf-8")))[["where", "says", "right", "here"]]


def evaluate(claims: list[Claim], tables: Tables) -> pd.DataFrame:
    """Judge claims on tables by their names: one row per claim, its words and the verdict."""
    rows = []
    for claim in claims:
        found = claim.judge(tables)
        about = claim.model_dump(include={"id", "about", "claim", "where"})
        about |= {"verdict": found.says, "number": found.number, "unit": claim.unit, "remark": found.remark}
        rows.append(about | claim.model_dump(include={"by_construction", "measured", "supports", "refutes"}))
    return pd.DataFrame(rows)


def write_verdicts(run: Run) -> pd.DataFrame:
    """Judge the claims on the tables of the run, write the verdicts and the errata, and return the verdicts."""
    listed = load(published("claims.yaml"))
    names = sorted({name for claim in listed for name in claim.tables})
    tables = {name: pd.read_csv(places.REPOSITORY / f"reports/{name}.csv") for name in names if "/" in name}
    tables |= {name: run.table(name) for name in names if run.path(f"tables/{name}.csv").is_file()}
    run.write_table("claims", evaluate(listed, tables))
    run.write_table("errata", load_errata(published("errata.yaml")))
    return run.table("claims")


def summary(judged: pd.DataFrame) -> str:
    """Return the verdicts in one line; those that follow from how the system is built are counted apart.

    >>> summary(pd.DataFrame({"verdict": ["undecided", "not supported"], "by_construction": [False, False]}))
    'Of 2 claims, 0 supported, 1 not supported, 1 undecided, 0 not testable here.'
    """
    built = judged["by_construction"].astype(bool)
    counts = [f"{(judged.loc[~built, 'verdict'] == verdict).sum()} {verdict}" for verdict in WORDS]
    hold = (judged.loc[built, "verdict"] == YES).sum()
    apart = f"; {built.sum()} more decided by construction ({hold} hold)" if built.any() else ""
    return f"Of {(~built).sum()} claims, {', '.join(counts)}{apart}."

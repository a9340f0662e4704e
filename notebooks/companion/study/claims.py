"""The paper's claims and errata: read from YAML, checked, and judged on the tables of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from nircore.errors import NircoreError
from companion.study.rules import KINDS, OPTIONAL, Finding, Rule, absent, in_words

VERDICTS = {True: "supported", False: "not supported", None: "not testable here"}
BUILT = "by_construction"  # a claim whose verdict follows from how the system is built, whatever a run measures
STRICT = ConfigDict(strict=True, extra="forbid")

NAMES = ("effect", "low", "high", "over", "given", "score", "label", "column")  # keys of a rule: one column each
COLUMNS = (*NAMES, "columns", "within", *OPTIONAL, "rivals", "than")  # every key that names columns
#: What a key of a rule may hold.
HOLDS: dict[str, Any] = {
    **dict.fromkeys(("table", "reason", *NAMES), str),
    **dict.fromkeys(("value", "strength", "least", "most", "at_least"), float),
    **dict.fromkeys((*OPTIONAL, "rivals", "than"), dict),
    **dict.fromkeys(("columns", "within"), list),
    "direction": Literal["rises", "falls"],
    "which": Literal["every", "the last", "the least"],
}


def _rule(name: str) -> type[BaseModel]:
    """Return the model of one kind of rule: its keys, and what each may hold."""
    keys: dict[str, Any] = {key: (HOLDS[key], ...) for key in KINDS[name].keys}
    optional: dict[str, Any] = {key: (HOLDS[key], {}) for key in OPTIONAL if "table" in keys}
    return create_model(name, __config__=STRICT, kind=(Literal[name], ...), **keys, **optional)


RULES = {name: _rule(name) for name in KINDS}


class Claim(BaseModel):
    """A claim of the paper as the file states it; its rule is one of RULES."""

    model_config = STRICT

    id: str
    about: str
    claim: str
    where: str
    measured: str
    unit: str
    rule: Any
    by_construction: bool = False


class Erratum(BaseModel):
    """A place where the paper is loose: what it says, what is right, what is done here."""

    model_config = STRICT

    where: str
    says: str
    right: str
    here: str


def load(path: Path) -> list[dict[str, Any]]:
    """Read and check the claims in a YAML file.

    Raises:
        NircoreError: the file cannot be read, or a claim lacks a key, or has one that is unknown or holds
            something else than it must; the sentence names the claim and the key.
    """
    claims, seen = _entries(path), set()
    for place, claim in enumerate(claims, 1):
        where = f"{path.name}: claim {claim.get('id', place)}"
        _check(Claim, claim, where)
        if claim["id"] in seen:
            raise NircoreError(f"{where}: the key 'id' repeats that of an earlier claim: give it another.")
        seen.add(claim["id"])
        kind = claim["rule"].get("kind") if isinstance(claim["rule"], dict) else None
        if kind not in list(RULES):
            raise NircoreError(f"{where}: rule: the key 'kind' must be one of {', '.join(RULES)}.")
        _check(RULES[kind], claim["rule"], f"{where}: rule")
    return claims


def load_errata(path: Path) -> pd.DataFrame:
    """Read where the paper is loose: where it stands, what it says, what is right, what is done here."""
    entries = _entries(path)
    for place, entry in enumerate(entries, 1):
        _check(Erratum, entry, f"{path.name}: entry {place}")
    return pd.DataFrame(entries, columns=list(Erratum.model_fields))


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NircoreError(f"Cannot read {path}: {error}; restore it from the repository.") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise NircoreError(f"{path} must be a YAML list of mappings.")
    return entries


def _check(model: type[BaseModel], entry: dict[str, Any], where: str) -> None:
    """Refuse an entry that is not what its model says, in one sentence; keys missing or unknown come first."""
    try:
        model.model_validate(entry)
    except ValidationError as error:
        order = ("missing", "invalid_key", "extra_forbidden")
        first = min(error.errors(), key=lambda one: (*order, one["type"]).index(one["type"]))
        said = {"missing": "is missing", "bool_type": "must be true or false"}
        said |= dict.fromkeys(order[1:], f"is unknown: it takes {', '.join(model.model_fields)}")
        what = said.get(first["type"], f"cannot be {first['input']!r}")
        raise NircoreError(f"{where}: the key {first['loc'][-1]!r} {what}.") from error


def columns(rule: Rule) -> dict[str, str]:
    """Return the columns that a rule reads, each with the key that names it."""
    return {name: key for key in COLUMNS for name in _listed(rule.get(key, ()))}


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def evaluate(
    claims: list[dict[str, Any]], tables: Mapping[str, pd.DataFrame], makers: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Judge claims on the tables of a run, by their names.

    A claim whose table is missing or has no rows is not testable; the remark names the notebook that makes the table.

    Args:
        claims: what `load` returned.
        tables: those that the run has.
        makers: the notebook that makes each table, as far as known.

    Returns:
        one row per claim: id, about, claim, where, verdict (one of VERDICTS), number (NaN where there is
        none), unit, remark, by_construction (bool), measured, rule (in words).

    Raises:
        NircoreError: a rule names a column that its table does not have.
    """
    rows = []
    for claim in claims:
        found = _judge(claim, tables, makers or {})
        row = {key: claim[key] for key in ("id", "about", "claim", "where")}
        row |= {"verdict": VERDICTS[found.holds], "number": found.number, "unit": claim["unit"]}
        row |= {"remark": found.remark, BUILT: claim.get(BUILT, False)}
        rows.append(row | {"measured": claim["measured"], "rule": in_words(claim["rule"])})
    return pd.DataFrame(rows)


def _judge(claim: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], makers: Mapping[str, str]) -> Finding:
    rule = claim["rule"]
    table = tables.get(rule.get("table", ""), pd.DataFrame())
    if "table" in rule and table.empty:
        maker = f": notebook {makers[rule['table']]} makes it" if rule["table"] in makers else ""
        return Finding(None, remark=f"this run has nothing in tables/{rule['table']}.csv{maker}")
    for column, key in columns(rule).items():
        if column not in table:
            raise NircoreError(f"Claim {claim['id']}: rule: {key!r} names no column of {rule['table']}: {column!r}.")
    found = KINDS[rule["kind"]].judge(table, rule)
    if found.holds and (missing := absent(table, rule)):
        return Finding(None, found.number, f"no row with {missing}")
    return found


def summary(judged: pd.DataFrame) -> str:
    """Return the verdicts in one line; those that follow from how the system is built are counted apart.

    >>> summary(pd.DataFrame({"verdict": ["supported", "not testable here", "supported"]}))
    'Of 3 claims, 2 supported, 0 not supported, 1 not testable here.'
    >>> summary(pd.DataFrame({"verdict": ["supported", "not supported"], "by_construction": [True, False]}))
    'Of 1 claims, 0 supported, 1 not supported, 0 not testable here; 1 more decided by construction (1 hold).'
    """
    built = judged[BUILT].astype(bool) if BUILT in judged else pd.Series(False, index=judged.index)
    counts = [f"{(judged.loc[~built, 'verdict'] == verdict).sum()} {verdict}" for verdict in VERDICTS.values()]
    hold = (judged.loc[built, "verdict"] == VERDICTS[True]).sum()
    apart = f"; {built.sum()} more decided by construction ({hold} hold)" if built.any() else ""
    return f"Of {(~built).sum()} claims, {', '.join(counts)}{apart}."


def kinds(claims: list[dict[str, Any]]) -> pd.DataFrame:
    """Count claims by subject (rows) and by the kind of rule that decides them (columns)."""
    table = pd.DataFrame({"about": [c["about"] for c in claims], "rule": [c["rule"]["kind"] for c in claims]})
    counts = pd.crosstab(table["about"], table["rule"])
    return counts.reindex(index=table["about"].unique(), columns=list(KINDS), fill_value=0)

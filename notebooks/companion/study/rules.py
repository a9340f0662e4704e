"""Rules that decide a claim: small pure functions of one table, and the kinds of them that there are.

In any of them `rows: {column: value}` chooses rows and `unless: {column: value}` leaves some out; text may hold
`*`, and a list of values takes any of them. Where several rows or columns are chosen, the least favourable one
decides. A number that is NaN (one animal, for example, gives no interval) supports nothing, and neither does a
listed value without a row (`absent`); but both hide no other that fails.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pandas as pd
from scipy.stats import spearmanr

FEWEST = 4  # rows: a rank correlation of fewer says nothing

Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """Whether a rule holds (None: it cannot be said), the number that decides, and what else to know."""

    holds: bool | None
    number: float = math.nan
    remark: str = ""


def choose(table: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return the rows that match all of `rows` and do not match all of `unless`."""
    table = table[_matching(table, rule.get("rows", {}))]
    return table[~_matching(table, rule["unless"])] if "unless" in rule else table


def _matching(table: pd.DataFrame, pattern: Mapping[str, Any]) -> pd.Series:
    found = pd.Series(True, index=table.index)
    for column, value in pattern.items():
        wanted = [str(one) for one in (value if isinstance(value, list) else [value])]
        alike = table[column].map(lambda cell, wanted=wanted: any(fnmatchcase(_text(cell), w) for w in wanted))
        found &= alike.astype(bool)
    return found


def _text(cell: Any) -> str:
    """Return a cell as it is written in a rule: one gap makes a column's whole numbers 640.0, which are still 640."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def absent(table: pd.DataFrame, rule: Rule) -> str:
    """Name the first of the values listed in `rows` that no chosen row has; empty if there is none."""
    rows = choose(table, rule)
    for column, values in rule.get("rows", {}).items():
        for value in values if isinstance(values, list) else []:
            if not _matching(rows, {column: value}).any():
                return f"{column} {value}"
    return ""


def _numbers(table: pd.DataFrame, rule: Rule, columns: list[str]) -> pd.DataFrame:
    """Return columns of the chosen rows as numbers; what is none becomes NaN."""
    return choose(table, rule)[columns].apply(pd.to_numeric, errors="coerce").astype(float)


def interval_above(table: pd.DataFrame, rule: Rule) -> Finding:
    """Find whether the `effect`, with its interval from `low` to `high`, lies above `value`."""
    rows = _numbers(table, rule, [rule[key] for key in ("effect", "low", "high")])
    if rows.empty:
        return Finding(None, remark="no such row")
    known = rows.dropna().sort_values(rule["low"])
    if len(known) == len(rows) or (known[rule["low"]] <= rule["value"]).any():
        effect, low, high = known.iloc[0]
        return Finding(bool(low > rule["value"]), float(effect), f"95 % interval {low:.3g} to {high:.3g}")
    return Finding(None, float(rows.iloc[0, 0]), "no interval: too few to resample")


def unrivalled(table: pd.DataFrame, rule: Rule) -> Finding:
    """Find whether `interval_above` holds and no row among `rivals` reaches the chosen rows' `score`.

    A rival without a score (its package is not there) refutes nothing, but nothing is supported without it either:
    the verdict must not hang on what happens to be installed. Rows are compared that agree in the columns `within`;
    `label` names the column of the rivals' names.
    """
    found = interval_above(table, rule)
    rivals = choose(table, rule | {"rows": rule["rivals"]}).drop(index=choose(table, rule).index, errors="ignore")
    own = _numbers(table, rule, [rule["score"]])[rule["score"]].groupby(_places(table, rule)).min()
    scores = pd.to_numeric(rivals[rule["score"]], errors="coerce")
    ahead = scores - _places(rivals, rule).map(own)
    if ahead.max() >= 0:
        best = rivals.loc[ahead.idxmax(), rule["label"]]
        return Finding(False, -float(ahead.max()), f"{best} reaches the same {rule['score']} or more")
    if found.holds and scores.isna().any():
        missing = ", ".join(rivals.loc[scores.isna(), rule["label"]])
        return Finding(None, found.number, f"not compared with {missing}, absent here")
    return found


def _places(table: pd.DataFrame, rule: Rule) -> pd.Series:
    """Return for each row what it shares with those it may be compared with: its values in the columns `within`."""
    return pd.Series(list(map(tuple, table[rule["within"]].to_numpy())), index=table.index, dtype=object)


def trend(table: pd.DataFrame, rule: Rule) -> Finding:
    """Find whether `columns` rise or fall (`direction`) with the column `over`, by Spearman's rho of `strength`."""
    rows = _numbers(table, rule, [rule["over"], *rule["columns"]])
    return _correlated(rows, rule, lambda name: _rho(rows[[rule["over"], name]]), FEWEST)


def trend_given(table: pd.DataFrame, rule: Rule) -> Finding:
    """Find the same as `trend` in what a third column, `given`, does not explain.

    Two series that both change with training time correlate however little they have to do with each other. Decided
    is the partial rank correlation: that of the ranks, given the ranks of the third.
    """
    rows = _numbers(table, rule, [rule["over"], rule["given"], *rule["columns"]])
    return _correlated(rows, rule, lambda name: _partial(rows[[rule["over"], name, rule["given"]]]), FEWEST + 1)


def _correlated(rows: pd.DataFrame, rule: Rule, rho: Callable[[str], float], fewest: int) -> Finding:
    """Decide by the weakest correlation of the rule's columns."""
    varies = len(rows) >= fewest and not rows.isna().any(axis=None) and (rows.nunique() > 1).all()
    sign = 1 if rule["direction"] == "rises" else -1
    rhos = [sign * rho(name) for name in rule["columns"]] if varies else [math.nan]
    if any(map(math.isnan, rhos)):
        return Finding(None, remark=f"needs {fewest} rows of numbers that vary")
    return Finding(bool(min(rhos) >= rule["strength"]), float(sign * min(rhos)), f"over {len(rows)} rows")


def _rho(two: pd.DataFrame) -> float:
    """Return Spearman's rho of two columns, rounded: a full correlation falls short of 1 by 1e-16."""
    return round(float(spearmanr(two).statistic), 12)


def _partial(three: pd.DataFrame) -> float:
    """Return Spearman's rho of two columns given the third; NaN where the third explains one of them fully.

    Source: M. G. Kendall, Biometrika 32 (1942) 277, with rank correlations in the place of Pearson's.
    """
    (_, one_other, one_given), (_, _, other_given), _ = spearmanr(three).statistic
    left = (1 - one_given**2) * (1 - other_given**2)
    return float((one_other - one_given * other_given) / math.sqrt(left)) if left > 1e-9 else math.nan


def within(table: pd.DataFrame, rule: Rule) -> Finding:
    """Find whether `columns` of `which` row (every, the last, or the least in any) lie from `least` to `most`."""
    rows = _numbers(table, rule, rule["columns"])
    picked = {"every": rows, "the last": rows.tail(1), "the least": rows.min()}[rule["which"]]
    values = picked.to_numpy().ravel().tolist()
    known, middle = [value for value in values if not math.isnan(value)], (rule["least"] + rule["most"]) / 2
    worst = max(known, key=lambda value: abs(value - middle), default=math.nan)
    inside = rule["least"] <= worst <= rule["most"]
    if not known or (inside and len(known) < len(values)):
        return Finding(None, remark="no number")
    return Finding(inside, worst, f"the furthest of {len(values)}")


def share(table: pd.DataFrame, rule: Rule) -> Finding:
    """Find whether the chosen rows hold from `least` to `most` of all distinct values of `column`."""
    count, total = choose(table, rule)[rule["column"]].nunique(), table[rule["column"]].nunique()
    if not total:
        return Finding(None, remark="no value")
    return Finding(rule["least"] <= count / total <= rule["most"], count / total, f"{count} of {total}")


def at_most_share(table: pd.DataFrame, rule: Rule) -> Finding:
    """Find whether the chosen rows' mean of `column` is at most the share `most` of that of the rows `than`."""
    means = [_numbers(table, one, [rule["column"]])[rule["column"]].mean() for one in (rule, {"rows": rule["than"]})]
    if not (means[1] > 0 and math.isfinite(means[0])):
        return Finding(None, remark="no number of both")
    return Finding(
        bool(means[0] / means[1] <= rule["most"]), means[0] / means[1], f"{means[0]:.3g} to {means[1]:.3g}"
    )


def exists(table: pd.DataFrame, rule: Rule) -> Finding:
    """Find whether there are `at_least` so many of the chosen rows, with no gap in `columns`."""
    cells = choose(table, rule)[rule["columns"]]
    gaps = int((cells.isna() | (cells == "")).any(axis=1).sum())
    return Finding(len(cells) >= rule["at_least"] and not gaps, len(cells), f"{gaps} with gaps" if gaps else "")


def not_testable(table: pd.DataFrame, rule: Rule) -> Finding:
    """Say the `reason` why no table of a run can decide."""
    return Finding(None, remark=rule["reason"])


@dataclass(frozen=True)
class Kind:
    """A kind of rule: its function, the keys it needs, and how it reads."""

    judge: Callable[[pd.DataFrame, Rule], Finding]
    keys: tuple[str, ...]
    words: str


KINDS = {
    "interval_above": Kind(
        interval_above,
        ("table", "effect", "low", "high", "value"),
        "95 % interval of {effect} above {value}",
    ),
    "unrivalled": Kind(
        unrivalled,
        ("table", "effect", "low", "high", "value", "rivals", "score", "label", "within"),
        "95 % interval of {effect} above {value}, and no {label} among the rivals with as much {score}",
    ),
    "trend": Kind(
        trend,
        ("table", "columns", "over", "direction", "strength"),
        "{columns} {direction} with {over}, Spearman's rho {strength} or stronger",
    ),
    "trend_given": Kind(
        trend_given,
        ("table", "columns", "over", "given", "direction", "strength"),
        "{columns} {direction} with {over} at equal {given}, partial Spearman's rho {strength} or stronger",
    ),
    "range": Kind(
        within, ("table", "columns", "which", "least", "most"), "{columns} in {which} row from {least} to {most}"
    ),
    "share": Kind(
        share, ("table", "column", "least", "most"), "share of the distinct values of {column} from {least} to {most}"
    ),
    "at_most_share": Kind(
        at_most_share, ("table", "column", "than", "most"), "mean of {column} at most {most} times that of the other"
    ),
    "exists": Kind(exists, ("table", "columns", "at_least"), "at least {at_least}, with {columns} in each"),
    "not_testable": Kind(not_testable, ("reason",), "none"),
}
OPTIONAL = ("rows", "unless")  # any kind that looks at a table takes these


def in_words(rule: Rule) -> str:
    """Return a rule as a person would read it.

    >>> in_words({"kind": "share", "table": "split", "column": "group", "least": 0.6, "most": 0.8})
    'split: share of the distinct values of group from 0.6 to 0.8'
    """
    lists = {key: ", ".join(value) for key, value in rule.items() if isinstance(value, list)}
    text = KINDS[rule["kind"]].words.format(**rule | lists)
    chosen = [f"{column} {_either(value)}" for column, value in rule.get("rows", {}).items()]
    chosen += [f"against {column} {_either(value)}" for column, value in _against(rule).items()]
    chosen += [f"not {column} {_either(value)}" for column, value in rule.get("unless", {}).items()]
    where = f" ({', '.join(chosen)})" if chosen else ""
    return f"{rule['table']}{where}: {text}" if "table" in rule else text


def _against(rule: Rule) -> Mapping[str, Any]:
    return rule.get("rivals", rule.get("than", {}))


def _either(value: Any) -> str:
    return " or ".join(map(str, value)) if isinstance(value, list) else str(value)

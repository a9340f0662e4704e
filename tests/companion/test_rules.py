"""Each kind of rule on tables small enough to judge by eye; what is not on them is tested by test_claims."""

import math
from io import StringIO

import pandas as pd
import pytest

from companion.study.rules import KINDS, choose, in_words

RULES = {
    "one of two rows": (
        {"kind": "interval_above", "table": "t", "effect": "e", "low": "l", "high": "h", "value": 0},
        {"e": [3.0, 2.0], "l": [1.0, -1.0], "h": [5.0, 5.0]},
        (False, 2.0),
    ),
    "an interval that ends at the value": (
        {"kind": "interval_above", "table": "t", "effect": "e", "low": "l", "high": "h", "value": 0},
        {"e": [3.0], "l": [0.0], "h": [5.0]},
        (False, 3.0),
    ),
    "a row that fails beside one without an interval": (
        {"kind": "interval_above", "table": "t", "effect": "e", "low": "l", "high": "h", "value": 0},
        {"e": [3.0, -2.0], "l": [math.nan, -3.0], "h": [math.nan, -1.0]},
        (False, -2.0),
    ),
    "a row that holds beside one without an interval": (
        {"kind": "interval_above", "table": "t", "effect": "e", "low": "l", "high": "h", "value": 0},
        {"e": [3.0, 2.0], "l": [math.nan, 1.0], "h": [math.nan, 3.0]},
        (None, 3.0),
    ),
    "rho just short": (
        {"kind": "trend", "table": "t", "columns": ["y"], "over": "x", "direction": "rises", "strength": 0.9},
        {"x": [1, 2, 3, 4, 5], "y": [1, 2, 4, 5, 3]},  # 1 - 6 (0 + 0 + 1 + 1 + 4) / (5 (25 - 1))
        (False, 0.7),
    ),
    "the weaker of two columns, falling": (
        {"kind": "trend", "table": "t", "columns": ["y", "z"], "over": "x", "direction": "falls", "strength": 0.7},
        {"x": [1, 2, 3, 4, 5], "y": [5, 4, 3, 2, 1], "z": [5, 4, 2, 1, 3]},
        (True, -0.7),
    ),
    "three rows": (
        {"kind": "trend", "table": "t", "columns": ["y"], "over": "x", "direction": "rises", "strength": 0.9},
        {"x": [1, 2, 3], "y": [1, 2, 3]},
        (None, math.nan),
    ),
    "a constant": (
        {"kind": "trend", "table": "t", "columns": ["y"], "over": "x", "direction": "rises", "strength": 0.9},
        {"x": [1, 2, 3, 4, 5], "y": [1, 1, 1, 1, 1]},
        (None, math.nan),
    ),
    "below the range": (
        {"kind": "range", "table": "t", "columns": ["y"], "which": "every", "least": 0, "most": 1},
        {"y": [0.5, -0.6, 1.0]},
        (False, -0.6),
    ),
    "outside the range beside a gap": (
        {"kind": "range", "table": "t", "columns": ["y"], "which": "every", "least": 0, "most": 1},
        {"y": [math.nan, 1.5, 1.0]},
        (False, 1.5),
    ),
    "inside the range beside a gap": (
        {"kind": "range", "table": "t", "columns": ["y"], "which": "every", "least": 0, "most": 1},
        {"y": [0.5, math.nan]},
        (None, math.nan),
    ),
    "only the last row counts": (
        {"kind": "range", "table": "t", "columns": ["y"], "which": "the last", "least": 0, "most": 1},
        {"y": [9.0, 0.25]},
        (True, 0.25),
    ),
    "the least of any row decides": (
        {"kind": "range", "table": "t", "columns": ["y"], "which": "the least", "least": 0, "most": 1},
        {"y": [9.0, 0.25, math.nan]},
        (True, 0.25),
    ),
    "the least of any row is too much": (
        {"kind": "range", "table": "t", "columns": ["y"], "which": "the least", "least": 0, "most": 1},
        {"y": [9.0, 1.25]},
        (False, 1.25),
    ),
    "a share too small": (
        {"kind": "share", "table": "t", "rows": {"s": "a"}, "column": "y", "least": 0.5, "most": 0.8},
        {"s": ["a", "a", "b", "b"], "y": [1, 1, 2, 3]},
        (False, 1 / 3),
    ),
    "a gap": (
        {"kind": "exists", "table": "t", "columns": ["y"], "at_least": 1},
        {"y": ["a", ""]},
        (False, 2.0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule, data, expected", RULES.values(), ids=RULES)
def test_the_least_favourable_decides(rule, data, expected):
    found = KINDS[rule["kind"]].judge(pd.DataFrame(data), rule)
    assert found.holds is expected[0]
    assert found.number == pytest.approx(expected[1], nan_ok=True)


def test_rows_are_chosen_by_pattern_number_and_exception():
    table = pd.DataFrame({"a": ["Gaussian, 2 px", "enhanced", "Gaussian"], "k": [1, 1, 2]})
    assert list(choose(table, {"rows": {"a": "Gaussian*", "k": 1}}).index) == [0]
    assert list(choose(table, {"unless": {"k": 1, "a": "enhanced"}}).index) == [0, 2]
    assert list(choose(table, {}).index) == [0, 1, 2]
    assert list(choose(table, {"rows": {"a": ["enh*", "Gaussian"]}}).index) == [1, 2]
    assert list(choose(table, {"unless": {"k": [2, 3]}}).index) == [0, 1]
    gap = pd.read_csv(StringIO("a,k\n,1\nx,2\n"))  # an empty cell of text is no text
    assert list(choose(gap, {"rows": {"a": "x"}}).index) == [1]


def test_a_choice_of_values_reads_as_one():
    rule = {"kind": "share", "table": "t", "rows": {"a": ["x", "y"]}, "unless": {"k": [1, 2]}, "column": "c",
            "least": 0, "most": 1}  # fmt: skip
    assert in_words(rule).startswith("t (a x or y, not k 1 or 2): share")

"""The claims as a file, and every one of them on artefacts made to flip its verdict."""

import math
import re
from itertools import product

import numpy as np
import pandas as pd
import pytest
import yaml
from companion.run.steps import made_in, makers
from scipy.stats import spearmanr

from companion.run import Missing, Run, freshness, provenance, published
from companion.study import claims
from companion.study.claims import VERDICTS, Claim, columns, evaluate, load, load_errata, summary
from companion.study.rules import KINDS, in_words
from companion.study.verdict_table import _notebooks, verdicts
from nircore import paths
from nircore.recipe import resolve
from nircore.errors import NircoreError

KEYS = [key for key, item in Claim.model_fields.items() if item.is_required()]
YES, NO, OPEN = VERDICTS[True], VERDICTS[False], VERDICTS[None]
CLAIMS, ERRATA = load(published("claims.yaml")), load_errata(published("errata.yaml"))
TESTABLE = [claim for claim in CLAIMS if "table" in claim["rule"]]
BUILT = [claim["id"] for claim in CLAIMS if claim.get("by_construction")]


def cell(value):
    """The value a pattern's cell must have to match."""
    return str(value).replace("*", "1")


def table_for(rule: dict, holds: bool) -> pd.DataFrame:
    """Make the smallest table on which the rule holds, or does not."""
    rows = {column: cell(value) for column, value in rule.get("rows", {}).items()}
    base = rows | dict.fromkeys(rule.get("unless", {}), "another")
    match rule["kind"]:
        case "interval_above" | "unrivalled":
            low = rule["value"] + (0.1 if holds else -0.1)
            row = base | {rule["effect"]: low + 1, rule["low"]: low, rule["high"]: low + 2}
            if rule["kind"] == "interval_above":
                return pd.DataFrame([row])
            same = dict.fromkeys(rule["within"], "another")
            rivals = [{rule["label"]: name, rule["score"]: 1.0} | dict(zip(rule["rivals"], [kind], strict=True))
                      for kind in rule["rivals"]["kind"] for name in (f"a {kind} one",)]  # fmt: skip
            return pd.DataFrame([row | same | {rule["score"]: 2.0}, *(same | rival for rival in rivals)])
        case "trend_given":
            up = 1 if (rule["direction"] == "rises") == holds else -1
            rest = [0.0, 3.0, -2.0, 1.0, -3.0, 2.0, 0.5]  # beside a trend of both
            return pd.DataFrame([base | {rule["over"]: k + rest[k], rule["given"]: k}
                                 | dict.fromkeys(rule["columns"], k + up * rest[k]) for k in range(7)])  # fmt: skip
        case "at_most_share":
            share = rule["most"] * (0.9 if holds else 1.1)
            return pd.DataFrame([base | {rule["column"]: 2 * share}, rule["than"] | {rule["column"]: 2.0}])
        case "trend":
            up = (rule["direction"] == "rises") == holds
            values = [1.0, 2.0, 3.0, 4.0, 5.0]
            return pd.DataFrame([base | {rule["over"]: k} | dict.fromkeys(rule["columns"], values[k if up else 4 - k])
                                 for k in range(5)])  # fmt: skip
        case "range":
            value = rule["most"] if holds else rule["most"] + 1e-6
            return pd.DataFrame([base | dict.fromkeys(rule["columns"], value)])
        case "share":
            count = math.ceil(rule["least"] * 10) if holds else math.floor(rule["most"] * 10) + 1
            return pd.DataFrame([{rule["column"]: k} | (base if k < count else dict.fromkeys(base, "x"))
                                 for k in range(10)])  # fmt: skip
        case "exists":
            count = rule["at_least"] if holds else rule["at_least"] - 1
            table = pd.DataFrame([base | dict.fromkeys(rule["columns"], 1.0)] * (count + 1))
            table.loc[count, list(rows)] = "x"
            return table
    raise AssertionError(f"no artefact for {rule['kind']}")


def combinations(rule: dict) -> list[dict]:
    """The rule once for each combination of the values that its patterns list."""
    listed = {key: value if isinstance(value, list) else [value] for key, value in rule.get("rows", {}).items()}
    parts = [dict(zip(listed, values, strict=True)) for values in product(*listed.values())]
    return [rule | ({"rows": part} if part else {}) for part in parts]


def tables_for(rule: dict, holds: bool) -> pd.DataFrame:
    """The smallest table with rows for each of them."""
    return pd.concat([table_for(part, holds) for part in combinations(rule)], ignore_index=True)


def judge(claim: dict, table: pd.DataFrame | None) -> pd.Series:
    """Judge one claim on one table."""
    tables = {} if table is None else {claim["rule"]["table"]: table}
    return evaluate([claim], tables).iloc[0]


@pytest.mark.parametrize("claim", TESTABLE, ids=lambda claim: claim["id"])
class TestEveryTestableClaim:
    def test_can_be_supported_and_refuted(self, claim):
        assert judge(claim, tables_for(claim["rule"], True))["verdict"] == YES
        assert judge(claim, tables_for(claim["rule"], False))["verdict"] == NO

    def test_stays_open_without_its_table(self, claim):
        missing, empty = judge(claim, None), judge(claim, tables_for(claim["rule"], True).iloc[:0])
        assert missing["verdict"] == empty["verdict"] == OPEN
        assert claim["rule"]["table"] in missing["remark"] and math.isnan(missing["number"])

    def test_stays_open_on_nan(self, claim):
        rule, table = claim["rule"], tables_for(claim["rule"], True)
        gaps = {"interval_above": "low", "unrivalled": "low", "share": "column", "at_most_share": "column"}
        gap = rule.get(gaps.get(rule["kind"]))
        table[gap or rule["columns"][-1]] = math.nan
        assert judge(claim, table)["verdict"] == (NO if rule["kind"] == "exists" else OPEN)

    def test_names_a_column_that_is_not_there(self, claim):
        for column, key in columns(claim["rule"]).items():
            with pytest.raises(NircoreError, match=f"Claim {claim['id']}: rule: '{key}'.*'{re.escape(column)}'"):
                judge(claim, tables_for(claim["rule"], True).rename(columns={column: "other"}))

    def test_reads_a_table_that_a_step_makes(self, claim):
        assert f"tables/{claim['rule']['table']}.csv" in made_in()


@pytest.mark.parametrize("claim", [c for c in CLAIMS if "table" not in c["rule"]], ids=lambda claim: claim["id"])
def test_what_nothing_can_test_stays_open_and_says_what_would(claim):
    found = evaluate([claim], {}).iloc[0]
    assert found["verdict"] == OPEN and "would" in found["remark"]


class TestTheFile:
    def test_is_of_the_size_that_was_meant(self):
        assert 34 <= len(CLAIMS) <= 38 and len(TESTABLE) >= 30 and len(LISTED) == 4
        assert {claim["rule"]["kind"] for claim in CLAIMS} == set(KINDS)
        assert len({claim["claim"] for claim in CLAIMS}) == len(CLAIMS)
        assert len(ERRATA) >= 15 and ERRATA.map(lambda text: bool(text.strip())).all(axis=None)

    @pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["id"])
    def test_says_all_about_a_claim(self, claim):
        assert all(claim[key] for key in KEYS if key != "unit")
        assert re.fullmatch(r"[a-z0-9-]+", claim["id"])
        places = r"(Title|Abstract|Sec\. [IV]+(\.[A-D])?|Table 1|Fig\. \d(\([a-d]\))?)"
        assert re.fullmatch(rf"{places}(; {places})*", claim["where"])
        assert bool(claim["unit"]) == ("table" in claim["rule"])
        assert in_words(claim["rule"])

    def test_copies_no_eight_words_of_the_paper(self):
        paper = paths.REPOSITORY.parent / "shared" / "paper.txt"
        if not paper.is_file():
            pytest.skip(f"the paper's text is not at {paper}")
        known = runs(paper.read_text(encoding="utf-8"))
        assert len(known) > 2000
        texts = [claim[key] for claim in CLAIMS for key in ("claim", "measured")] + ERRATA.to_numpy().ravel().tolist()
        assert [text for text in texts if runs(text) & known] == []


def runs(text: str, length: int = 8) -> set[tuple[str, ...]]:
    """Every run of `length` words, in small letters without punctuation."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {tuple(words[k : k + length]) for k in range(len(words) - length + 1)}


GOOD = {"id": "one", "about": "use", "claim": "c", "where": "w", "measured": "m", "unit": "",
        "rule": {"kind": "share", "table": "t", "column": "y", "least": 0, "most": 1}}  # fmt: skip
BAD = {
    "construction in words": (GOOD | {"by_construction": "yes"}, "claim one: the key 'by_construction' must be true"),
    "no rule": ({key: GOOD[key] for key in KEYS if key != "rule"}, "claim one: the key 'rule' is missing"),
    "unknown key": (GOOD | {"colour": 1}, "claim one: the key 'colour' is unknown"),
    "unknown kind": (GOOD | {"rule": {"kind": "guess"}}, "claim one: rule: the key 'kind' must be one of interval"),
    "no column": (GOOD | {"rule": {"kind": "share", "table": "t"}}, "claim one: rule: the key 'column' is missing"),
    "key of another kind": (
        GOOD | {"rule": GOOD["rule"] | {"over": "x"}},
        "claim one: rule: the key 'over' is unknown",
    ),
    "text for a number": (
        GOOD | {"rule": GOOD["rule"] | {"least": "x"}},
        "claim one: rule: the key 'least' cannot be",
    ),
    "true for a number": (
        GOOD | {"rule": GOOD["rule"] | {"most": True}},
        "claim one: rule: the key 'most' cannot be True",
    ),
    "a number for a text": (GOOD | {"where": 5}, "claim one: the key 'where' cannot be 5"),
    "a list for a kind": (GOOD | {"rule": {"kind": ["share"]}}, "claim one: rule: the key 'kind' must be one of"),
    "unknown choice": (
        GOOD | {"rule": {"kind": "range", "table": "t", "columns": ["y"], "which": "some", "least": 0, "most": 1}},
        "claim one: rule: the key 'which' cannot be 'some'",
    ),
}


@pytest.mark.parametrize("entry, message", BAD.values(), ids=BAD)
def test_a_faulty_claim_is_refused_by_name(tmp_path, entry, message):
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump([entry]))
    with pytest.raises(NircoreError, match=re.escape(message)):
        load(path)


@pytest.mark.parametrize("text", ["just words", "- 1", "a: [", None])
def test_a_file_that_holds_no_claims_is_refused(tmp_path, text):
    path = tmp_path / "claims.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(NircoreError, match="claims.yaml"):
        load(path)


def test_an_id_twice_and_an_erratum_without_its_right_are_refused(tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text(yaml.safe_dump([GOOD, GOOD]))
    with pytest.raises(NircoreError, match="claim one: the key 'id' repeats"):
        load(path)
    path.write_text(yaml.safe_dump([{"where": "w", "says": "s", "here": "h"}]))
    with pytest.raises(NircoreError, match="entry 1: the key 'right' is missing"):
        load_errata(path)


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    """A run whose tables are made so that every testable claim holds."""
    monkeypatch.setenv("NIRCORE_REPORTS", str(tmp_path))
    made = Run(resolve({"run": "made"}))
    # More claims than one may look at a table: put their rows under one another.
    for name in {claim["rule"]["table"] for claim in TESTABLE}:
        parts = [tables_for(c["rule"], True) for c in TESTABLE if c["rule"]["table"] == name]
        made.write_table(name, pd.concat(parts, ignore_index=True))
    return made


def test_the_step_writes_what_it_promises(run):
    verdicts(run)
    assert [name for name in verdicts.promised if not run.path(name).is_file()] == []
    judged = run.table("claims")
    assert list(judged["id"]) == [claim["id"] for claim in CLAIMS]
    assert set(judged["verdict"]) <= set(VERDICTS.values()) and (judged["verdict"] == YES).any()
    said = list(map(int, re.findall(r"\d+", summary(judged))))
    assert said[0] == sum(said[1:4]) and said[0] + said[4] == len(CLAIMS) and said[4] == len(BUILT)
    assert len(run.table("errata")) == len(ERRATA)


def noted(run):
    """Judge the claims of a run; return what the step rests on."""
    with freshness.recording() as ledger:
        verdicts(run)
    return provenance.record(run, "claims", ledger)


def test_the_step_reads_what_the_rules_name_and_the_claims_and_no_more(run):
    named = {f"tables/{claim['rule']['table']}.csv" for claim in TESTABLE}
    assert set(noted(run).reads) == named | {"data/paper/claims.yaml", "data/paper/errata.yaml"}


def test_the_step_leaves_claims_open_whose_table_is_made_aside(run):
    verdicts(run)
    before = run.table("claims").set_index("id")["verdict"]
    run.path("tables/table9_spectrum_shift.csv").unlink()
    verdicts(run)
    after = run.table("claims").set_index("id")["verdict"]
    changed = before.index[before != after]
    reading = {claim["id"] for claim in TESTABLE if claim["rule"]["table"] == "table9_spectrum_shift"}
    assert set(changed) == reading and set(after[changed]) == {OPEN}


def test_the_step_asks_for_a_table_of_the_chain(run):
    run.path("tables/truth_scores.csv").unlink()
    with pytest.raises(Missing, match="There is no table .*truth_scores.csv: run the notebook that makes it") as lack:
        verdicts(run)
    assert lack.value.name == "tables/truth_scores.csv"


def test_no_claim_is_left_out_of_the_artefacts():
    """Every claim is either flipped both ways above, or says what would test it."""
    still_open = {claim["id"] for claim in CLAIMS if claim["rule"]["kind"] == "not_testable"}
    assert {claim["id"] for claim in TESTABLE} | still_open == {claim["id"] for claim in CLAIMS}
    assert still_open == {
        "best-parts", "longer-window-sharper", "easier-to-repeat", "safe-and-accurate",
    }  # fmt: skip


LISTED = [c for c in TESTABLE if any(isinstance(value, list) for value in c["rule"].get("rows", {}).values())]


@pytest.mark.parametrize("claim", LISTED, ids=lambda claim: claim["id"])
class TestEveryClaimThatLooksAtSeveralThings:
    def test_any_of_them_can_refute_it(self, claim):
        parts = combinations(claim["rule"])
        good = [table_for(part, True) for part in parts]
        assert len(parts) > 1 and judge(claim, pd.concat(good))["verdict"] == YES
        for k, part in enumerate(parts):
            bad = table_for(part, False)
            other = bad.assign(**dict.fromkeys(part["rows"], "another"))
            assert judge(claim, pd.concat([*good[:k], bad, *good[k + 1 :]]))["verdict"] == NO
            assert judge(claim, pd.concat([*good, other]))["verdict"] == YES

    def test_none_of_them_may_be_absent(self, claim):
        parts = combinations(claim["rule"])
        for column, values in claim["rule"]["rows"].items():
            for value in values if isinstance(values, list) else []:
                rest = [part for part in parts if part["rows"][column] != value]
                found = judge(claim, pd.concat([table_for(part, True) for part in rest]))
                assert found["verdict"] == OPEN and found["remark"] == f"no row with {column} {value}"
                assert judge(claim, pd.concat([table_for(part, False) for part in rest]))["verdict"] == NO


@pytest.mark.parametrize(
    "claim", [c for c in TESTABLE if c["rule"]["kind"] == "range"], ids=lambda claim: claim["id"]
)
def test_a_range_has_two_ends(claim):
    rule = claim["rule"]
    for value, verdict in ((rule["least"], YES), (rule["least"] - 1e-6, NO)):
        table = tables_for(rule, True).assign(**dict.fromkeys(rule["columns"], value))
        assert judge(claim, table)["verdict"] == verdict


def test_kinds_counts_every_claim_once():
    counts = claims.kinds(CLAIMS)
    assert counts.to_numpy().sum() == len(CLAIMS) and list(counts.columns) == list(KINDS)
    assert list(counts.index) == list(dict.fromkeys(claim["about"] for claim in CLAIMS))


BY_ID = {claim["id"]: claim for claim in CLAIMS}


def series(loss, psnr):
    return pd.DataFrame({"epoch": range(len(loss)), "generator": loss, "discriminator_b": loss, "psnr": psnr})


@pytest.mark.parametrize("name", ["generator-loss-tells-quality", "discriminator-loss-tells-quality"])
class TestTwoSeriesThatBothFollowTraining:
    rng = np.random.default_rng(0)
    time = np.linspace(0, 1, 32)
    one, other = rng.normal(0, 0.1, (2, 32))

    def test_are_no_support_where_they_have_nothing_else_in_common(self, name):
        """Planted: both change with time and are independent otherwise; their plain correlation is -.9."""
        planted = series(-self.time + self.one, self.time + self.other)
        assert spearmanr(planted["generator"], planted["psnr"]).statistic < -0.85
        found = judge(BY_ID[name], planted)
        assert found["verdict"] == NO and abs(found["number"]) < 0.4

    def test_are_support_where_one_tells_the_other_beside_the_time(self, name):
        planted = series(-self.time + self.one, self.time - self.one)
        assert judge(BY_ID[name], planted)["verdict"] == YES

    def test_say_nothing_where_time_explains_one_of_them_fully(self, name):
        assert judge(BY_ID[name], series(-self.time, self.time + self.other))["verdict"] == OPEN


def benchmark(**psnr):
    """A benchmark by method, the paper's system at 28 dB, surely above the best classical method."""
    kinds = {"VST + BM3D": "classical", "wavelet": "classical"}
    rows = [
        {"method": method, "kind": kinds.get(method, "learnt without pairs"), "psnr": value, "exposure_ms": 20,
         "filters": "NIR-IIa", "psnr_gain": np.nan, "psnr_gain_low": np.nan, "psnr_gain_high": np.nan}
        for method, value in ({"paper's system": 28.0, "wavelet": 27.0} | psnr).items()
    ]  # fmt: skip
    rows[0] |= {"psnr_gain": 1.0, "psnr_gain_low": 0.5, "psnr_gain_high": 1.5}
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    "rivals, verdict, said",
    [
        ({"VST + BM3D": 27.5, "Noise2Void": 26.0}, YES, ""),
        ({"VST + BM3D": np.nan, "Noise2Void": 26.0}, OPEN, "VST + BM3D"),  # planted: the package is not installed
        ({"VST + BM3D": 27.5, "Noise2Void": np.nan}, OPEN, "Noise2Void"),
        ({"VST + BM3D": np.nan, "Noise2Void": 29.0}, NO, "Noise2Void"),  # who is there refutes all the same
        ({"VST + BM3D": 28.4, "Noise2Void": np.nan}, NO, "VST + BM3D"),
    ],
)
def test_a_rival_that_is_absent_supports_nothing(rivals, verdict, said):
    found = judge(BY_ID["beats-classical-noise"], benchmark(**rivals))
    assert found["verdict"] == verdict and said in found["remark"]


def test_a_rival_of_another_exposure_is_none():
    long = benchmark(**{"VST + BM3D": 40.0}).iloc[2:].assign(exposure_ms=320)
    table = pd.concat([benchmark(**{"VST + BM3D": 27.5}), long], ignore_index=True)
    assert judge(BY_ID["beats-classical-noise"], table)["verdict"] == YES


def test_real_time_is_decided_beside_engines_that_could_not_run():
    """Planted: one row without a size makes 640 a 640.0 in the table that is read back."""
    rows = [{"recipe": "ssgan", "height": 640, "width": 512, "io_p95_ms": 30.0}, {"engine": "cuda"}]
    table = pd.DataFrame(rows)
    assert table["height"].dtype == float and judge(BY_ID["real-time"], table)["verdict"] == YES
    assert judge(BY_ID["real-time"], table.assign(io_p95_ms=[60.0, np.nan]))["verdict"] == NO


def test_the_brightness_is_judged_on_one_scale_for_all_frames():
    frames = pd.DataFrame({"mean_intensity": [0.18, 0.13], "mean_full_scale": [0.002, 0.003]})
    assert judge(BY_ID["mean-intensity-near-zero"], frames)["verdict"] == YES  # though the stretched means are not
    swapped = frames.rename(columns={"mean_intensity": "mean_full_scale", "mean_full_scale": "mean_intensity"})
    assert judge(BY_ID["mean-intensity-near-zero"], swapped)["verdict"] == NO


def test_what_holds_by_construction_is_counted_apart():
    assert len(BUILT) == 5 and "stride-two-throughout" in BUILT
    judged = pd.DataFrame({"verdict": [YES, YES, NO], "by_construction": [True, False, False]})
    assert summary(judged).startswith("Of 2 claims, 1 supported, 1 not supported")
    assert summary(judged.assign(by_construction=False)).startswith("Of 3 claims, 2 supported")


@pytest.mark.parametrize(
    "name, notebook",
    [("real-time", "08_real_time"), ("explainable", "06_explainability"), ("spectrum-shift", "13_spectrum_shift"),
     ("simpler-than-xai-pssgan", "12_recipes"), ("few-images-suffice", "12_recipes")],
)  # fmt: skip
def test_a_missing_table_names_the_notebook_that_makes_it(name, notebook):
    found = evaluate([BY_ID[name]], {}, _notebooks()).iloc[0]
    assert found["verdict"] == OPEN and f"notebook {notebook} makes it" in found["remark"]


def test_the_notebook_named_for_a_step_is_one_that_is_run():
    from companion import reproduce

    assert set(made_in().values()) == {*reproduce.NOTEBOOKS, *reproduce.ASIDE}
    assert {step.name for step in makers().values() if step.aside} == {"recipes", "spectrum_shift"}


def test_a_table_made_aside_is_looked_at_and_judged_when_it_comes(run):
    name = "tables/table7_recipes.csv"
    text = run.path(name).read_text()
    run.path(name).unlink()
    entry = noted(run)
    assert entry.reads[name] == "" and provenance.fresh(run, entry)
    run.path(name).write_text(text)
    assert not provenance.fresh(run, entry)

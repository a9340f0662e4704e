"""The claims as a file, and every one of them on tables made to turn its verdict."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from companion.run import Run, places, published
from companion.study import verdicts
from companion.study.claims import evaluate, load, load_errata, summary, write_verdicts
from companion.study.verdicts import NO, OPEN, UNDECIDED, YES
from nircore.config import term_weights
from nircore.recipe import resolve, settings

CLAIMS, ERRATA = load(published("claims.yaml")), load_errata(published("errata.yaml"))
BY_ID = {claim.id: claim for claim in CLAIMS}


def judge(name, table):
    """Judge one claim on one table."""
    claim = BY_ID[name]
    return evaluate([claim], {next(iter(claim.tables)): table}).iloc[0]


def interval(effect, low, high, **about):
    """Tables on which an interval lies above a value, below it, and holds it: each a row, with what else it says."""
    ends = ((0.6, 2.6), (-2.1, -0.1), (-0.1, 1.9))
    return tuple(pd.DataFrame([about | {effect: sum(end) / 2, low: end[0], high: end[1]}]) for end in ends)


def gain(key, **about):
    return interval(f"{key}_gain", f"{key}_gain_low", f"{key}_gain_high", filters="x", **about)


def numbers(column, good, bad, **about):
    return tuple(pd.DataFrame([about | {column: value}]) for value in (good, bad))


def printed(column, over):
    """A column that falls from row to row, and one that rises."""
    rows = np.arange(5)
    return tuple(pd.DataFrame({over: rows, column: values}) for values in (rows[::-1], rows))


def slope(column, over, falls=False):
    """Thirty rows that rise (or fall) as one, the other way round, and with so much chance that nobody can say."""
    rows = np.arange(30.0)
    chance = rows + np.random.default_rng(0).normal(0, 4.5, 30)
    return tuple(pd.DataFrame({over: rows, column: -values if falls else values}) for values in (rows, -rows, chance))


def beside_time(loss, quality="psnr", sign=-1):
    """Series that change with time: one tells the other first, then the opposite, then perhaps."""
    rest, chance = np.random.default_rng(0).normal(0, 4, (2, 24))
    time, parts = np.arange(24), (sign * rest, -sign * rest, sign * rest + 1.2 * chance)
    return tuple(pd.DataFrame({"epoch": time, loss: time + rest, quality: time + part}) for part in parts)


def two_discriminators(prefix=""):
    return tuple(pd.DataFrame({f"{prefix}discriminator_{d}": [0.5, last] for d in "ab"}) for last in (0.1, 0.11))


def animals(trained):
    return pd.DataFrame({"group": range(10), "split": ["train"] * trained + ["test"] * (10 - trained)})


def blocks(count):
    layers = ["input", *(f"residual block {k}" for k in range(count))]
    return pd.DataFrame({"layer": layers, "kernel": "3 x 3, reflect", "output_shape": "64"})


def quality(metric, truths=("psnr", "ssim"), over=("exposure", "methods")):
    good = pd.DataFrame(
        [{"metric": m, "truth_metric": t, "over": o, "rho": 0.8, "low": 0.6, "high": 0.9}
         for m in metric for t in truths for o in over]
    )  # fmt: skip
    last = ([*good["low"][:-1], 0.3], [*good["high"][:-1], 0.4])  # the last row alone turns it
    return good, good.assign(low=last[0], high=last[1]), good.assign(low=last[0])


#: Between its controls: by animal, what each denoiser does wrong. The oracle itself passes, the raw frame fails.
RAW, ORACLE = (0.7, 0.72, 0.69, 0.71), (0.2, 0.22, 0.18, 0.21)
PLACES = {"oracle": ORACLE, "raw": RAW, "better": (0.1, 0.12, 0.08, 0.1), "worse": (0.8, 0.9, 0.85, 0.95),
          "spanned": (0.42, 0.4, 0.45, 0.43), "unsure": (0.1, 0.9, 0.2, 1.3)}  # fmt: skip


def by_animal(enhanced, raw=RAW, oracle=ORACLE):
    """What each denoiser does wrong, a row for each animal: `wrong` is what it adds up to."""
    columns = {"enhanced": enhanced, "low-light": raw, "oracle": oracle}
    rows = [(k, name, value) for name, values in columns.items() for k, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["animal", "denoiser", "wrong"])


def structures(*wrong, **controls):
    table = by_animal(*wrong, **controls).merge(pd.DataFrame({"lesion": [True, False]}), how="cross")
    return table.assign(length_erased=0.05, length_inserted=table["wrong"] - 0.05, says_lesion=table["lesion"])


def widths(*wrong, **controls):
    table = by_animal(*wrong, **controls).merge(pd.DataFrame({"place": range(3)}), how="cross")
    return table.assign(width_px=2 * (1 + table["wrong"]), true_px=2.0)


def planted_between(make):
    return tuple(make(PLACES[name]) for name in ("oracle", "raw", "spanned"))


def shifted(*tables):
    """The gain over the unshifted system, with one over the denoised input that lies above 0."""
    ends = {"psnr_over_denoised": 1.0, "psnr_over_denoised_low": 0.5, "psnr_over_denoised_high": 1.5}
    return tuple(table.assign(**ends) for table in tables)


def benchmark(**psnr):
    """A benchmark by method, gains over wavelet with intervals of 1 dB; the paper's system surely above it."""
    kinds = {"VST + BM3D": "classical", "wavelet": "classical"}
    rows = [
        {"method": method, "kind": kinds.get(method, "learnt without pairs"), "psnr": value, "exposure_ms": 20,
         "filters": "NIR-IIa", "psnr_gain": value - 27, "psnr_gain_low": value - 27.5, "psnr_gain_high": value - 26.5}
        for method, value in ({"paper's system": 28.0, "wavelet": 27.0} | psnr).items()
    ]  # fmt: skip
    rows[1] |= dict.fromkeys(("psnr_gain", "psnr_gain_low", "psnr_gain_high"), np.nan)
    return pd.DataFrame(rows)


metrics = {key: 1.0 for key in ("snr", "entropy", "edge_density", "contrast", "mean_intensity")}


def maps(*said):
    """The table of maps: what is said of each, whether it beats the controls and passes the checks."""
    rows = [{"kind": "method", "beats_controls": beats, "passes_checks": passes} for beats, passes in said]
    return pd.DataFrame([*rows, {"kind": "control", "beats_controls": "", "passes_checks": ""}]).assign(score=0.5)


ssgan = {"recipe": "ssgan", "height": 640, "width": 512}
PLANTED = {  # claim -> a table that supports it, one that refutes it, and where there can be, one that leaves it open
    "split-70-30": (animals(7), animals(9)),
    "same-size": tuple(pd.DataFrame([{"method": m, "psnr": 30.0, "ssim": 0.9}]) for m in ("enhanced", "other")),
    "residual-trunk": (blocks(6), blocks(5)),
    "stride-two-throughout": (pd.DataFrame({"stride": [2, 2]}), pd.DataFrame({"stride": [2, 1]})),
    "published-generator-falls": printed("published_generator", "sample"),
    "generator-falls": slope("generator", "epoch", falls=True),
    "published-discriminators-vanish": two_discriminators("published_"),
    "discriminators-vanish": two_discriminators(),
    "generator-loss-tells-quality": beside_time("generator"),
    "discriminator-loss-tells-quality": beside_time("discriminator_b", "distance", sign=1),
    **{f"{name.replace('_', '-')}-rises": interval("difference", "low", "high", metric=name)
       for name in ("snr", "entropy", "edge_density", "contrast")},
    "mean-intensity-near-zero": numbers("mean_full_scale", -0.05, 0.051),
    "metrics-mean-quality": quality(["entropy", "edge_density"]),
    "snr-means-quality": quality(["snr"]),
    "contrast-separates": quality(["contrast"], truths=("sbr", "cnr")),
    "closer-to-truth": gain("psnr", method="Gaussian"),
    "structure-restored": gain("ssim", method="Gaussian"),
    "beats-classical-noise": tuple(benchmark(**{"VST + BM3D": psnr}) for psnr in (27.5, 29.1, 28.5)),
    "beats-classical-texture": gain("ssim", role="rival"),
    "steps-improve-epochs": slope("psnr", "epoch"),
    "steps-improve-repeats": slope("psnr", "application"),
    "scattering-suppressed": planted_between(widths),
    "spectrum-shift": shifted(*interval(*(f"psnr_over_unshifted{end}" for end in ("", "_low", "_high")))),
    "automatic-report": tuple(pd.DataFrame([metrics | {"stage": s}]) for s in ("enhanced", "low-light")),
    "real-time": numbers("io_p95_ms", 50.0, 50.1, **ssgan),
    "explainable": (
        maps(("yes", "yes"), ("no", "no")),
        maps(("yes", "no"), ("no", "undecided")),
        maps(("yes", "undecided"), ("no", "no")),
    ),
    "few-images-suffice": gain("merged_psnr", method="paper's system", part="four band-passes"),
    "adds-nothing": planted_between(structures),
}  # fmt: skip
NEVER = {"best-parts", "longer-window-sharper", "simpler-than-xai-pssgan", "easier-to-repeat", "safe-and-accurate",
         "scalable", "flexible", "other-modalities", "amount-of-data"}  # fmt: skip


def test_every_claim_is_planted_or_says_what_would_test_it():
    assert (
        set(verdicts.VERDICTS) == set(PLANTED)
        and set(BY_ID) == set(PLANTED) | NEVER
        and len(CLAIMS) == len(BY_ID) == 40
    )
    for name in NEVER:
        found = evaluate([BY_ID[name]], {}).iloc[0]
        assert found["verdict"] == OPEN and BY_ID[name].supports in found["remark"]


@pytest.mark.parametrize("name", PLANTED)
class TestEveryTestableClaim:
    def test_can_be_supported_refuted_and_left_undecided(self, name):
        found = [judge(name, table)["verdict"] for table in PLANTED[name]]
        assert found == [YES, NO, UNDECIDED][: len(found)]

    def test_is_undecided_on_some_table_where_its_number_has_an_interval(self, name):
        says = BY_ID[name].supports + BY_ID[name].measured
        assert len(PLANTED[name]) == 2 + ("interval" in says or name == "explainable")

    def test_names_the_notebook_of_a_table_that_is_not_there(self, name):
        (table, notebook), = BY_ID[name].tables.items()  # fmt: skip
        for found in (evaluate([BY_ID[name]], {}).iloc[0], judge(name, PLANTED[name][0].iloc[:0])):
            assert found["verdict"] == OPEN and math.isnan(found["number"])
            assert f"{table}.csv: notebook {notebook} makes it" in found["remark"]
        assert (places.NOTEBOOKS / f"{notebook}.ipynb").is_file()

    def test_is_supported_by_no_gap(self, name):
        good = PLANTED[name][0]
        gaps = good.assign(**{column: np.nan for column in good.select_dtypes("number")})
        assert judge(name, gaps)["verdict"] != YES or name in ("residual-trunk", "split-70-30", "explainable")


@pytest.mark.parametrize("name", ["metrics-mean-quality", "snr-means-quality", "contrast-separates"])
def test_a_claim_about_several_things_stays_open_without_one_of_them(name):
    good, bad, _ = PLANTED[name]
    assert judge(name, good.iloc[len(good) // 2 :])["verdict"] == OPEN
    assert "no row with" in judge(name, good.iloc[len(good) // 2 :])["remark"]
    assert judge(name, bad.iloc[len(bad) // 2 :])["verdict"] == NO  # but what is there refutes all the same


@pytest.mark.parametrize("name, make", [("scattering-suppressed", widths), ("adds-nothing", structures)])
class TestBetweenControls:
    @pytest.mark.parametrize(
        "enhanced, said", list(zip(PLACES, (YES, NO, YES, NO, UNDECIDED, UNDECIDED), strict=True))
    )
    def test_the_oracle_passes_the_raw_frame_fails_and_what_they_span_is_undecided(self, name, make, enhanced, said):
        assert judge(name, make(PLACES[enhanced]))["verdict"] == said

    @pytest.mark.parametrize(
        "enhanced, said", [("better", YES), ("worse", NO), ("raw", UNDECIDED), ("oracle", UNDECIDED)]
    )
    def test_controls_in_the_wrong_order_pass_and_fail_nobody_who_is_one_of_them(self, name, make, enhanced, said):
        """An oracle more wrong than the raw frame: the measure does not see what the claim is about."""
        assert judge(name, make(PLACES[enhanced], raw=ORACLE, oracle=RAW))["verdict"] == said

    def test_one_animal_or_no_oracle_decides_nothing(self, name, make):
        table = make(PLACES["better"])
        assert judge(name, table[table["animal"] == 0])["verdict"] == UNDECIDED
        assert judge(name, table[table["denoiser"] != "oracle"])["verdict"] == OPEN


def test_a_table_that_was_left_out_says_why():
    found = judge("adds-nothing", pd.DataFrame({"reason": ["No phantom, no truth."]}))
    assert found["verdict"] == OPEN and found["remark"] == "No phantom, no truth."


def test_a_lesion_told_wrongly_counts_as_much_as_all_vessels():
    table = structures(ORACLE)
    missed = (table["denoiser"] == "enhanced") & table["lesion"]
    assert judge("adds-nothing", table)["number"] == pytest.approx(np.mean(ORACLE))
    found = judge("adds-nothing", table.assign(says_lesion=table["says_lesion"] & ~missed))
    assert found["number"] == pytest.approx(np.mean(ORACLE) + 0.5)


@pytest.mark.parametrize("unshifted, denoised, said", [
    ((0.5, 1.5), (0.5, 1.5), YES), ((0.5, 1.5), (-1, 1), UNDECIDED), ((0.5, 1.5), (-9, -5), UNDECIDED),
    ((-1, 1), (-9, -5), UNDECIDED), ((-2, -1), (0.5, 1.5), NO),
])  # fmt: skip
def test_less_than_the_denoised_input_alone_refutes_no_shift(unshifted, denoised, said):
    """It may have trained too little; what was trained as long without a shift tells."""
    row = {}
    for key, (low, high) in (("unshifted", unshifted), ("denoised", denoised)):
        row |= {f"psnr_over_{key}": (low + high) / 2, f"psnr_over_{key}_low": low, f"psnr_over_{key}_high": high}
    assert judge("spectrum-shift", pd.DataFrame([row]))["verdict"] == said


def test_our_reading_of_xai_pssgan_is_the_same_networks_with_three_terms_more():
    """Why it cannot be judged whether it is simpler: we built the difference."""
    ours, other = settings("ssgan", "paper"), settings("pssgan", "paper")
    assert len(term_weights(other["terms"])) == 3
    assert ours == {key: value for key, value in other.items() if key != "terms"}


@pytest.mark.parametrize(
    "order, said",
    [(range(10), YES), ((1, 0, 2, 4, 3, 5, 7, 6, 8, 9), UNDECIDED), ((0, 5, 1, 8, 2, 3, 9, 4, 6, 7), NO)],
)
def test_a_correlation_of_ten_rows_on_the_edge_decides_nothing(order, said):
    found = verdicts.trend(pd.DataFrame({"x": range(10), "y": order}), "y", "x", 0.9)
    assert found.says == said and "95 % interval" in found.remark
    assert (found.number > 0.9) == (said != NO)


def test_the_interval_of_a_rank_correlation_covers_what_it_says():
    """Planted: normal pairs of 30 rows whose rank correlation is known, 6 / pi asin(r / 2)."""
    rng, r = np.random.default_rng(0), 0.6
    truth, hits = 6 / np.pi * np.arcsin(r / 2), 0
    for _ in range(300):
        x, noise = rng.normal(size=(2, 30))
        found = verdicts.trend(pd.DataFrame({"x": x, "y": r * x + np.sqrt(1 - r**2) * noise}), "y", "x", 0.5)
        low, high = map(float, re.findall(r"-?[\d.]+", found.remark.split("interval")[1]))
        hits += low <= truth <= high
    assert 0.92 <= hits / 300 <= 0.98


@pytest.mark.parametrize(
    "rivals, verdict, said",
    [
        ({"VST + BM3D": 27.5, "Noise2Void": 26.0}, YES, ""),
        ({"VST + BM3D": np.nan, "Noise2Void": 26.0}, OPEN, "VST + BM3D"),  # planted: the package is not installed
        ({"VST + BM3D": 27.5, "Noise2Void": np.nan}, OPEN, "Noise2Void"),
        ({"VST + BM3D": np.nan, "Noise2Void": 29.1}, NO, "Noise2Void"),  # who is there refutes all the same
        ({"VST + BM3D": 29.1, "Noise2Void": np.nan}, NO, "VST + BM3D"),
        ({"VST + BM3D": 28.4, "Noise2Void": 26.0}, UNDECIDED, "VST + BM3D"),  # ahead, but the intervals overlap
    ],
)
def test_a_rival_that_is_absent_supports_nothing(rivals, verdict, said):
    found = judge("beats-classical-noise", benchmark(**rivals))
    assert found["verdict"] == verdict and said in found["remark"]


def test_two_series_that_both_follow_training_are_no_support():
    """Planted: both change with time and are independent otherwise; their plain correlation is -.9."""
    time, (one, other) = np.linspace(0, 1, 32), np.random.default_rng(0).normal(0, 0.1, (2, 32))
    both = pd.DataFrame({"epoch": range(32), "generator": one - time, "psnr": time + other})
    assert verdicts.trend(both, "psnr", "generator", -0.75).says == YES
    found = judge("generator-loss-tells-quality", both)
    assert found["verdict"] in (NO, UNDECIDED) and abs(found["number"]) < 0.4
    assert judge("generator-loss-tells-quality", both.assign(generator=-time))["verdict"] == OPEN  # time explains it


class TestTheFile:
    def test_says_all_about_a_claim(self):
        places_ = r"(Title|Abstract|Sec\. [IV]+(\.[A-D])?|Table 1|Fig\. \d(\([a-d]\))?)"
        for claim in CLAIMS:
            assert re.fullmatch(rf"{places_}(; {places_})*", claim.where), claim.id
            assert claim.claim and claim.measured and claim.supports and claim.refutes
            assert bool(claim.unit) == bool(claim.tables)
        assert len(ERRATA) >= 15 and ERRATA.map(lambda text: bool(text.strip())).all(axis=None)

    def test_copies_no_eight_words_of_the_paper(self):
        paper = places.REPOSITORY.parent / "shared" / "paper.txt"
        if not paper.is_file():
            pytest.skip(f"the paper's text is not at {paper}")
        known = word_runs(paper.read_text(encoding="utf-8"))
        assert len(known) > 2000
        texts = [text for claim in CLAIMS for text in (claim.claim, claim.measured, claim.supports, claim.refutes)]
        assert [text for text in texts + ERRATA.to_numpy().ravel().tolist() if word_runs(text) & known] == []


def word_runs(text: str, length: int = 8) -> set[tuple[str, ...]]:
    """Every run of `length` words, in small letters without punctuation."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {tuple(words[k : k + length]) for k in range(len(words) - length + 1)}


def test_the_verdicts_of_a_run_are_written_and_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("NIRCORE_REPORTS", str(tmp_path))
    run = Run(resolve({"run": "made"}))
    run.write_table("split", animals(7))
    run.write_table("generator_layers", blocks(5))
    write_verdicts(run)
    judged = run.table("claims").set_index("id")
    assert list(judged.index) == list(BY_ID) and len(run.table("errata")) == len(ERRATA)
    assert judged.loc["split-70-30", "verdict"] == YES and judged.loc["residual-trunk", "verdict"] == NO
    decided = set(judged.index[judged["verdict"] != OPEN])
    assert decided == {"split-70-30", "residual-trunk", "spectrum-shift", "few-images-suffice"}  # two: longer runs
    assert summary(judged).endswith("31 not testable here; 7 more decided by construction (1 hold).")


def test_the_verdicts_on_the_published_tables_are_those_published():
    reports = places.REPOSITORY / "reports"
    files = {file.stem: file for file in (reports / "showcase" / "tables").glob("*.csv")}
    files |= {name: reports / f"{name}.csv" for claim in CLAIMS for name in claim.tables if "/" in name}
    tables = {name: pd.read_csv(file, keep_default_na=False, na_values=[""]) for name, file in files.items()}
    judged, known = evaluate(CLAIMS, tables).set_index("id"), tables["claims"].set_index("id")
    assert list(judged.index) == list(known.index) and list(judged["verdict"]) == list(known["verdict"])
    np.testing.assert_allclose(judged["number"], known["number"], rtol=1e-6)

"""The claims as a file, and every one of them on tables made to turn its verdict."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from companion.run import Run, places, published
from companion.study import verdicts
from companion.study.claims import WORDS, evaluate, load, load_errata, summary, write_verdicts
from nircore.recipe import resolve

YES, NO, OPEN = WORDS[True], WORDS[False], WORDS[None]
CLAIMS, ERRATA = load(published("claims.yaml")), load_errata(published("errata.yaml"))
BY_ID = {claim.id: claim for claim in CLAIMS}


def judge(name, table):
    """Judge one claim on one table."""
    claim = BY_ID[name]
    return evaluate([claim], {next(iter(claim.tables)): table}).iloc[0]


def interval(effect, low, high, **about):
    """Tables on which an interval lies above a value (1) and reaches it: each a row, with what else it says."""
    return tuple(pd.DataFrame([about | {effect: bound + 1, low: bound, high: bound + 2}]) for bound in (0.6, -0.1))


def gain(key, **about):
    return interval(f"{key}_gain", f"{key}_gain_low", f"{key}_gain_high", filters="x", **about)


def numbers(column, good, bad, **about):
    return tuple(pd.DataFrame([about | {column: value}]) for value in (good, bad))


def slope(column, over, falls=False):
    rows = np.arange(5)
    up, down = (pd.DataFrame({over: rows, column: values}) for values in (rows, rows[::-1]))
    return (down, up) if falls else (up, down)


def beside_time(name):
    """Two series that both change with time: one tells the other in the first table, not in the second."""
    rest = np.array([0.0, 3.0, -2.0, 1.0, -3.0, 2.0, 0.5])
    time = np.arange(7)
    return tuple(pd.DataFrame({"epoch": time, name: time + rest, "psnr": time + sign * rest}) for sign in (-1, 1))


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
    return good, good.assign(low=[*good["low"][:-1], 0.4])  # the last row alone refutes


def structures(share):
    measures = ("lesions missed", "lesions invented", "vessel length erased", "vessel length inserted")
    rows = [{"test": "structures", "measure": m, "denoiser": "enhanced", "number": 0.01} for m in measures]
    return pd.DataFrame([*rows[:-1], rows[-1] | {"number": share}])


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


def times(ours):
    names = {"paper's system": ours, "xAI-PSSGAN (our reading)": 1.0}
    return pd.DataFrame({"method": list(names), "seconds": list(names.values())})


metrics = {key: 1.0 for key in ("snr", "entropy", "edge_density", "contrast", "mean_intensity")}
a_map = {"kind": "method", "beats_controls": "yes", "passes_checks": "yes", "map": "lam", "score": 0.5}
ssgan = {"recipe": "ssgan", "height": 640, "width": 512}
PLANTED = {  # claim -> a table that supports it, one that refutes it
    "split-70-30": (animals(7), animals(9)),
    "same-size": tuple(pd.DataFrame([{"method": m, "psnr": 30.0, "ssim": 0.9}]) for m in ("enhanced", "other")),
    "residual-trunk": (blocks(6), blocks(5)),
    "stride-two-throughout": (pd.DataFrame({"stride": [2, 2]}), pd.DataFrame({"stride": [2, 1]})),
    "published-generator-falls": slope("published_generator", "sample", falls=True),
    "generator-falls": slope("generator", "sample", falls=True),
    "published-discriminators-vanish": two_discriminators("published_"),
    "discriminators-vanish": two_discriminators(),
    "generator-loss-tells-quality": beside_time("generator"),
    "discriminator-loss-tells-quality": beside_time("discriminator_b"),
    **{f"{name.replace('_', '-')}-rises": interval("difference", "low", "high", metric=name)
       for name in ("snr", "entropy", "edge_density", "contrast")},
    "mean-intensity-near-zero": numbers("mean_full_scale", -0.05, 0.051),
    "metrics-mean-quality": quality(["entropy", "edge_density"]),
    "snr-means-quality": quality(["snr"]),
    "contrast-separates": quality(["contrast"], truths=("sbr", "cnr")),
    "closer-to-truth": gain("psnr", method="low-light"),
    "structure-restored": gain("ssim", method="low-light"),
    "beats-classical-noise": (benchmark(**{"VST + BM3D": 27.5}), benchmark(**{"VST + BM3D": 28.5})),
    "beats-classical-texture": gain("ssim", role="rival"),
    "steps-improve-epochs": slope("psnr", "epoch"),
    "steps-improve-repeats": slope("psnr", "application"),
    "scattering-suppressed": numbers("number", 0.5, 0.51, test="widths", measure="blur kept", denoiser="enhanced"),
    "spectrum-shift": interval("psnr_over_denoised", "psnr_over_denoised_low", "psnr_over_denoised_high"),
    "automatic-report": tuple(pd.DataFrame([metrics | {"stage": s}]) for s in ("enhanced", "low-light")),
    "real-time": numbers("io_p95_ms", 50.0, 50.1, **ssgan),
    "explainable": (pd.DataFrame([a_map]), pd.DataFrame([a_map | {"passes_checks": "no"}])),
    "simpler-than-xai-pssgan": (times(0.5), times(0.51)),
    "few-images-suffice": gain("psnr", method="paper's system"),
    "adds-nothing": (structures(0.05), structures(0.051)),
}  # fmt: skip
NEVER = {"best-parts", "longer-window-sharper", "easier-to-repeat", "safe-and-accurate"}


def test_every_claim_is_planted_or_says_what_would_test_it():
    assert (
        set(verdicts.VERDICTS) == set(PLANTED)
        and set(BY_ID) == set(PLANTED) | NEVER
        and len(CLAIMS) == len(BY_ID) == 36
    )
    for name in NEVER:
        found = evaluate([BY_ID[name]], {}).iloc[0]
        assert found["verdict"] == OPEN and BY_ID[name].supports in found["remark"]


@pytest.mark.parametrize("name", PLANTED)
class TestEveryTestableClaim:
    def test_can_be_supported_and_refuted(self, name):
        good, bad = PLANTED[name]
        assert judge(name, good)["verdict"] == YES and judge(name, bad)["verdict"] == NO

    def test_names_the_notebook_of_a_table_that_is_not_there(self, name):
        (table, notebook), = BY_ID[name].tables.items()  # fmt: skip
        for found in (evaluate([BY_ID[name]], {}).iloc[0], judge(name, PLANTED[name][0].iloc[:0])):
            assert found["verdict"] == OPEN and math.isnan(found["number"])
            assert f"tables/{table}.csv: notebook {notebook} makes it" in found["remark"]
        assert (places.NOTEBOOKS / f"{notebook}.ipynb").is_file()

    def test_is_supported_by_no_gap(self, name):
        good = PLANTED[name][0]
        gaps = good.assign(**{column: np.nan for column in good.select_dtypes("number")})
        assert judge(name, gaps)["verdict"] != YES or name in ("residual-trunk", "split-70-30")


@pytest.mark.parametrize("name", ["metrics-mean-quality", "snr-means-quality", "contrast-separates", "adds-nothing"])
def test_a_claim_about_several_things_stays_open_without_one_of_them(name):
    good, bad = PLANTED[name]
    assert judge(name, good.iloc[len(good) // 2 :])["verdict"] == OPEN
    assert "no row with" in judge(name, good.iloc[len(good) // 2 :])["remark"]
    assert judge(name, bad.iloc[len(bad) // 2 :])["verdict"] == NO  # but what is there refutes all the same


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
    found = judge("beats-classical-noise", benchmark(**rivals))
    assert found["verdict"] == verdict and said in found["remark"]


def test_two_series_that_both_follow_training_are_no_support():
    """Planted: both change with time and are independent otherwise; their plain correlation is -.9."""
    time, (one, other) = np.linspace(0, 1, 32), np.random.default_rng(0).normal(0, 0.1, (2, 32))
    both = pd.DataFrame({"epoch": range(32), "generator": one - time, "psnr": time + other})
    assert verdicts.trend(both, "psnr", "generator", -0.85).holds
    found = judge("generator-loss-tells-quality", both)
    assert found["verdict"] == NO and abs(found["number"]) < 0.4
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
    assert (judged["verdict"] == OPEN).sum() == 34
    assert summary(judged).endswith("31 not testable here; 5 more decided by construction (1 hold).")


def test_the_verdicts_on_the_published_tables_are_those_published():
    published_ = places.REPOSITORY / "reports" / "showcase" / "tables"
    files = published_.glob("*.csv")
    tables = {file.stem: pd.read_csv(file, keep_default_na=False, na_values=[""]) for file in files}
    judged, known = evaluate(CLAIMS, tables).set_index("id"), tables["claims"].set_index("id")
    assert list(judged.index) == list(known.index) and list(judged["verdict"]) == list(known["verdict"])
    np.testing.assert_allclose(judged["number"], known["number"], rtol=1e-6)

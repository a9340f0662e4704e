"""The benchmark: one rule for every method, the rival chosen without the test, gains with the right sign."""

import dataclasses
import math
import types

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from companion import rivals as baselines
from companion.plots import benchmark as draw
from companion.plots.panels import detail
from companion.run import Run
from companion.study import benchmark, judge
from companion.study.benchmark import TRUTH
from companion.study.comparison import (
    CLASSICAL,
    COLUMNS,
    INPUT,
    PAIRED,
    UNPAIRED,
    Method,
    best_classical,
    compared_with,
    comparison,
    tuned,
)
from companion.study.judge import METRICS, Judge
from companion.study.split_table import data_split
from nircore.metrics import with_truth
from nircore.recipe import resolve

EVERYWHERE = np.ones((96, 80), dtype=bool)


def scene(shape=(96, 80)):
    """A dim body in the dark, crossed by bright vessels, in DN."""
    image = np.zeros(shape)
    image[10:-10, 10:-10] = 20
    image[30:33, 10:-10] = image[10:-10, 50:53] = 60
    return gaussian_filter(image, 0.7).astype(np.float32)


def noisy(truth, sd=8.0, seed=0):
    return truth + np.random.default_rng(seed).normal(0, sd, truth.shape).astype(np.float32)


# One frame


def test_every_method_is_clipped_and_the_protocol_is_left_alone():
    truth = scene()
    frame = noisy(truth)
    judged = Judge(frame, truth, EVERYWHERE)
    as_made, cut = judged(frame), judged(np.maximum(frame, 0))
    seen = [key for key in METRICS if key not in ("sbr", "cnr")]
    assert [as_made[key] for key in seen] == [cut[key] for key in seen]
    wanted = with_truth.score(np.maximum(frame, 0), truth, EVERYWHERE)
    assert as_made["psnr"] == wanted["psnr"] != with_truth.score(frame, truth, EVERYWHERE)["psnr"]
    assert tuple(as_made) == METRICS
    fitted = np.clip(wanted["a"] * np.maximum(frame, 0) + wanted["b"], 0, wanted["peak"])
    assert np.array_equal(judged.view(frame), fitted)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (0.2, 0.0), (3.0, 500.0), (1.0, -15.0)])
def test_sbr_and_cnr_of_a_drawn_frame_are_its_closed_form(scale, offset):
    truth = np.full((96, 80), 20.0)
    truth[::2, :] += 4  # the background's SD is 2, its mean 22
    truth[30:40] = 66
    judged = Judge(noisy(truth), truth, EVERYWHERE)
    judged.regions = np.zeros_like(EVERYWHERE), np.zeros_like(EVERYWHERE)
    judged.regions[0][30:40], judged.regions[1][44:50] = True, True
    found = judged.quantities(scale * truth + offset)
    assert found["sbr"] == pytest.approx(66 / 22)
    assert found["cnr"] == pytest.approx((66 - 22) / 2)


def test_noise_alone_does_not_pull_the_sbr_to_one():
    truth = scene((320, 256))
    judged = Judge(noisy(truth), truth, np.ones_like(truth, dtype=bool))
    frame = noisy(truth, 25.0)
    wanted, found = judged.of_truth()["sbr"], judged(frame)["sbr"]
    assert found == pytest.approx(wanted, rel=0.03)
    a, b = with_truth.affine_fit(frame, truth)  # the protocol's fit would
    fitted = a * frame + b
    signal, background = judged.regions
    assert fitted[signal].mean() / fitted[background].mean() < 0.9 * wanted


# Classical methods


def fake(monkeypatch, **errors):
    """Put methods in place that return the frame plus a ripple of their parameter; `errors` are their grids."""
    ripple = np.where(np.indices((96, 80)).sum(0) % 2, 1.0, -1.0).astype(np.float32)
    rippled = {key: known._replace(function=lambda frame, value: frame + value * ripple, grid=errors[key])
               for key, known in baselines.METHODS.items() if key in errors}  # fmt: skip
    monkeypatch.setattr(baselines, "METHODS", rippled)


def test_classical_methods_are_tuned_on_what_they_are_given(monkeypatch):
    fake(monkeypatch, gaussian=(5.0, 2.0, 3.0), median=(4.0, 6.0))
    gone = baselines.Method(baselines.median, "VST + BM3D", (1.0,), "", "no_such_package", "vst_bm3d needs more.")
    monkeypatch.setitem(baselines.METHODS, "vst_bm3d", gone)
    truth = scene()
    first, second, absent = (tuned(key, [(truth, (truth, EVERYWHERE))], seed=7) for key in baselines.METHODS)
    assert [first.name, first.tuned, second.tuned] == ["Gaussian", "2 px", "4 px"]
    assert first.validation_psnr > second.validation_psnr
    assert best_classical({m.name: m.validation_psnr for m in (second, first)}) == "Gaussian"
    assert np.array_equal(first.runs[7](truth), baselines.METHODS["gaussian"].function(truth, 2.0))
    assert absent == Method("VST + BM3D", CLASSICAL, remark="vst_bm3d needs more.")


# The table


def table(scores, groups=None, seeds=(0,)):
    """Rows of every method of `scores` {method: PSNR per frame}, each seed 1 dB better than the one before."""
    rows = []
    for method, values in scores.items():
        for step, seed in enumerate(seeds if method == "net" else (0,)):
            for k, value in enumerate(values):
                about = {"file": f"{k}", "group": f"{groups[k] if groups else k}", "scene": f"s{k}"}
                measured = dict.fromkeys(METRICS, 1.0) | {"psnr": value + step, "ssim": (value + step) / 100}
                rows.append({"method": method, "seed": seed} | about | measured)
    return pd.DataFrame(rows)


BEST = {f"{k}": "c0" for k in range(6)}  # what validation chose for each file


def methods(*names):
    """The input, two classical methods, and nets."""
    run = {0: lambda frame: frame}
    two = [Method(f"c{k}", CLASSICAL, run, "1") for k in range(2)]
    return [Method("low-light", INPUT, run), *two, *(Method(name, UNPAIRED, run) for name in names)]


def test_the_gain_is_over_the_classical_method_that_validation_chose():
    """On the test the other one is better: it must not become the rival."""
    found = comparison(
        table({"low-light": [20.0] * 6, "c0": [27.0, 28, 29, 30, 31, 32], "c1": [40.0] * 6, "net": [29.0] * 6}),
        methods("net"),
        BEST,
        {"net": 0.5},
        0,
    ).set_index("method")
    assert found.loc["net", "psnr_gain"] == pytest.approx(29 - 29.5)
    assert found.loc["c1", "psnr_gain"] == pytest.approx(10.5)
    assert found.loc["low-light", "ssim_gain"] == pytest.approx(-0.095)
    assert "best classical" in found.loc["c0", "remark"] and math.isnan(found.loc["c0", "psnr_gain"])
    net = found.loc["net"]
    assert net["psnr_gain_low"] < net["psnr_gain"] < net["psnr_gain_high"] and net["psnr_p"] > 0.5
    assert found.loc["c1", "psnr_gain_low"] > 0 and found.loc["c1", "psnr_p"] == 2 / 2**6
    assert net["seconds"] == 0.5 and tuple(found.reset_index()[list(COLUMNS)].columns) == COLUMNS


def test_seeds_are_averaged_and_their_spread_is_told():
    scores = {"low-light": [20.0, 21], "c0": [30.0, 32], "c1": [1.0, 1], "net": [31.0, 32]}
    found = comparison(table(scores, seeds=(4, 5, 6)), methods("net"), BEST, {}, 0).set_index("method")
    net = found.loc["net"]
    assert [net["seeds"], net["frames"], net["groups"]] == [3, 2, 2]
    assert net["psnr"] == pytest.approx(32.5) and net["psnr_sd"] == pytest.approx(1.0)
    assert net["ssim_sd"] == pytest.approx(0.01)
    assert net["psnr_gain"] == pytest.approx(1.5)
    assert net["psnr_gain_low"] == pytest.approx(1.5 - 12.706 / 2, abs=1e-3)  # Student's, of two animals: 1 and 2 dB
    assert math.isnan(found.loc["c1", "psnr_sd"])


@pytest.mark.parametrize(("frames", "remark"), [(4, "scenes of one animal"), (1, "one scene: no interval")])
def test_one_animal_is_resampled_by_scene_and_the_remark_says_so(frames, remark):
    scores = {"low-light": [20.0] * frames, "c0": [30.0] * frames, "c1": [30.0] * frames, "net": [31.0] * frames}
    rows = table(scores, groups=["m"] * frames)
    found = comparison(rows, methods("net"), BEST, {}, 0).set_index("method").loc["net"]
    assert remark in found["remark"] and found["groups"] == frames
    assert found["psnr_gain"] == 1 and (found["psnr_gain_low"] == 1) == (frames > 1)


def test_frames_of_one_animal_are_one_observation():
    scores = {"low-light": [0.0] * 6, "c0": [30.0] * 6, "c1": [0.0] * 6, "net": [31.0] * 6}
    rows = table(scores, groups=list("aabbcc"))
    found = comparison(rows, methods("net"), BEST, {}, 0).set_index("method").loc["net"]
    assert found["groups"] == 3 and found["psnr_p"] == 0.25 and found["remark"] == ""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Where the phantom is made, once for all tests."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def run(data, reports, monkeypatch):
    """A phantom run of twelve small animals with cheap methods, two seeds and fake trainings."""
    monkeypatch.setenv("NIRCORE_DATA", str(data))
    monkeypatch.setattr(benchmark, "REPEATS", 1)
    kept = {"gaussian": baselines.METHODS["gaussian"]._replace(grid=(1.0, 2.0))}
    gone = baselines.METHODS["vst_bm3d"]._replace(package="no_such_package")
    monkeypatch.setattr(baselines, "METHODS", kept | {"vst_bm3d": gone})
    absent = types.SimpleNamespace(available=lambda: "noise2void needs careamics.")
    monkeypatch.setattr(benchmark, "noise2void", absent)
    monkeypatch.setattr(
        benchmark, "trained", lambda run, recipe, seed, before: lambda frame: gaussian_filter(frame, 1 + seed)
    )
    made = Run(resolve({"animals": 12, "height": 96, "width": 80, "seeds": 2}))
    data_split(made)
    return made


def test_the_step_fills_the_table(run):
    benchmark.benchmark(run)
    frames, summary = run.table("benchmark"), run.table("table4_benchmark").set_index("method")
    assert tuple(frames.columns) == benchmark.PER_FRAME
    test = len(benchmark.tested(run))
    assert test >= 2
    learnt = ("paper's system", "physics recipe", "real-time recipe", "supervised oracle")
    ran = {"low-light": 1, "Gaussian": 1} | dict.fromkeys(learnt, 2)
    assert frames.groupby("method").size().to_dict() == {m: n * test for m, n in (ran | {TRUTH: 1}).items()}
    assert (summary.loc[list(ran), "frames"] == test).all() and (summary["test_frames"] == test).all()
    assert summary["seconds"].notna().to_dict() == {name: name in ran for name in summary.index}
    for name, reason in {"VST + BM3D": "bm3d", "Noise2Void": "careamics"}.items():
        assert summary.loc[name, "frames"] == 0 and reason in summary.loc[name, "remark"]
    nets = frames[frames["method"] == "physics recipe"]
    assert summary.loc["physics recipe", "psnr"] == pytest.approx(nets["psnr"].mean())
    assert summary.loc["physics recipe", "psnr_sd"] == pytest.approx(nets.groupby("seed")["psnr"].mean().std())
    details = run.pictures("benchmark")
    assert len(details) == benchmark.SHOWN and all(set(parts) == {*ran, "truth"} for parts in details.values())
    draw.pictures(details, frames)
    draw.scores(benchmark.alike(frames), compared_with(run.table("table4_benchmark")))


def test_tuning_never_sees_a_test_frame(run, monkeypatch):
    seen = []
    load = benchmark.sets.load
    monkeypatch.setattr(benchmark.sets, "load", lambda config, row: seen.append(row.split) or load(config, row))
    benchmark.tuning(run, benchmark.tested(run))
    assert seen and set(seen) == {"validation"}


def test_off_the_phantom_the_oracle_is_left_out_by_name(run):
    real = Run(run.config.replace(dataset="folder", low_light="a", target="b"))
    (oracle,) = [method for method in benchmark._learnt(real) if method.kind == PAIRED]
    assert not oracle.runs and "phantom alone" in oracle.remark


def test_filters_whose_exposures_do_not_match_stand_apart():
    scores = table({"low-light": [20.0] * 3, "c0": [30.0] * 3, "c1": [29.0] * 3})
    scores["filter"] = scores["file"].map({"0": "BP1150", "1": "LP1250", "2": "BP1300"})
    test = [types.SimpleNamespace(filter=f, exposure_s=0.02) for f in ("BP1150", "LP1250", "BP1300", "BP1300")]
    tried = [dataclasses.replace(m, validation_psnr=30.0) if m.name == "c0" else m for m in methods()]
    main, apart = benchmark._comparisons(scores, test, tried, {}, 0)
    assert list(main["filters"].unique()) == ["BP1150 BP1300"] and list(apart["filters"].unique()) == ["LP1250"]
    assert list(main["test_frames"].unique()) == [3] and list(main["exposure_ms"].unique()) == [20]
    assert list(main["frames"])[:3] == [2, 2, 2] and list(apart["frames"])[:3] == [1, 1, 1]


def test_the_detail_is_where_the_vessels_are_not_where_the_liver_is():
    truth = np.full((120, 90), 10.0)
    truth[10:45, 10:50] = 100
    truth = gaussian_filter(truth, 5)  # an organ: bright, large, soft-edged
    truth[90:92, 50:85] = truth[80:110, 70:72] = 60
    rows, columns = judge.vessel_detail(truth)
    assert rows.stop - rows.start == columns.stop - columns.start == 30
    assert rows.start > 60 and columns.start > 40
    assert detail(truth, 3)[0].stop < 60  # the steepest gradients would be the organ's


def test_a_filter_is_judged_against_its_own_window_as_well():
    """Planted: the target window shows half of the vessels' surroundings, which no filter can know."""
    own = scene()
    truth = np.where(own > 30, own, 0.3 * own)
    judged = Judge(noisy(own), truth, EVERYWHERE, own)
    perfect = judged(own)
    assert perfect["own_psnr"] > 60 > perfect["psnr"]
    assert judged(noisy(own))["own_psnr"] < 40
    alone = Judge(noisy(own), truth, EVERYWHERE)(own)
    assert math.isnan(alone["own_psnr"]) and alone["psnr"] == perfect["psnr"]

"""What is planted in exposure series and benchmarks is found: metrics that track, reversed and unrelated ones."""

import math

import numpy as np
import pandas as pd
import pytest

from companion.run import Run
from companion.study import metric_quality as quality
from nircore.data import swir_hdr
from nircore.metrics import no_reference, with_truth
from nircore.recipe import resolve

SMALL = (96, 80)


def planted(scenes: int, images: int, seed: int = 0) -> pd.DataFrame:
    """Points over methods whose entropy is the PSNR, whose edge density is its reverse, whose contrast is chance.

    Every scene has its own brightness: pooled over scenes, no metric would track.
    """
    rng, rows = np.random.default_rng(seed), []
    for scene in range(scenes):
        offset = 100 * rng.normal()
        for image in range(images):
            psnr = rng.normal()
            rows.append({"over": "methods", "scene": f"s{scene}", "image": f"m{image}", "entropy": psnr + offset,
                         "edge_density": -np.exp(psnr), "snr": psnr + 0.4 * rng.normal(), "contrast": rng.normal(),
                         "mean_intensity": offset, "psnr": psnr, "ssim": psnr + 0.1 * rng.normal(),
                         "sbr": rng.normal(), "cnr": math.nan})  # fmt: skip
    return pd.DataFrame(rows, columns=list(quality.POINT))


class TestCorrelate:
    def test_finds_what_is_planted(self):
        table = quality.correlate(planted(12, 8), seed=0).set_index(["metric", "truth_metric"])
        assert list(table.reset_index()[list(quality.CORRELATION)]) == list(quality.CORRELATION)
        wanted = {"entropy": quality.TRACKS, "edge_density": quality.BACKWARDS, "snr": quality.TRACKS,
                  "contrast": quality.UNRELATED}  # fmt: skip
        for metric, words in wanted.items():
            assert set(table.loc[metric].loc[["psnr", "ssim"], "verdict"]) == {words}
        assert tuple(table.loc[("entropy", "psnr"), ["rho", "low", "high"]]) == pytest.approx((1, 1, 1))
        assert tuple(table.loc[("edge_density", "psnr"), ["rho", "low", "high"]]) == pytest.approx((-1, -1, -1))
        assert table.loc[("contrast", "psnr"), "low"] < 0 < table.loc[("contrast", "psnr"), "high"]
        assert (table.loc[["entropy", "snr"], "scenes"] == 12).all()

    @pytest.mark.parametrize(
        ("low", "high", "words"),
        [(0, 1, quality.UNRELATED), (-1, 0, quality.UNRELATED), (1e-9, 1, quality.WEAKLY), (0.5, 1, quality.WEAKLY),
         (0.501, 1, quality.TRACKS), (-1, -1e-9, quality.BACKWARDS), (math.nan, 1, quality.OPEN)],
    )  # fmt: skip
    def test_the_verdict_is_where_the_interval_lies(self, low, high, words):
        assert quality.verdict(low, high) == words


@pytest.fixture(scope="module")
def series() -> list[quality.Series]:
    """Two small phantoms at all exposures."""
    return list(quality.phantom_series(3, SMALL, animals=2))


class TestOverExposure:
    def test_one_exposure_scale_and_a_truth_without_noise(self, series):
        for _, frames, truth, valid in series:
            assert list(frames) == list(quality.PHANTOM_S) and valid.all()
            assert truth.shape == SMALL and truth.dtype == np.float32
            errors = [np.abs(frame - truth).mean() for frame in frames.values()]
            assert errors == sorted(errors, reverse=True) and errors[0] > 8 * errors[-1]
            assert frames[0.32].mean() == pytest.approx(truth.mean(), rel=0.03)

    def test_points_are_the_metrics_of_the_frames_on_the_scale_of_the_20_ms_frame(self, series):
        points = quality.over_exposure(iter(series))
        assert list(points) == list(quality.POINT) and len(points) == 14 and set(points["over"]) == {"exposure"}
        assert list(points["image"][:7]) == ["5 ms", "10 ms", "20 ms", "40 ms", "80 ms", "160 ms", "320 ms"]
        assert points[[*quality.METRICS, *quality.TRUTHS]].notna().all(axis=None)
        (_, frames, truth, valid), row = series[1], points.iloc[7 + 3]
        fit = quality.Normalisation.of(frames[0.02])
        grey = np.clip(0.5 + 0.25 * (frames[0.04] - fit.offset) / fit.scale, 0, 1) * 255
        for metric in quality.METRICS:
            wanted = no_reference.METRICS[metric](grey, data_range=255)
            assert row[metric] == pytest.approx(wanted, rel=1e-3), metric
        wanted = with_truth.score(frames[0.04], truth, valid)
        assert (row["psnr"], row["ssim"]) == (wanted["psnr"], wanted["ssim"])
        assert points.groupby("scene")["psnr"].is_monotonic_increasing.all()

    def test_noise_at_black_is_not_clipped_and_does_not_raise_the_mean(self, series):
        """Clipped at black, the mean of the 5 ms frame would be a fifth of the range too high."""
        for _, frames, truth, _ in series:
            fit = quality.Normalisation.of(frames[0.02])
            grey = quality.above_black(frames[0.005], fit)
            assert np.isin(grey, [0, 255]).mean() < 0.02
            assert grey.mean() == pytest.approx(quality.above_black(truth, fit).mean(), abs=2)
        points = quality.over_exposure(iter(series))
        assert points.groupby("scene")["mean_intensity"].agg(np.ptp).max() < 4  # of 255

    def test_real_scenes_are_read_above_the_dark_and_judged_by_the_long_exposure(self, swir_hdr):
        series = list(quality.real_series(swir_hdr))
        assert len(series) >= 4 and not any("LP1250" in name for name, *_ in series)
        for _, frames, truth, valid in series:
            assert list(frames) == list(quality.REAL_S)
            levels = [np.median(frame[valid]) for frame in frames.values()]
            assert max(levels) - min(levels) < 40  # DN of stray light; a pedestal left in would differ by 1000
            bright = [np.percentile(frame[valid], 99) for frame in [*frames.values(), truth]]
            assert max(bright) < 1.5 * min(bright)  # one exposure's scale: as recorded they differ 16-fold
            assert 0.8 < valid.mean() <= 1
        points = quality.over_exposure(iter(series[:1]))
        assert list(points["image"]) == ["20 ms", "40 ms", "80 ms", "160 ms"]
        assert points["psnr"].is_monotonic_increasing and points["ssim"].is_monotonic_increasing


def benchmark(**more) -> pd.DataFrame:
    """A benchmark of three methods, one of them with two seeds, on two scenes at two exposures."""
    rows = []
    for exposure_s in (0.02, 0.04):
        for scene in ("a", "b"):
            for method, seed, value in (("noisy", 0, 1.0), ("NLM", 0, 2.0), ("ours", 0, 3.0), ("ours", 1, 5.0)):
                about = {"method": method, "seed": seed, "file": f"{scene}.tif", "group": scene, "scene": scene,
                         "filter": "BP1150", "exposure_s": exposure_s}  # fmt: skip
                names = (*quality.METRICS, *quality.TRUTHS, *quality.SEPARATION)
                rows.append(about | dict.fromkeys(names, value + 100 * (exposure_s > 0.03)))
    return pd.DataFrame(rows).assign(**more)


class TestOverMethods:
    def test_a_method_is_one_point_at_the_lowest_exposure(self):
        points = quality.over_methods(benchmark())
        assert list(points) == list(quality.POINT) and set(points["over"]) == {"methods"}
        assert list(points["scene"] + points["image"]) == ["anoisy", "aNLM", "aours", "bnoisy", "bNLM", "bours"]
        assert list(points["psnr"]) == list(points["snr"]) == list(points["cnr"]) == [1, 2, 4] * 2

    def test_rows_without_truth_and_filters_that_do_not_match_stay_out(self):
        assert quality.over_methods(benchmark(psnr=math.nan)).empty
        assert quality.over_methods(benchmark(filter=swir_hdr.MISMATCHED_FILTERS[0])).empty
        table = benchmark()
        table.loc[table["method"] == "NLM", "psnr"] = math.nan
        assert set(quality.over_methods(table)["image"]) == {"noisy", "ours"}


def make(table: pd.DataFrame | None, **settings) -> Run:
    """Make the table in a run that has a benchmark."""
    run = Run(resolve({"run": "made", "height": SMALL[0], "width": SMALL[1]} | settings))
    if table is not None:
        run.write_table("benchmark", table)
    quality.metric_quality(run)
    return run


def test_the_step_writes_points_and_correlations_the_same_every_time(reports, monkeypatch):
    monkeypatch.setattr(quality, "PHANTOMS", 4)
    run = make(benchmark())
    points, table = run.table("metric_quality"), run.table("table6_metric_quality")
    assert points.groupby("over")["image"].size().to_dict() == {"exposure": 28, "methods": 6}
    assert list(table) == list(quality.CORRELATION)
    assert table["over"].tolist() == ["exposure"] * 10 + ["methods"] * 12
    snr = table[(table["metric"] == "snr") & (table["over"] == "exposure")]
    assert set(snr["verdict"]) == {quality.TRACKS} and (snr["scenes"] == 4).all()
    before = run.path("tables/metric_quality.csv").read_bytes()
    quality.metric_quality(run)
    assert run.path("tables/metric_quality.csv").read_bytes() == before


def test_a_folder_without_truth_has_empty_tables(reports):
    run = make(None, dataset="folder")
    for name, columns in (("metric_quality", quality.POINT), ("table6_metric_quality", quality.CORRELATION)):
        assert run.table(name).empty and list(run.table(name)) == list(columns)

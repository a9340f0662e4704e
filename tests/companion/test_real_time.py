"""The timing run counts what it says it counts, and absent engines keep their row."""

import numpy as np
import pandas as pd
import pytest
import tifffile
import torch

from companion.plots import real_time as draw
from companion.plots.style import save
from companion.study import real_time
from nircore.inference import engines
from nircore.models import UNetGenerator

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(real_time, "SIZES", ((16, 32), (48, 32)))


def test_the_table_has_a_row_for_every_case_and_every_absent_engine(monkeypatch):
    wanted = {"torch": "", "onnxruntime": "needs the package onnxruntime"}
    monkeypatch.setattr(engines, "available", lambda: wanted)
    known = {name: engine for name, engine in engines.ENGINES.items() if name in wanted}
    monkeypatch.setattr(engines, "ENGINES", known)
    table = real_time.timings({"realtime": (2, UNetGenerator(2, 1).eval())}, 0.0)
    assert list(table.columns) == list(real_time.COLUMNS) and len(table) == 2 + 1
    timed = table.dropna(subset="median_ms")
    assert (timed["frames"] == real_time.LEAST).all() and (timed["median_ms"] <= timed["p95_ms"]).all()
    assert (timed["io_median_ms"] > timed["median_ms"]).all() and (timed["prepare_ms"] > 0).all()
    np.testing.assert_allclose(timed["fps"].astype(float), 1000 / timed["median_ms"].astype(float))
    assert (timed["threads"] == torch.get_num_threads()).all()
    assert table["remark"].iloc[-1] == "needs the package onnxruntime"


def turn(ms: float, spent: float = 200.0) -> dict[str, float]:
    return {"whole": ms, "alone": 0.8 * ms, "prepared": 0.1 * ms, "filed": 2 * ms, "spent": spent}


def test_a_row_tells_the_network_alone_from_what_is_around_it():
    enhance = engines.Pipeline("torch", UNetGenerator(2, 1))
    row = real_time.Case("realtime", 2, enhance, (48, 32), [turn(10 * k) for k in (0.9, 1, 1.4)]).row()
    found = [row[key] for key in ("median_ms", "alone_ms", "prepare_ms", "gap", "io_median_ms")]
    np.testing.assert_allclose(found, [10.0, 8.0, 1.0, 1.25, 20.0])


def test_p95_of_few_frames_is_the_slowest_and_is_not_drawn():
    enhance = engines.Pipeline("torch", UNetGenerator(2, 1))
    for count, drawn in ((3, 0), (draw.ENOUGH, 1)):
        case = real_time.Case("realtime", 2, enhance, (48, 32), [turn(10.0)] * (count - 2) + [turn(20.0), turn(30.0)])
        table = pd.DataFrame([case.row()])
        assert table["p95_ms"].item() == (30.0 if count == 3 else 20.0)
        (ax,) = draw.engines(table).axes
        assert (
            sum(np.isfinite(np.ma.filled(dots.get_offsets(), np.nan)).all(axis=1).sum() for dots in ax.collections)
            == drawn
        )
        assert ("p95" in ax.get_xlabel()) == bool(drawn)


def test_the_network_alone_runs_on_the_frame_that_was_prepared(tmp_path):
    shown, uncounted = [], []

    class Steps:
        def prepare(self, pixels):
            return pixels + 1, "fit"

        def run(self, x):
            shown.append(x)
            return x * 2

        def finish(self, values, fit):
            assert fit == "fit" and len(shown) == 1  # once so far: the second time is not part of the frame's own
            return values

        def __call__(self, pixels):
            uncounted.append(pixels)

    given = np.random.default_rng(0).poisson(100, (16, 32)).astype(np.float32)
    tifffile.imwrite(tmp_path / "frame.tif", given)
    tried = real_time.Case("tiny", 2, Steps(), (16, 32))
    taken = real_time._once(tried, tmp_path / "frame.tif", tmp_path / "out.tif")
    assert len(shown) == 2 and shown[0] is shown[1] and len(uncounted) == 1
    assert taken["prepared"] <= taken["whole"] <= taken["filed"] <= taken["spent"] - taken["alone"]
    assert np.array_equal(tifffile.imread(tmp_path / "out.tif"), 2 * (given + 1))


def test_cases_take_turns(monkeypatch):
    order = []

    class Fake:
        def __init__(self, name):
            self.name, self.shape, self.turns = name, (16, 32), []

    def once(case, source, target):
        order.append(case.name)
        return turn(100.0, 200.0 if case.name == "a" else 400.0)

    monkeypatch.setattr(real_time, "_once", once)
    cases = [Fake("a"), Fake("b")]
    real_time.measure(cases, budget_s=1.0)
    assert "".join(order).startswith("abababab") and [len(case.turns) for case in cases] == [5, 3]


def table() -> pd.DataFrame:
    rows = [("Gaussian", "classical", 26.0, 0.7, 9.0), ("real-time recipe", "learnt without pairs", 27.5, 0.83, 30.0)]
    return pd.DataFrame(rows, columns=["method", "kind", "psnr", "ssim", "ms"])


def test_the_figure_shows_each_method_where_it_stands(tmp_path):
    figure = draw.quality_against_speed(table())
    for ax, key in zip(figure.axes, ("psnr", "ssim"), strict=True):
        points = next(c for c in ax.collections if len(c.get_offsets()) == 2).get_offsets()
        np.testing.assert_allclose(points, table()[["ms", key]])
        assert any(np.allclose(patch.get_extents().width, 0) is False for patch in ax.patches)
    assert set(table()["method"]) <= {text.get_text() for text in figure.legends[0].get_texts()}
    assert save(figure, tmp_path / "x.png").stat().st_size < 150_000

"""The timing run counts what it says it counts, and absent engines keep their row."""

import numpy as np
import pandas as pd
import pytest

from nircore import real_time
from nircore.errors import NircoreError
from nircore.figures import real_time as draw
from nircore.figures.style import save
from nircore.models import ResnetGenerator, UNetGenerator


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(real_time, "SIZES", ((16, 32), (48, 32)))
    monkeypatch.setattr(real_time, "GEMM", 32)
    monkeypatch.setattr(real_time, "COPY", 1 << 12)


def test_the_work_of_a_network_counted_by_hand():
    """U-Net of one level, 2 channels, 16 x 32 px: every convolution's operations and traffic, written out."""
    network = UNetGenerator(2, 1)
    fine, coarse, full = 8 * 16, 4 * 8, 16 * 32
    macs = fine * (16 * 2 + 2 * 9 * 2 * 2) + coarse * (2 * 9 * 4 + 4 * 9 * 4) + coarse * 4 * 2
    macs += fine * (4 * 9 * 2 + 2 * 9 * 2) + fine * 2 * 9 * 4 + (16 + 16) * 32 * 17 + full * 17
    numbers = full + 2 * fine + 4 * 2 * fine + (2 + 4 + 4 + 4) * coarse + (4 + 2) * coarse
    numbers += (4 + 2 + 2 + 2) * fine + (2 + 4) * fine
    flops, moved = real_time.work(network, (16, 32))
    weights = sum(p.numel() for p in network.parameters())
    assert moved == 4 * (weights + numbers)
    assert flops == pytest.approx(2 * macs, rel=0.1)  # the fixed Gaussian is padded, and counted with its padding


def test_work_does_not_depend_on_the_machine_and_grows_with_the_frame():
    network = ResnetGenerator(2, 1)
    one, four = real_time.work(network, (32, 32)), real_time.work(network, (64, 64))
    assert four[0] == pytest.approx(4 * one[0], rel=0.15)
    assert real_time.work(network, (32, 32)) == one


def test_the_table_has_a_row_for_every_case_and_every_absent_engine():
    network = UNetGenerator(2, 1).eval()
    said: list[str] = []
    chosen = list(real_time.cases({"tiny": (2, network)}, ["eager", "channels_last"], said.append))
    machine = real_time.measure(chosen, budget_s=0.0)
    table = real_time.table(chosen, machine, {"cuda": "needs a CUDA device"})
    assert list(table.columns) == list(real_time.COLUMNS) and len(table) == 2 * 2 + 1 and len(said) == 2
    timed = table.dropna(subset="median_ms")
    assert (timed["frames"] == real_time.LEAST).all()
    assert (timed["median_ms"] <= timed["p95_ms"]).all() and (timed["p95_ms"] <= timed["p99_ms"]).all()
    assert (timed["io_median_ms"] > timed["median_ms"]).all()
    np.testing.assert_allclose(timed["fps"], 1000 / timed["median_ms"])
    np.testing.assert_allclose(timed["times_bound"], timed["median_ms"] / timed["bound_ms"])
    assert table["remark"].iloc[-1] == "needs a CUDA device"


def test_cases_take_turns(monkeypatch):
    order = []

    class Fake:
        def __init__(self, name):
            self.name, self.shape, self.seconds = name, (16, 32), []

    def once(case, source, target):
        order.append(case.name)
        return 0.1, 0.2 if case.name == "a" else 0.4

    monkeypatch.setattr(real_time, "_once", once)
    cases = [Fake("a"), Fake("b")]
    real_time.measure(cases, budget_s=1.0)
    assert "".join(order).startswith("ababab") and [len(case.seconds) for case in cases] == [5, 3]


def table() -> pd.DataFrame:
    rows = [("Gaussian", "classical", 26.0, 0.7, 9.0), ("real-time recipe", "learnt without pairs", 27.5, 0.83, 30.0)]
    return pd.DataFrame(rows, columns=["method", "kind", "psnr", "ssim", "ms"])


def test_the_figure_shows_each_method_where_it_stands(tmp_path):
    figure = draw.quality_against_speed(table())
    for ax, key in zip(figure.axes, ("psnr", "ssim"), strict=True):
        points = next(c for c in ax.collections if len(c.get_offsets()) == 2).get_offsets()
        np.testing.assert_allclose(points, table()[["ms", key]])
        assert {text.get_text() for text in ax.texts} == set(table()["method"])
        assert any(np.allclose(patch.get_extents().width, 0) is False for patch in ax.patches)
    assert save(figure, tmp_path / "x.png").stat().st_size < 150_000
    with pytest.raises(NircoreError, match="lacks the column ssim"):
        draw.quality_against_speed(table().drop(columns="ssim"))


def test_the_engines_figure_draws_every_case(tmp_path):
    rows = [{"recipe": r, "engine": e, "height": h, "median_ms": 5.0 + h, "p95_ms": 9.0 + h, "bound_ms": 1.0}
            for r in ("ssgan", "realtime") for e in ("eager", "openvino") for h in (256, 640)]  # fmt: skip
    figure = draw.engines(pd.DataFrame(rows))
    assert sorted(patch.get_width() for patch in figure.axes[0].patches if patch.get_width() > 600) == [645.0] * 4
    save(figure, tmp_path / "x.png")

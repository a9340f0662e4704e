"""Frames are shown as they are: in one window per row, at the right place, with a true scale bar."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.plots import frames, panels

RNG = np.random.default_rng(0)


def _frame(height: int = 40, width: int = 32) -> np.ndarray:
    return RNG.normal(100, 20, (height, width)).astype(np.float32)


def _row(label: str = "M8-1", reference: bool = True, scores: str | None = "PSNR 20 dB") -> dict:
    return {
        "label": label, "low_light": _frame(), "enhanced": _frame(), "reference": _frame() if reference else None,
        "scores": scores,
    }  # fmt: skip


def _images(figure) -> list:
    return [ax.images[0] for ax in figure.axes if ax.images]


def test_before_after_shows_each_stage_and_its_detail_on_one_scale():
    rows = [_row(), _row("F1-2", reference=False)]
    rows[0]["reference"][20:30, 10:20] += 400
    figure = frames.before_after(rows)
    images = [image.get_array().data for image in _images(figure)]
    shown = [image for image in images if image.shape == (40, 32)]
    wanted = [rows[0][k] for k in frames.STAGES] + [rows[1]["low_light"], rows[1]["enhanced"]]
    for one, two in zip(shown, wanted, strict=True):
        np.testing.assert_array_equal(one, two)
    square = panels.detail(rows[0]["reference"])
    details = [image for image in images if image.shape == (8, 8)]
    np.testing.assert_array_equal(details[2], rows[0]["reference"][square])
    levels = {image.get_clim() for image in _images(figure)}
    assert len(levels) == 2 and panels.window([rows[0][k] for k in frames.STAGES]) in levels
    texts = [part._suptitle.get_text() for part in figure.subfigs]
    assert texts == ["M8-1: PSNR 20 dB", "F1-2: PSNR 20 dB"]


@given(st.integers(8, 60), st.integers(8, 60), st.data())
def test_the_detail_lies_inside_and_finds_the_edge(height, width, data):
    image = np.zeros((height, width))
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    image[y, x] = 1
    rows, columns = panels.detail(image)
    assert 0 <= rows.start < rows.stop <= height and 0 <= columns.start < columns.stop <= width
    assert rows.stop - rows.start == columns.stop - columns.start == max(4, min(height, width) // 4)
    assert rows.start - 8 <= y <= rows.stop + 8 and columns.start - 8 <= x <= columns.stop + 8


@pytest.mark.parametrize("count", [1, 4, 10, 12])
def test_across_epochs_shows_all_in_order_and_one_window(count):
    stack = [(1 + k) * _frame() for k in range(count)]
    figure = frames.across_epochs(stack, [f"epoch {k}" for k in range(count)])
    images = _images(figure)
    for image, frame in zip(images, stack, strict=True):
        np.testing.assert_array_equal(image.get_array(), frame)
    assert {image.get_clim() for image in images} == {panels.window(stack)}
    assert [image.axes.get_title() for image in images] == [f"epoch {k}" for k in range(count)]
    assert len(figure.axes) == 5 * -(-count // 5) + 1


def test_repeated_draws_the_drift_it_is_given():
    drift = pd.DataFrame({"application": range(3), "mean": [1.0, 2, 3], "change": [np.nan, 0.5, 0.2]})
    figure = frames.repeated([_frame()] * 3, ["x", "G(x)", "G(G(x))"], drift)
    mean, change = figure.subfigs[1].axes
    assert np.array_equal(mean.lines[0].get_xydata(), drift[["application", "mean"]])
    assert np.array_equal(change.lines[0].get_xydata(), drift[["application", "change"]], equal_nan=True)
    assert mean.get_ylabel() == "mean intensity (DN)" and change.get_ylabel() == "change (DN)"
    assert len(frames.repeated([_frame()], ["x"], drift.assign(psnr=20.0)).subfigs[1].axes) == 3


def test_the_window_ignores_hot_pixels_and_what_is_not_a_number():
    image = np.tile(np.linspace(0, 100, 1000), (10, 1))
    image[0, :3] = 1e6, np.nan, np.inf
    low, high = panels.window([image, image])
    assert 0 <= low < 2 and 98 < high <= 100
    assert panels.window([np.full((4, 4), 7.0)]) == (7.0, 8.0)

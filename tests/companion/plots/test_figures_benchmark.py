"""The benchmark's figures show what is in the table and in the arrays."""

import numpy as np
import pandas as pd
import pytest

from companion.plots import benchmark as draw
from companion.plots.panels import window
from nircore.metrics.summary import interval
from tests.companion.plots import drawn

RNG = np.random.default_rng(0)
KINDS = {"low-light": "input", "Gaussian": "classical", "net": "learnt without pairs", "oracle": "learnt with pairs"}


def table(frames=4, group=None):
    """Four methods' scores, nets with two seeds, and the truth without a score."""
    rows = [
        {"method": method, "kind": kind, "seed": seed, "file": f"{k}", "group": group or f"g{k}", "scene": f"s{k}",
         "psnr": RNG.normal(20 + 3 * place, 1), "ssim": RNG.random()}
        for place, (method, kind) in enumerate(KINDS.items())
        for seed in range(2 if "learnt" in kind else 1)
        for k in range(frames)
    ]  # fmt: skip
    return pd.DataFrame([*rows, {"method": "truth", "kind": "truth", "file": "0", "group": "g0", "scene": "s0"}])


def test_scores_are_sorted_with_a_dot_per_frame_and_the_best_classical_as_a_line():
    scores = table()
    left, right = draw.scores(scores, "Gaussian").axes
    order = scores.dropna().groupby("method")["psnr"].mean().sort_values(ascending=False)
    assert [label.get_text() for label in left.get_yticklabels()] == list(order.index)
    assert left.get_ylim()[0] > left.get_ylim()[1]  # the best on top
    for ax, name in ((left, "psnr"), (right, "ssim")):
        assert ax.lines[0].get_xdata()[0] == pytest.approx(scores.loc[scores["method"] == "Gaussian", name].mean())
        for k, method in enumerate(order.index):
            means = scores[scores["method"] == method].groupby("file")[name].mean()
            assert list(ax.collections[k].get_offsets()[:, 0]) == pytest.approx(list(means))
            assert drawn.means(ax)[k] == pytest.approx(means.mean())


def test_one_animals_interval_is_over_its_scenes():
    scores = table(5, group="mouse")
    left, _ = draw.scores(scores, "Gaussian").axes
    place = [label.get_text() for label in left.get_yticklabels()].index("net")
    means = scores[scores["method"] == "net"].groupby("scene")["psnr"].mean()
    low, high = drawn.intervals(left)[place]
    assert (high - low) / 2 == pytest.approx(interval(means)[1])
    assert len(draw.scores(table(1), "Gaussian").axes) == 2


def details(methods):
    """Details of two frames, and the scores that stand below them: a method's first seed."""
    frames = {file: {name: RNG.random((20, 20)) for name in ("truth", *methods)} for file in ("one", "two")}
    rows = [{"file": file, "method": name, "seed": seed, "scene": f"mouse {file}", "exposure_s": 0.02,
             "psnr": 20.0 + k + 5 * seed, "ssim": 0.5}
            for file in frames for k, name in enumerate(methods) for seed in (0, 1)]  # fmt: skip
    return frames, pd.DataFrame(rows)


@pytest.mark.parametrize("count", [1, 4, 5, 11])
def test_pictures_show_every_method_of_every_frame_in_the_window_of_its_truth(count):
    names = [f"method {k}" for k in range(count)]
    frames, scored = details(names)
    figure = draw.pictures(frames, scored)
    shown = [ax for ax in figure.axes if ax.images and ax.get_label() != "<colorbar>"]
    assert [ax.get_title() for ax in shown] == ["truth", *names] * 2
    assert [ax.get_xlabel() for ax in shown[1 : count + 1]] == [f"{20 + k}.0 dB, 0.50" for k in range(count)]
    assert [part._suptitle.get_text() for part in figure.subfigs] == ["mouse one, 20 ms", "mouse two, 20 ms"]
    for k, one in enumerate(frames.values()):
        block = shown[k * (count + 1) : (k + 1) * (count + 1)]
        assert {ax.images[0].get_clim() for ax in block} == {window([one["truth"]])}

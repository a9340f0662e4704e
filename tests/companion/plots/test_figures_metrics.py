"""Every test frame is in the metric figures, and the means are the tables' means."""

import math

import numpy as np
import pandas as pd
import pytest

from companion.plots import metrics
from companion.plots.split import split
from nircore.metrics.summary import interval
from tests.companion.plots import drawn

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("count", [1, 3, 200])
@pytest.mark.parametrize("half", [0.1, math.nan])
def test_before_and_after_draws_a_line_per_frame_and_the_effect(count, half):
    files, (before, after) = [f"{k}.tif" for k in range(count)], RNG.random((2, count))
    stages = zip(metrics.STAGES, (before, after), strict=True)
    table = pd.concat([pd.DataFrame({"file": files, "stage": stage, "entropy": values}) for stage, values in stages])
    change = (after - before).mean()
    effects = pd.DataFrame({"metric": ["entropy"], "unit": "bit", "difference": change, "low": change - half,
                            "high": change + half})  # fmt: skip
    (ax,) = metrics.before_and_after(table.sample(frac=1, random_state=1), effects, "entropy").axes
    assert sorted(tuple(line.get_ydata()) for line in ax.lines[:count]) == sorted(zip(before, after, strict=True))
    dashed, mean, interval = ax.lines[count:]
    assert list(dashed.get_ydata()) == pytest.approx([before.mean()] * 2)
    assert mean.get_ydata()[0] == pytest.approx(after.mean())
    assert list(interval.get_ydata()) == pytest.approx([after.mean() - half, after.mean() + half], nan_ok=True)
    assert ax.get_ylabel() == "entropy (bit)"
    assert ax.get_xlabel() == f"higher in {(after > before).sum()} of {count} frames"
    assert ("one group" in ax.get_title(loc="left")) == math.isnan(half)


def test_truth_draws_every_frame_and_each_methods_mean_with_its_interval_over_animals():
    rows = [
        {"file": f"{k}", "group": "aaabbb"[k], "method": method, "psnr": RNG.normal(25, 2), "ssim": RNG.random()}
        for method in ("low-light", "Gaussian", "enhanced")
        for k in range(6)
    ]
    scores = pd.DataFrame(rows)
    left, right = metrics.truth(scores).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["low-light", "Gaussian", "enhanced"]
    assert left.get_ylim()[0] > left.get_ylim()[1]  # the first method on top
    for ax, name in ((left, "psnr"), (right, "ssim")):
        for k, (_, own) in enumerate(scores.groupby("method", sort=False)):
            dots = ax.collections[k].get_offsets()
            assert list(dots[:, 0]) == pytest.approx(list(own[name])) and np.abs(dots[:, 1] - k).max() < 0.3
            mean, half = interval(own.groupby("group")[name].mean())
            assert drawn.means(ax)[k] == pytest.approx(mean)
            assert drawn.intervals(ax)[k] == pytest.approx((mean - half, mean + half))


def test_split_bars_are_the_counts():
    table = pd.DataFrame(
        [("train", "low_light", 70, 7), ("train", "target", 68, 7), ("validation", "low_light", 15, 2),
         ("validation", "target", 16, 2), ("test", "low_light", 14, 2)],
        columns=["split", "domain", "frames", "groups"],
    )  # fmt: skip
    (ax,) = split(table).axes
    assert [[bar.get_height() for bar in bars] for bars in ax.containers] == [[70, 15, 14], [68, 16]]
    assert [text.get_text() for text in ax.texts][:2] == ["70 / 7", "15 / 2"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["train", "validation", "test"]
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bars in ax.containers for bar in bars)
    assert all(one[1] < two[0] for one, two in zip(edges, edges[1:], strict=False))

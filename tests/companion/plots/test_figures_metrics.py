"""Every test frame is in the metric figures, and the means are the tables' means."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from companion.plots import metrics
from companion.plots.split import split
from nircore.errors import NircoreError
from nircore.metrics.summary import interval
from tests.companion.plots import drawn

RNG = np.random.default_rng(0)


def _values(count: int) -> pd.DataFrame:
    files = [f"{k}.tif" for k in range(count)]
    stages = [pd.DataFrame({"file": files, "stage": stage, "value": RNG.random(count)}) for stage in metrics.STAGES]
    return pd.concat(stages).sample(frac=1, random_state=1)


@pytest.mark.parametrize("count", [1, 3, 200])
def test_paired_draws_a_line_per_frame_and_the_effect(count):
    values = _values(count)
    table = values.pivot(index="file", columns="stage", values="value")
    change = (table["enhanced"] - table["low-light"]).mean()
    effect = {"difference": change, "low": change - 0.1, "high": change + 0.2}
    (ax,) = metrics.paired(values, "entropy", "bit", effect).axes
    drawn = sorted(tuple(line.get_ydata()) for line in ax.lines[:count])
    assert drawn == sorted(zip(table["low-light"], table["enhanced"], strict=True))
    before, mean, interval = ax.lines[count:]
    assert list(before.get_ydata()) == pytest.approx([table["low-light"].mean()] * 2)
    assert mean.get_ydata()[0] == pytest.approx(table["enhanced"].mean())
    assert list(interval.get_ydata()) == pytest.approx(
        list(table["low-light"].mean() + change + np.array([-0.1, 0.2]))
    )
    assert ax.get_ylabel() == "entropy (bit)"
    rising = (table["enhanced"] > table["low-light"]).sum()
    assert ax.get_xlabel() == f"higher in {rising} of {count} frames"


@pytest.mark.parametrize(
    ("effect", "title"),
    [
        ((0.5, 0.46, 0.54), "SNR +0.50 DN\n(95 % interval +0.46 to +0.54)"),
        ((-1234.5, -1500, -900), "SNR -1234 DN\n(95 % interval -1500 to -900)"),
        ((1e-5, -1e-6, 3e-5), "SNR +0.000010 DN\n(95 % interval -0.000001 to +0.000030)"),
        ((0.5, 0.5, 0.5), "SNR +0.5000 DN\n(95 % interval +0.5000 to +0.5000)"),
        ((0.5, math.nan, math.nan), "SNR +0.5 DN\n(one group: no interval)"),
    ],
)
def test_the_title_has_the_digits_that_the_interval_bears(effect, title):
    effect = dict(zip(("difference", "low", "high"), effect, strict=True))
    (ax,) = metrics.paired(_values(3), "SNR", "DN", effect).axes
    assert ax.get_title(loc="left") == title


def test_without_an_interval_none_is_drawn():
    effect = {"difference": 0.1, "low": math.nan, "high": math.nan}
    (ax,) = metrics.paired(_values(4), "SNR", "", effect).axes
    assert len(ax.lines) == 4 + 2 and ax.get_ylabel() == "SNR"


def _scores(count: int, **more) -> pd.DataFrame:
    rows = [
        {"file": f"{k}", "method": method, "psnr": RNG.normal(25, 2), "ssim": RNG.random()}
        for method in ("low-light", "Gaussian", "enhanced")
        for k in range(count)
    ]
    return pd.DataFrame(rows).assign(**more)


def test_truth_draws_every_frame_and_the_mean():
    scores = _scores(12)
    left, right = metrics.truth(scores).axes
    for ax, name in ((left, "psnr"), (right, "ssim")):
        for k, (_, rows) in enumerate(scores.groupby("method", sort=False)):
            dots = ax.collections[k].get_offsets()
            assert list(dots[:, 0]) == pytest.approx(list(rows[name]))
            assert np.abs(dots[:, 1] - k).max() < 0.3
            assert drawn.means(ax)[k] == pytest.approx(rows[name].mean())
    assert [label.get_text() for label in left.get_yticklabels()] == ["low-light", "Gaussian", "enhanced"]
    assert left.get_ylim()[0] > left.get_ylim()[1]  # the first method on top


def test_the_interval_is_students_and_over_groups_where_there_are_some():
    values = RNG.normal(size=9)
    mean, half = interval(values)
    wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean - half, mean + half) == pytest.approx((wanted.low, wanted.high))
    assert math.isnan(interval(values[:1])[1]) and math.isnan(interval([])[0])
    scores = _scores(6, group=["a", "a", "a", "b", "b", "b"] * 3)
    left, _ = metrics.truth(scores).axes
    groups = scores[scores["method"] == "Gaussian"].groupby("group")["psnr"].mean()
    low, high = drawn.intervals(left)[1]
    assert (high - low) / 2 == pytest.approx(interval(groups)[1])
    assert len(metrics.truth(_scores(1)).axes) == 2


def test_split_bars_are_the_counts():
    table = pd.DataFrame(
        [("train", "low_light", 70, 7), ("train", "target", 68, 7), ("validation", "low_light", 15, 2),
         ("validation", "target", 16, 2), ("test", "low_light", 14, 2)],
        columns=["split", "domain", "frames", "groups"],
    )  # fmt: skip
    (ax,) = split(table, "mice").axes
    assert [[bar.get_height() for bar in bars] for bars in ax.containers] == [[70, 15, 14], [68, 16]]
    assert [text.get_text() for text in ax.texts][:2] == ["70 / 7", "15 / 2"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["train", "validation", "test"]
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bars in ax.containers for bar in bars)
    assert all(one[1] < two[0] for one, two in zip(edges, edges[1:], strict=False))


def test_unhappy_tables():
    effect = {"difference": 0.0, "low": 0.0, "high": 0.0}
    one_stage = _values(3).query("stage == 'enhanced'")
    for match, draw in {
        "SNR figure has no rows": lambda: metrics.paired(_values(3)[:0], "SNR", "", effect),
        "SNR figure has no file with both": lambda: metrics.paired(one_stage, "SNR", "", effect),
        "truth figure lacks the column ssim": lambda: metrics.truth(_scores(2).drop(columns="ssim")),
        "truth figure has no rows": lambda: metrics.truth(_scores(2)[:0]),
        "split figure lacks": lambda: split(pd.DataFrame()),
    }.items():
        with pytest.raises(NircoreError, match=match):
            draw()
    twice = pd.concat([_values(2), _values(2)])
    with pytest.raises(NircoreError, match="SNR.*twice"):
        metrics.paired(twice, "SNR", "", effect)

"""Rank correlation against SciPy and against its own promises: range, order, coverage."""

import math

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import stats

from nircore.errors import NircoreError
from nircore.metrics.rank import FEWEST, spearman, within_scenes

RNG = np.random.default_rng(0)
SERIES = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=FEWEST, max_size=12)


def test_only_ranks_count():
    x, y = RNG.normal(size=(2, 9))
    assert spearman(np.exp(3 * x), y) == pytest.approx(spearman(x, y))
    assert spearman([1, 2, 3, math.inf], [1, 2, 3, 4]) == 1
    assert spearman([1, 2, math.nan, 3, 4], [1, 2, 0, 3, 4]) == 1
    assert math.isnan(spearman([1, 2, 3, math.nan], [1, 2, 3, 4]))


def test_the_mean_within_scenes_is_blind_to_what_differs_between_them():
    scenes = np.repeat(list("abcdef"), 7)
    x, y = RNG.normal(size=(2, 42))
    wanted = np.mean([stats.spearmanr(x[scenes == s], y[scenes == s]).statistic for s in "abcdef"])
    shift = np.repeat(100 * RNG.normal(size=6), 7)
    found, shifted = within_scenes(x, y, scenes), within_scenes(x + shift, y, scenes)
    assert found["rho"] == pytest.approx(wanted) and found["low"] <= found["rho"] <= found["high"]
    assert shifted == found and found["scenes"] == 6


@pytest.mark.parametrize("strength", [0.0, 0.6])
def test_the_interval_covers_the_truth(strength):
    """95 % are promised to within the error of 200 simulations (1.5 % SD) and the bootstrap's few per cent."""
    scenes, rng = np.repeat(np.arange(10), 7), np.random.default_rng(1)

    def simulate(images: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=images)
        return x, strength * x + rng.normal(size=images)

    truth = np.mean([stats.spearmanr(*simulate(7)).statistic for _ in range(2000)])
    found = [within_scenes(*simulate(70), scenes) for _ in range(200)]
    covered = np.mean([one["low"] <= truth <= one["high"] for one in found])
    assert 0.88 <= covered <= 0.99
    if strength == 0:  # an unrelated metric is seldom called related
        assert np.mean([one["low"] > 0 or one["high"] < 0 for one in found]) < 0.12


def test_too_little_gives_no_interval_and_no_rho():
    x, scenes = np.arange(12.0), np.repeat(list("abc"), 4)
    three = within_scenes(x, x, scenes)
    assert three["rho"] == 1 and three["scenes"] == 3 and math.isnan(three["low"]) and math.isnan(three["high"])
    short = within_scenes(x, x, np.repeat(list("abcd"), 3))
    assert short["scenes"] == 0 and math.isnan(short["rho"])
    constant = within_scenes(np.r_[x, np.zeros(4)], np.r_[x, x[:4]], np.repeat(list("abcd"), 4))
    assert constant["scenes"] == 3
    assert within_scenes([], [], [])["scenes"] == 0


def test_unhappy_shapes():
    with pytest.raises(NircoreError, match="one length"):
        spearman([1, 2, 3, 4], [1, 2, 3])
    with pytest.raises(NircoreError, match="one per image"):
        within_scenes([1, 2], [1, 2], ["a"])

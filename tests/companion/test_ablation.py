"""What a part is worth: differences seed by seed, and intervals over seeds."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from companion.study.recipes import PARTS as COLUMNS
from companion.study.recipes import SCORES, without_each, worth

PARTS = {"a part": "without", "all": "bare"}
MEANS = {"whole": 30.0, "without": 29.0, "bare": 31.0}


def table(seeds: int = 3, noise: float = 0.1) -> pd.DataFrame:
    """Scores in which seeds and frames shift all methods alike; only `noise` differs."""
    rng, rows = np.random.default_rng(0), []
    for seed in range(seeds):
        for frame in range(4):
            for method, mean in MEANS.items():
                value = mean + 5 * seed - 3 * frame + noise * rng.normal()
                rows.append({"method": method, "seed": seed, "file": f"f{frame}"} | dict.fromkeys(SCORES, value))
    return pd.DataFrame(rows)


def test_worth_is_the_mean_difference_with_students_interval_over_seeds():
    scores = table()
    made = worth(scores, "whole", PARTS).set_index("part")
    assert list(made.index) == ["nothing", "a part", "all"] and tuple(made.reset_index().columns) == COLUMNS
    means = scores.groupby(["seed", "method"])["psnr"].mean().unstack()
    gains = means["whole"] - means["without"]
    low, high = stats.t.interval(0.95, 2, gains.mean(), stats.sem(gains))
    row = made.loc["a part"]
    assert (row["psnr_worth"], row["psnr_low"], row["psnr_high"]) == pytest.approx((gains.mean(), low, high))
    assert row["psnr_low"] > 0.5 and made.loc["all", "psnr_high"] < -0.5  # though seeds differ by 5
    assert row["seeds"] == 3 and row["frames"] == 4


def test_the_whole_has_scores_and_no_worth_and_one_seed_no_interval():
    made = worth(table(seeds=1), "whole", PARTS).set_index("part")
    assert math.isnan(made.loc["nothing", "psnr_worth"]) and made.loc["nothing", "psnr"] > 0
    assert math.isfinite(made.loc["a part", "psnr_worth"]) and math.isnan(made.loc["a part", "psnr_low"])


def test_each_term_is_left_out_once():
    made = without_each({"x": 10.0, "y": 0.5, "z": 1.0})
    assert made == {"x": "y=0.5 z=1", "y": "x=10 z=1", "z": "x=10 y=0.5"}

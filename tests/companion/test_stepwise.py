"""What stands beside the frames of the steps, and what a mean is a share of."""

from types import SimpleNamespace

import numpy as np
import pytest

from companion.study import image_metrics, stepwise
from nircore.metrics import with_truth


def test_the_decibels_beside_a_frame_are_its_own():
    rng = np.random.default_rng(0)
    truth, valid = rng.random((32, 32)) * 100, np.ones((32, 32), dtype=bool)
    image = truth + rng.normal(0, 5, truth.shape)
    said = stepwise._said(image, (truth, valid))
    assert float(said.removeprefix(", ").removesuffix(" dB")) == pytest.approx(
        with_truth.score(image, truth, valid)["psnr"], abs=0.05
    )
    assert stepwise._said(image, None) == ""


def test_full_scale_is_where_the_sensor_saturates_above_its_dark():
    run = SimpleNamespace(config=SimpleNamespace(dataset="phantom"))
    assert image_metrics._full_scale(run, np.full((4, 4), 3790.0)) == 1
    assert np.isnan(image_metrics._full_scale(SimpleNamespace(config=SimpleNamespace(dataset="folder")), np.ones(4)))

"""Detail kept and detail invented: what smoothing loses and what a fancy adds, apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from nircore.errors import NircoreError
from nircore.metrics.detail import BANDS, detail

widths = pytest.mark.parametrize("width", BANDS)


def vessels(seed: int = 0) -> np.ndarray:
    """Lines of some pixels' width on a dark field, (96, 96) in DN."""
    rng, image = np.random.default_rng(seed), np.zeros((96, 96))
    for row, column in rng.integers(8, 88, (8, 2)):
        image[row : row + 3] += 20
        image[:, column : column + 5] += 10
    return image


@widths
@given(share=st.floats(0.05, 3), offset=st.floats(-100, 100))
def test_what_is_scaled_is_kept_by_that_share_and_all_real(width, share, offset):
    found = detail(share * vessels() + offset, vessels(), width)
    assert found["kept"] == pytest.approx(share, rel=1e-6) and found["real"] == pytest.approx(1)


def test_smoothing_loses_fine_detail_first_and_invents_nothing():
    truth = vessels()
    fine, coarse = (detail(gaussian_filter(truth, 2.0), truth, width) for width in BANDS)
    assert fine["kept"] < 0.5 < coarse["kept"] < 1
    assert fine["real"] > 0.8


def test_vessels_that_are_not_there_are_kept_detail_and_not_real():
    """Planted: an inventor keeps all there is and draws as much again elsewhere."""
    truth = np.zeros((128, 128))
    truth[20:60:10] = 20
    invented = truth.copy()
    invented[80:120:10] = 20
    honest, inventor = detail(truth, truth, "fine"), detail(invented, truth, "fine")
    assert inventor["kept"] == pytest.approx(honest["kept"], abs=0.05)
    assert inventor["real"] < honest["real"] - 0.2


def test_what_is_not_known_does_not_count():
    truth, valid = vessels(), np.ones((96, 96), dtype=bool)
    valid[:, 60:] = False
    spoilt = np.where(valid, truth, 200 * np.random.default_rng(1).normal(size=truth.shape))
    found = detail(np.where(valid, truth, 0), np.where(valid, truth, 0), "fine", valid)
    assert detail(spoilt, np.where(valid, truth, 0), "fine", valid)["kept"] == pytest.approx(found["kept"], abs=0.05)


@pytest.mark.parametrize(
    ("width", "valid", "words"),
    [("broad", None, "width='broad' is unknown"), ("fine", np.eye(96, dtype=bool), "no pixel 6 px from an invalid")],
)
def test_what_cannot_be_measured_is_said(width, valid, words):
    with pytest.raises(NircoreError, match=words):
        detail(vessels(), vessels(), width, valid)

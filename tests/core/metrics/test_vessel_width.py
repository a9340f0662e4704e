"""Vessel widths against Gaussian lines of known width, at places the truth alone chooses."""

import math

import numpy as np
import pytest

from nircore.metrics.vessel_width import crossings, relative_width, width

Y, X = np.mgrid[:160, :160].astype(float)


def line(angle: float, sigma: float, peak: float = 100.0) -> np.ndarray:
    """A straight vessel through the middle at an angle in degrees, on a ground of 10."""
    a = math.radians(angle)
    across = (Y - 80) * math.cos(a) - (X - 80) * math.sin(a)
    return 10 + peak * np.exp(-(across**2) / (2 * sigma**2))


@pytest.mark.parametrize("angle", [0, 30, 45, 90, 115])
@pytest.mark.parametrize("sigma", [2.0, 3.5])
def test_a_gaussian_vessel_has_the_width_of_a_gaussian_at_any_angle(angle, sigma):
    truth = line(angle, sigma)
    places = crossings(truth, truth > 60)
    assert len(places) >= 5
    for one in places:
        a = math.radians(angle)
        across = one.across_row * math.cos(a) - one.across_column * math.sin(a)
        assert abs(across) > 0.99 and math.hypot(one.across_row, one.across_column) == pytest.approx(1)
        assert width(truth, one) == pytest.approx(2 * math.sqrt(2 * math.log(2)) * sigma, rel=0.06)


def test_a_blurred_vessel_is_wider_by_the_known_factor_whatever_offset_and_gain():
    truth, blurred = line(20, 2.0), line(20, 3.0)
    places = crossings(truth, truth > 60)
    assert relative_width(truth, places) == (1, 1)
    assert relative_width(7 * blurred + 1000, places).width == pytest.approx(1.5, rel=0.05)


def test_a_flat_image_has_no_width_and_a_flat_truth_no_places():
    truth = line(0, 2.0)
    places = crossings(truth, truth > 60)
    flat = relative_width(np.full_like(truth, 5.0), places)
    assert math.isnan(flat.width) and flat.measured == 0
    assert all(map(math.isnan, relative_width(truth, [])))
    assert crossings(np.full_like(truth, 5.0), truth > 60) == []


def test_another_vessel_beside_an_erased_one_is_not_measured():
    """Planted: the vessel is gone and a bright bar runs 9 px beside it; its width is not the vessel's."""
    truth = line(0, 2.0)
    places = crossings(truth, truth > 60)
    beside = np.roll(truth, 9, axis=int(abs(places[0].across_column) > 0.5))
    assert relative_width(truth, places).measured == 1
    assert relative_width(beside, places).measured == 0

"""A camera's gain, read noise and straight range, read off frames of which they are known."""

from itertools import pairwise

import numpy as np
import pytest

from companion.plots import camera as camera_figures
from companion.study import photon_transfer
from nircore.data import camera

EXPOSURES = (0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256)


def board(exposures=EXPOSURES, **sensor) -> dict[float, np.ndarray]:
    """Frames of a lit board of uneven brightness, in DN above the dark."""
    y, x = np.mgrid[:320, :256]
    rate = 30_000 * (0.15 + x / 256 + 0.3 * np.sin(y / 25) ** 2)
    own, rng = camera.Sensor(**sensor), np.random.default_rng(0)
    return {t: camera.expose(rate, t, rng, own) - camera.dark_level(t, rate.shape, own) for t in exposures}


@pytest.mark.parametrize("gain", [1.2, 2.4, 4.0])
def test_gain_and_read_noise_are_those_of_the_sensor(gain):
    points = photon_transfer.points(board(gain_e_per_dn=gain, read_noise_dn=9.0))
    for common in (False, True):
        found = photon_transfer.transfer(points, common)
        assert abs(found.gain_e_per_dn - gain) < 3 * found.gain_error + 0.04 * gain
        assert found.gain_error < 0.1 * gain
        assert found.read_noise_dn == pytest.approx(9.0, rel=0.06)


def test_sensitivity_that_varies_from_pixel_to_pixel_is_not_taken_for_light():
    """Planted: 3 % from pixel to pixel, which at 1200 DN is three times the photon noise."""
    found = photon_transfer.transfer(photon_transfer.points(board(response_sd=0.03)))
    assert found.gain_e_per_dn == pytest.approx(camera.Sensor().gain_e_per_dn, rel=0.12)


def test_a_response_is_straight_up_to_where_it_was_bent():
    series = {t: np.where(signal > 1500, 1500 + 0.5 * (signal - 1500), signal) for t, signal in board().items()}
    straight = photon_transfer.straight_to(photon_transfer.response(board()))
    bent = photon_transfer.straight_to(photon_transfer.response(series))
    assert 1400 < bent < 1750 and straight > 2500


def test_labels_of_the_picture_s_axes_do_not_overlap():
    series = board()
    points = photon_transfer.points(series)
    figure = camera_figures.photon_transfer(points, photon_transfer.response(series), 2.35, 11.6)
    figure.draw_without_rendering()
    for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis, figure.axes[1].xaxis):
        shown = [label.get_window_extent() for label in axis.get_ticklabels(which="both") if label.get_text()]
        assert len(shown) >= 2 and not any(one.overlaps(two) for one, two in pairwise(shown))


def test_the_camera_of_the_real_set_is_the_one_the_references_assume(swir_hdr):
    """Two boards, hundreds of times apart in exposure: 2.2 to 2.7 e-/DN, straight to 1800 DN at the least."""
    for kind in ("reflectance", "checker"):
        found = photon_transfer.transfer(photon_transfer.points(photon_transfer.load(swir_hdr, kind)))
        assert 2.0 < found.gain_e_per_dn < 2.8 and 10 < found.read_noise_dn < 14
    assert photon_transfer.straight_to(photon_transfer.response(photon_transfer.load(swir_hdr, "reflectance"))) > 1800

"""What is said of the models that ship: gains by animal, turned copies, and rivals that know more than the frame."""

import numpy as np
import pandas as pd
import pytest

from companion.study import general, pace, synthetic
from nircore.data.degraded import coloured


def test_gains_are_by_animal_and_the_least_of_its_scenes():
    rows = [
        {"fold": fold, "method": method, "scene": f"{fold}_{band}", "filter": band, "group": fold, "merged_ssim": 0.9}
        | {"merged_psnr": 30.0 + (gain if method == "best" else 0)}
        for fold, gains in (("A", (1.0, 2.0)), ("B", (-0.5, 0.5)))
        for band, gain in zip(("BP1150", "BP1200"), gains, strict=True)
        for method in ("best", synthetic.BM3D)
    ]
    found = general.by_animal(pd.DataFrame(rows)).set_index(["fold", "method"])
    assert found.loc[("A", "best"), "over_bm3d"] == pytest.approx(1.5)
    assert found.loc[("A", "best"), "least_over_bm3d"] == pytest.approx(1.0)
    assert found.loc[("B", "best"), "least_over_bm3d"] == pytest.approx(-0.5)
    assert found.loc[("B", synthetic.BM3D), "over_bm3d"] == 0


def test_three_animals_get_their_own_numbers_a_wide_interval_and_the_p_that_three_can_show():
    """Gains of 1, 2 and 3 dB: Student's interval of three is 2.48 dB wide on each side, and no p is below .25."""
    rows = [
        {"fold": fold, "method": method, "scene": fold, "filter": "BP1150", "group": fold, "merged_ssim": 0.9}
        | {"merged_psnr": 30.0 + (gain if method == "best" else 0)}
        for fold, gain in {"A": 1.0, "B": 2.0, "C": 3.0}.items()
        for method in ("best", synthetic.BM3D)
    ]
    found = general.over_animals(pd.DataFrame(rows)).set_index("method").loc["best"]
    assert list(found[["A", "B", "C"]]) == ["+1.00", "+2.00", "+3.00"] and found["p"] == "0.25"
    assert found["mean (95 %, n = 3)"] == "+2.00 (-0.48 to +4.48)"


def test_turned_copies_come_back_to_their_place():
    frame = np.random.default_rng(0).random((20, 30))
    np.testing.assert_allclose(general.turned(lambda one: one)(frame), frame)
    shifted = general.turned(lambda one: np.roll(one, 1, axis=0))(frame)  # what is odd in a direction is averaged out
    around = sum(np.roll(frame, step, axis) for step in (-1, 1) for axis in (0, 1)) / 4
    np.testing.assert_allclose(shifted, around)


@pytest.mark.parametrize("sigma", [sigma for sigma in synthetic.COLOURS if sigma])
def test_noise_correlates_as_its_colour_says_and_the_spectrum_is_its_own(sigma):
    noise = coloured(np.random.default_rng(0).normal(0, 1, (256, 256)), sigma)
    assert (noise[:, 1:] * noise[:, :-1]).mean() == pytest.approx(synthetic.COLOURS[sigma], abs=0.04)
    spectrum = synthetic.Camera(28.0, 2.35, 16, 5.0, sigma).spectrum(noise.shape)
    power, strong = np.abs(np.fft.fft2(noise)) ** 2 / noise.size, spectrum > 0.1
    assert (power / spectrum)[strong].mean() == pytest.approx(1, rel=0.05) and spectrum.mean() == pytest.approx(1)


def test_the_steps_of_a_frame_and_of_a_movie_are_timed():
    steps = pace.of_steps(1)
    assert set(steps["every"]) == {"frame", "frame, on request", "movie"} and (steps["ms"] > 0).all()

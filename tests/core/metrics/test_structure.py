"""Overlap of masks and of centre-lines against closed forms and scipy; the vessel rule on a phantom."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import dice as dissimilarity

from nircore.errors import NircoreError
from nircore.metrics.structure import cl_dice, dice, vessel_mask

MASKS = arrays(bool, (8, 9))


def blank(shape: tuple[int, int] = (60, 60)) -> np.ndarray:
    return np.zeros(shape, dtype=bool)


def vessel(row: int, start: int = 5, stop: int = 55, half: int = 2) -> np.ndarray:
    """A straight horizontal vessel, 2 half + 1 px thick."""
    mask = blank()
    mask[row - half : row + half + 1, start:stop] = True
    return mask


@given(MASKS, MASKS)
def test_dice_agrees_with_scipy(mask, truth):
    if mask.any() or truth.any():
        assert dice(mask, truth) == pytest.approx(1 - dissimilarity(mask.ravel(), truth.ravel()))


@pytest.mark.parametrize(("shift", "expected"), [(0, 1.0), (1, 0.8), (4, 0.2), (5, 0.0)])
def test_dice_of_a_vessel_moved_sideways(shift, expected):
    assert dice(vessel(30), vessel(30 + shift)) == pytest.approx(expected)  # 5 - shift of 5 rows are common


@pytest.mark.parametrize("score", [dice, cl_dice])
@settings(max_examples=40)
@given(mask=MASKS, truth=MASKS)
def test_scores_are_symmetric_bounded_and_one_for_equal_masks(score, mask, truth):
    assert 0 <= score(mask, truth) <= 1
    assert score(mask, truth) == pytest.approx(score(truth, mask))
    assert score(mask, mask) == 1


@pytest.mark.parametrize("score", [dice, cl_dice])
def test_masks_without_a_pixel(score):
    assert score(blank(), blank()) == 1
    assert score(vessel(30), blank()) == score(blank(), vessel(30)) == 0


def test_cl_dice_sees_the_tree_not_its_thickness():
    thin, thick = vessel(30, half=1), vessel(30, half=3)
    assert cl_dice(thin, thick) > 0.97 and dice(thin, thick) == pytest.approx(2 * 3 / (3 + 7))


def test_cl_dice_punishes_a_break_that_dice_hardly_sees():
    whole = vessel(30, half=5)
    noisy = whole.copy()
    noisy[30 - 2 : 30 + 3, 20:40] = False  # hollow: the centre is gone, the walls are there
    assert cl_dice(noisy, whole) < dice(noisy, whole) - 0.1


def tree() -> tuple[np.ndarray, np.ndarray]:
    """Bright lines on a dim even ground, blurred; and where they are."""
    lines = vessel(15, half=1) | vessel(40, half=1) | vessel(30, half=1).T
    return 20 + 100 * gaussian_filter(lines.astype(float), 1.0), lines


def test_planted_vessels_are_found():
    image, lines = tree()
    assert cl_dice(vessel_mask(image), lines) > 0.97
    assert dice(vessel_mask(image, (1.0,)), lines) > 0.9  # with wider radii the mask is wider than such a vessel


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-2, 1e3), st.floats(-200, 2000), st.integers(0, 99))
def test_gain_and_offset_do_not_move_the_mask(gain, offset, seed):
    image = tree()[0] + np.random.default_rng(seed).normal(0, 2, (60, 60))
    changed = vessel_mask(gain * image + offset * gain)
    assert dice(changed, vessel_mask(image)) > 0.99


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dice(np.ones((4, 4)), blank()), "mask has dtype float64"),
        (lambda: dice(blank(), np.zeros(4, dtype=bool)), "truth has dtype bool and shape"),
        (lambda: cl_dice(blank(), blank((4, 4))), "compare equal sizes"),
        (lambda: vessel_mask(np.ones((8, 8)), ()), "one or more vessel radii"),
        (lambda: vessel_mask(np.ones((8, 8)), (1, 0)), "above 0 px"),
        (lambda: vessel_mask(np.full((8, 8), np.nan)), "NaN"),
    ],
)
def test_errors_name_the_way_out(call, words):
    with pytest.raises(NircoreError, match=words):
        call()

"""A shift of the whole field, and parts that move, are found and followed; nothing else is taken for one."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from nircore.data.movies import Movie, _moved
from nircore.data.stabilise import Stabilisation
from nircore.inference import motion, temporal

NOISE = Stabilisation(0.0, 2.35, 11.6)
SHAPE = (160, 128)


def after(movie: Movie, count: int) -> temporal.Recursion:
    """A recursion that has taken the first frames of a movie."""
    recursion = temporal.Recursion(NOISE)
    for index in range(count):
        recursion.take(movie.noisy(index))
    return recursion


def image(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))[None, None]


@pytest.mark.parametrize("shift", [(5.3, -8.7), (0.4, 0.0), (-12.2, 3.5)])
def test_a_shift_is_found_to_a_tenth_of_a_pixel(shift):
    still = Movie("still", 3, shape=SHAPE, light=4).still
    noise = np.random.default_rng(0).normal(0, 3, SHAPE)
    found = motion.shift_of(image(still), image(_moved(still, *shift) + noise), 9.0)
    np.testing.assert_allclose(found, shift, atol=0.1)


def test_moved_content_is_where_it_belongs_and_noise_keeps_its_size():
    still = gaussian_filter(Movie("still", 3, shape=SHAPE).still, 1.0)
    inner = (slice(20, -20),) * 2
    there = motion.moved(image(still), 3.3, -2.6)[0, 0].numpy()
    np.testing.assert_allclose(there[inner], _moved(still, 3.3, -2.6)[inner], atol=1.0)
    assert there[inner].mean() == pytest.approx(_moved(still, 3.3, -2.6)[inner].mean(), rel=1e-3)
    noise = motion.moved(torch.randn(1, 1, 128, 128, generator=torch.manual_seed(0)), 0.5, 0.25)
    assert float(noise[..., 8:-8, 8:-8].var()) > 0.75


def test_on_a_still_scene_next_to_nothing_is_changed(monkeypatch):
    frames = [Movie("still", 3, shape=SHAPE).noisy(index) for index in range(20)]
    ones = [temporal.Recursion(NOISE) for _ in range(2)]
    with_motion = [ones[0](frame)[0] for frame in frames]
    monkeypatch.setattr(motion, "flow", lambda *images: None)
    monkeypatch.setattr(temporal, "SHAKEN", 2.0)
    without = [ones[1](frame)[0] for frame in frames]
    assert np.std(with_motion[-1] - without[-1]) < 0.1  # a hundredth of one frame's noise


def test_after_a_jump_the_past_is_kept_and_borders_are_the_frame():
    movie = Movie("jump", 3, 40, SHAPE)
    recursion, frame = after(movie, movie.half), movie.noisy(movie.half)
    light, variance = recursion(frame)
    assert np.median(variance) < 0.3
    np.testing.assert_allclose(light[:8], frame[:8], atol=1e-3)
    np.testing.assert_allclose(light[:, -12:], frame[:, -12:], atol=1e-3)
    clean = movie.clean(movie.half)
    assert np.std(light - clean) < 0.6 * np.std(frame - clean)
    assert light.mean() == pytest.approx(clean.mean(), rel=0.02)


@pytest.mark.parametrize("seed", [2, 3])
def test_a_cut_is_not_followed_and_begins_anew(seed):
    movie = Movie("cut", seed, 24, SHAPE)
    recursion, frame = after(movie, movie.half), movie.noisy(movie.half)
    light, variance = recursion(frame)
    np.testing.assert_allclose(light, frame, atol=1e-4)
    assert (variance == 1).all()


def test_what_breathes_is_followed():
    movie = Movie("breathing", 2, 40, (256, 208))
    recursion = temporal.Recursion(NOISE)
    left = gone = 0.0
    for index in range(40):
        light, _ = recursion(movie.noisy(index))
        if index >= 24:
            now, went = movie.clean(index), movie.clean(index - 1) - movie.clean(index)
            left, gone = left + float(((light - now) * went).sum()), gone + float((went**2).sum())
    assert left / gone < 0.3

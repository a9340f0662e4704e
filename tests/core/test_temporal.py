"""Frames over time: noise falls where nothing changes, and what changes is followed."""

import numpy as np
import pytest

from nircore.data.movies import KINDS, Movie
from nircore.data.stabilise import Stabilisation
from nircore.inference.fused import BLOCK, fuse, stabilised
from nircore.inference.temporal import LONGEST, Recursion

NOISE = Stabilisation(100.0, 2.35, 11.6)
SHAPE = (96, 80)


def frames(count: int, light: float = 60.0, shape: tuple[int, int] = SHAPE, seed: int = 0) -> list[np.ndarray]:
    """A still, smooth scene on a pedestal of 100 DN with photon and read noise."""
    rng = np.random.default_rng(seed)
    scene = light * np.outer(np.hanning(shape[0]), np.hanning(shape[1]))
    return [
        (rng.poisson(scene * 2.35) / 2.35 + rng.normal(0, 11.6, shape) + 100).astype(np.float32) for _ in range(count)
    ]


def run(movie: list[np.ndarray], both: bool = False, noise: Stabilisation = NOISE) -> list[tuple]:
    return list(fuse(movie.__getitem__, len(movie), noise, both))


def error(light: np.ndarray, expected: np.ndarray) -> float:
    return float(np.sqrt(np.mean((light - expected) ** 2)))


def test_the_first_frame_is_itself_and_its_map_is_that_of_one_frame():
    (light, variance), *_ = run(frames(3))
    np.testing.assert_array_equal(variance, 1)
    np.testing.assert_allclose(light, frames(3)[0], rtol=1e-6)
    assert stabilised(NOISE, light, variance) is NOISE


def test_on_a_still_scene_noise_falls_nearly_as_the_mean_of_sixteen_and_the_variance_says_so():
    movie = frames(30)
    scene = np.mean(frames(400, seed=1), axis=0)
    light, variance = run(movie)[-1]
    assert error(light, scene) < 1.35 * 12.5 / 4
    assert 1 / 16 <= variance.mean() < 0.11
    inner, _ = run(movie, both=True)[15]
    assert error(inner, scene) < 0.85 * error(run(movie)[15][0], scene)


def test_light_is_conserved():
    movie = frames(60)
    lights = np.array([light for light, _ in run(movie)])
    expected = np.array([np.mean(movie[max(0, k - 15) : k + 1]) for k in range(60)])
    assert abs(lights[20:].mean() / expected[20:].mean() - 1) < 1e-4


def test_a_fused_map_undoes_itself_and_gives_noise_one_size():
    variance = np.full(SHAPE, 0.25, np.float32)
    light = np.linspace(90, 900, SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE)
    fit = stabilised(NOISE, light, variance)
    np.testing.assert_allclose(fit.invert(fit.apply(light)), light + 0.25 * 0.25 / 2.35, rtol=1e-5)
    noisy = np.mean(frames(4), axis=0)
    scene = np.mean(frames(400, seed=1), axis=0)
    assert np.std(fit.apply(noisy) - fit.apply(scene.astype(np.float32))) == pytest.approx(0.1, rel=0.1)


def test_the_order_of_the_frames_matters_forwards_alone():
    """Both ways, a movie played backwards gives the same frames backwards, to what the gates decide otherwise."""
    movie = frames(12)
    there = [light for light, _ in run(movie, both=True)]
    back = [light for light, _ in run(movie[::-1], both=True)][::-1]
    assert np.std(np.array(there) - np.array(back)) < 1.2  # a tenth of the noise of one frame
    forward = [light for light, _ in run(movie)]
    assert error(forward[0], there[0]) > 5


@pytest.mark.parametrize("kind", ["cut", "jump"])
def test_what_is_new_is_there_at_once(kind):
    movie = Movie(kind, 3, 20, (160, 128))
    noise = Stabilisation(0.0, 2.35, 11.6)
    results = run([movie.noisy(index) for index in range(20)], noise=noise)
    new, gone = movie.clean(10), movie.clean(9) - movie.clean(10)
    changed = np.abs(gone) > 40
    assert changed.sum() > 30
    for index, most in ((10, 0.1), (13, 0.05)):  # shares of the old scene, at once and later
        left = (results[index][0] - new) * np.sign(gone)
        assert abs(left[changed].mean()) < most * np.abs(gone[changed]).mean()


def test_a_flicker_of_the_whole_frame_is_followed():
    movie = Movie("flicker", 3, 24, (160, 128))
    results = run([movie.noisy(index) for index in range(24)], noise=Stabilisation(0.0, 2.35, 11.6))
    for index in (20, 21, 22, 23):
        clean = movie.clean(index)
        assert results[index][0].sum() / clean.sum() == pytest.approx(1, abs=0.03)
        assert results[index][1].mean() < 0.2


@pytest.mark.parametrize("shape", [(16, 16), (33, 47), (64, 81)])
def test_any_size_comes_back_as_it_was(shape):
    for light, variance in run(frames(3, shape=shape), both=True):
        assert light.shape == variance.shape == shape and light.dtype == np.float32
        assert np.isfinite(light).all() and (variance > 0).all() and (variance <= 1).all()


@pytest.mark.parametrize("count", [1, 2])
def test_short_movies_are_movies(count):
    assert len(run(frames(count), both=True)) == count


def test_frames_of_another_size_begin_anew():
    recursion = Recursion(NOISE)
    recursion(frames(1)[0])
    light, variance = recursion(frames(1, shape=(64, 64))[0])
    assert light.shape == (64, 64) and (variance == 1).all()


def test_blank_frames_do_no_harm():
    movie = [np.full(SHAPE, 100, np.float32)] * 3
    assert all(np.isfinite(light).all() for light, _ in run(movie))


def test_few_futures_are_kept_however_long_the_movie():
    asked = []

    def frame(index):
        asked.append(index)
        return frames(1, shape=(16, 16), seed=index)[0]

    total = 3 * BLOCK
    results = fuse(frame, total, NOISE, both=True)
    next(results)
    assert max(asked) < BLOCK + 2 * LONGEST + 1
    assert len(list(results)) == total - 1 and len(asked) < 4 * total


@pytest.mark.parametrize("kind", KINDS)
def test_a_phantom_movie_is_the_same_again_and_its_noise_is_the_cameras(kind):
    one, other = Movie(kind, 5, 12, (96, 80)), Movie(kind, 5, 12, (96, 80))
    np.testing.assert_array_equal(one.noisy(7), other.noisy(7))
    clean, noisy = one.clean(7), one.noisy(7)
    assert clean.shape == noisy.shape == (96, 80) and np.isfinite(noisy).all() and clean.min() > -5
    expected = np.sqrt(np.mean(clean.clip(0) / 2.35 + 11.6**2 + (1.5**2 if kind == "pattern" else 0)))
    assert np.std(noisy - clean) == pytest.approx(expected, rel=0.05)
    changes = np.abs(one.clean(7) - one.clean(3)).max()
    assert (changes > 0.5) == (kind not in ("still", "pattern", "bolus"))  # the bolus comes later

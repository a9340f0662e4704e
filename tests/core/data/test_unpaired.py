"""Random crops: of the right frames, in the right eight orientations, from the step and the seed alone."""

import itertools
import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nircore.data.crops import UnpairedCrops


def distinct(height: int, width: int, first: int = 0) -> np.ndarray:
    """A frame in which no two pixels are equal, within [-1, 1]."""
    values = np.arange(first, first + height * width, dtype=np.float32).reshape(height, width)
    return values / 10_000


def orientations(square: np.ndarray) -> list[np.ndarray]:
    """The eight ways to lay a square down, written out as index permutations."""
    plain = [square, square[::-1], square[:, ::-1], square[::-1, ::-1]]
    return plain + [way.T for way in plain]


def windows(frame: np.ndarray, crop: int) -> dict[bytes, tuple[int, int, int]]:
    """Every crop there is, as bytes: its row, its column and its orientation."""
    return {
        np.ascontiguousarray(way).tobytes(): (row, column, k)
        for row in range(frame.shape[0] - crop + 1)
        for column in range(frame.shape[1] - crop + 1)
        for k, way in enumerate(orientations(frame[row : row + crop, column : column + crop]))
    }


def key(crop: torch.Tensor) -> bytes:
    """A crop as `windows` knows it."""
    return np.ascontiguousarray(crop.numpy()).tobytes()


def chi_square(counts: list[int]) -> float:
    """Pearson's statistic against equal shares."""
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)


def test_every_crop_is_a_window_in_one_of_eight_orientations_all_equally_often():
    a, b = distinct(9, 7), distinct(6, 8, first=1000)
    known = [windows(frame, 4) for frame in (a, b)]
    assert [len(one) for one in known] == [6 * 4 * 8, 3 * 5 * 8]
    crops = UnpairedCrops([a], [b], crop=4, batch=2, seed=3)
    batches = [crops.at(step) for step in range(1500)]
    found = [[known[k][key(crop[0])] for batch in batches for crop in batch[k]] for k in (0, 1)]
    for places, (rows, columns) in zip(found, [(6, 4), (3, 5)], strict=True):
        assert len(places) == 3000
        by_orientation = [sum(place[2] == k for place in places) for k in range(8)]
        assert chi_square(by_orientation) < 24.3  # 7 degrees of freedom, p = 0.001
        by_window = [
            sum(place[:2] == window for place in places) for window in itertools.product(range(rows), range(columns))
        ]
        assert chi_square(by_window) < rows * columns + 5 * math.sqrt(2 * rows * columns)
    for k in range(3):  # row, column and orientation of the two domains have nothing to do with each other
        one, other = ([place[k] for place in places] for places in found)
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.08


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(0, 10**10))
def test_a_batch_is_a_function_of_step_and_seed_only(seed, step):
    frames = [distinct(12, 10), distinct(11, 14, first=500)]
    make = lambda seed: UnpairedCrops(frames, frames[::-1], crop=8, batch=3, seed=seed)  # noqa: E731
    crops = make(seed)
    first = crops.at(step)
    for other in (step + 1, 0, step + 2):
        crops.at(other)
    np.random.seed(step % 1000)
    torch.manual_seed(step % 1000)
    for one, again, anew in zip(first, crops.at(step), make(seed).at(step), strict=True):
        assert torch.equal(one, again)
        assert torch.equal(one, anew)


def test_low_light_is_not_clipped_and_a_target_is_no_brighter_than_a_tanh():
    frame = np.array([[-3.0, -1.0, -0.25, 0.5], [1.0, 1.5, 0.0, 9.0]] * 2, dtype=np.float32)
    a, b = UnpairedCrops([frame], [frame], crop=4).at(0)
    assert sorted(a.ravel().tolist()) == sorted(frame.ravel().tolist())
    assert sorted(b.ravel().tolist()) == sorted(frame.clip(-1, 1).ravel().tolist())

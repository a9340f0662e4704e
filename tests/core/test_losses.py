"""The terms of the objective against closed forms and formulas written out; the pool against what it promises."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nircore.losses import ImagePool, adversarial

LOGITS = arrays(np.float64, (2, 1, 3, 4), elements=st.floats(-20, 20))


def probability(logits: np.ndarray) -> np.ndarray:
    """D, as the paper writes it."""
    return 1 / (1 + np.exp(-logits))


@settings(deadline=None)
@given(LOGITS)
def test_bce_is_the_papers_log_likelihood(logits):
    d = probability(logits)
    tensor = torch.from_numpy(logits)
    assert adversarial(tensor, real=True).item() == pytest.approx(np.mean(-np.log(d)), rel=1e-9, abs=1e-12)
    fake = np.mean(np.log1p(np.exp(logits)))  # -log(1 - D) without cancellation
    assert adversarial(tensor, real=False).item() == pytest.approx(fake, rel=1e-9, abs=1e-12)


def numbered(first: int, count: int = 1) -> torch.Tensor:
    """Images (count, 1, 2, 2) that can be told apart."""
    return torch.arange(first, first + count, dtype=torch.float32)[:, None, None, None].expand(-1, 1, 2, 2)


def names(images: torch.Tensor | list[torch.Tensor]) -> list[int]:
    """The numbers of images, checking that each is whole."""
    assert all((image == image.flatten()[0]).all() for image in images)
    return [int(image.flatten()[0]) for image in images]


def queries(size: int, batches: list[int], seed: int = 0) -> tuple[ImagePool, list[tuple[list[int], list[int]]]]:
    """A pool after some batches, with what went in and came out each time."""
    pool, rng, first, log = ImagePool(size), torch.Generator().manual_seed(seed), 0, []
    for count in batches:
        log.append((list(range(first, first + count)), names(pool.query(numbered(first, count), rng))))
        first += count
    return pool, log


@settings(deadline=None)
@given(st.integers(0, 5), st.lists(st.integers(1, 4), max_size=12), st.integers(0, 99))
def test_nothing_is_lost_or_made_up(size, batches, seed):
    pool, log = queries(size, batches, seed)
    given_ = [name for given, _ in log for name in given]
    returned = [name for _, returned in log for name in returned]
    kept = names(pool.images)
    assert len(kept) == min(size, len(given_))
    assert returned[:size] == given_[:size]  # while it fills, each image goes on as it came
    # once full it only exchanges: every later image is either out or still kept, and none is there twice
    assert sorted(returned[size:] + kept) == given_ if len(given_) >= size else kept == given_
    assert all(name <= max(given) for given, returned in log for name in returned)


def test_the_draw_comes_from_the_callers_generator():
    torch.manual_seed(1)
    _, one = queries(3, [2] * 20, seed=7)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    _, again = queries(3, [2] * 20, seed=7)
    assert torch.equal(torch.get_rng_state(), before)
    _, other = queries(3, [2] * 20, seed=8)
    assert one == again
    assert one != other


def test_the_pool_keeps_copies():
    pool, rng = ImagePool(2), torch.Generator().manual_seed(0)
    for first in range(0, 20, 2):  # while it fills, and once it is full
        images = numbered(first, 2).clone()
        pool.query(images, rng)
        images.fill_(-1)
        assert -1 not in names(pool.images)
    assert max(names(pool.images)) > 1

"""A frame in tiles is the frame in one piece, wherever its edges and the tiles' edges lie."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nircore import inference
from nircore.errors import NircoreError
from nircore.inference import tiles
from nircore.models import ResnetGenerator, UNetGenerator, initialise


def network(channels: int = 4, levels: int = 3, seed: int = 0) -> UNetGenerator:
    return initialise(UNetGenerator(channels, levels), seed).eval()


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Noise of 1 about a range of -1 to 1, with something very bright in one corner."""
    frame = np.random.default_rng(seed).normal(0, 1, (height, width)).astype(np.float32)
    frame[: height // 3, : width // 3] += 20
    return frame


@settings(max_examples=12, deadline=None)
@given(st.integers(16, 300), st.integers(16, 300), st.sampled_from([32, 64, 128]))
def test_any_size_and_any_tile(height: int, width: int, core: int) -> None:
    generator, frame = network(2, 2), scene(height, width)
    whole = inference.translate(generator, frame)
    assert np.abs(tiles.translate(generator, frame, whole=1, core=core) - whole).max() < 2e-5 * np.ptp(whole)


def test_less_overlap_would_leave_seams() -> None:
    """The halo is as wide as the network looks, and not wider than it need be: half of it is too little."""
    generator, frame = network(), scene(400, 400)
    whole = inference.translate(generator, frame)
    generator.halo = 32
    assert np.abs(tiles.translate(generator, frame, whole=1, core=96) - whole).max() > 1e-3


def test_tiles_are_small_and_small_frames_are_whole(monkeypatch) -> None:
    shapes = []
    generator = network(2, 2)
    forward = generator.forward
    monkeypatch.setattr(generator, "forward", lambda x: shapes.append(x.shape[-2:]) or forward(x))
    tiles.translate(generator, scene(500, 300), whole=1, core=64)
    assert len(shapes) == 8 * 5 and max(max(shape) for shape in shapes) <= 64 + 2 * generator.halo
    shapes.clear()
    tiles.translate(generator, scene(500, 300))
    assert len(shapes) == 1


def test_a_network_with_instance_norm_runs_whole_or_not_at_all() -> None:
    generator = ResnetGenerator(2, 1).eval()
    with torch.inference_mode():
        assert tiles.translate(generator, scene(64, 64)).shape == (64, 64)
    with pytest.raises(NircoreError, match="too large for this network in one piece"):
        tiles.translate(generator, scene(64, 64), whole=64 * 63)


@given(st.integers(1, 5000), st.sampled_from([64, 512]), st.integers(0, 200))
def test_cores_cover_every_pixel_once_and_tiles_hold_their_cores(length: int, core: int, halo: int) -> None:
    seen = np.zeros(length, int)
    for start, stop, first, last in tiles.places(length, core, halo):
        seen[start:stop] += 1
        assert 0 <= first <= start < stop <= last <= length
        assert first == max(0, start - halo) and last == min(length, stop + halo)
    assert (seen == 1).all()

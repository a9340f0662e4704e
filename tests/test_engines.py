"""Every engine gives what eager PyTorch gives, on any size; those that cannot run say why."""

import copy

import numpy as np
import pytest
import torch

from nircore import engines
from nircore.errors import NircoreError
from nircore.inference import enhance, translate
from nircore.models import ResnetGenerator, UNetGenerator, initialise, initialise_rectified

SIZES = [(37, 50), (16, 131)]
GENERATORS = {
    "unet": lambda: initialise_rectified(UNetGenerator(4, 1), 1),
    "resnet": lambda: initialise(ResnetGenerator(2, 1), 1),
}


def frame(size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=size).astype(np.float32)


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("name", engines.ENGINES)
def test_an_engine_gives_what_eager_gives(name, kind):
    if reason := engines.available()[name]:
        pytest.skip(reason)
    generator = GENERATORS[kind]().eval()
    run = engines.build(name, copy.deepcopy(generator))
    for size in SIZES:
        expected, found = translate(generator, frame(size)), run(frame(size))
        assert found.shape == size and found.dtype == np.float32
        assert expected.std() > 1e-3
        np.testing.assert_allclose(found, expected, rtol=0, atol=engines.ENGINES[name].tolerance)


def test_the_enhancer_is_enhance():
    generator = GENERATORS["unet"]().eval()
    pixels = 200 + 30 * frame((50, 41))
    expected, _ = enhance(generator, pixels)
    assert np.array_equal(engines.Enhancer("eager", generator)(pixels), expected)


def test_what_cannot_run_says_why(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(engines.export, "find_spec", lambda name: None)
    monkeypatch.setattr(engines.shutil, "which", lambda name: None)
    reasons = engines.available()
    assert [name for name, reason in reasons.items() if not reason] == ["eager", "channels_last"]
    assert "nircore[onnx]" in reasons["onnxruntime"] and "nircore[openvino]" in reasons["openvino"]
    with pytest.raises(NircoreError, match="engine=cuda needs a CUDA device"):
        engines.build("cuda", GENERATORS["unet"]())
    with pytest.raises(NircoreError, match="engine=abacus is unknown"):
        engines.build("abacus", GENERATORS["unet"]())


def test_a_frame_that_is_too_small_is_refused():
    with pytest.raises(NircoreError, match="15 x 40 px is too small"):
        engines.build("eager", GENERATORS["unet"]())(np.zeros((15, 40)))

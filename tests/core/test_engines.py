"""Every engine gives what plain PyTorch gives, on any size; those that cannot run say why."""

import copy
import dataclasses
import sys

import numpy as np
import pytest
import torch

from nircore.errors import NircoreError
from nircore.inference import engines, enhance, export, seen, translate
from nircore.models import ResnetGenerator, UNetGenerator, initialise

pytestmark = pytest.mark.slow("minutes")

SIZES = [(37, 50), (16, 131)]
NOISY_SIZES = [(131, 90), (64, 81)]
ROUNDING_DN = 0.01  # a thousandth of the noise: float32 sums in another order
GENERATORS = {
    "unet": lambda: initialise(UNetGenerator(4, 1), 1),
    "resnet": lambda: initialise(ResnetGenerator(2, 1), 1),
}


def frame(size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=size).astype(np.float32)


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("name", engines.ENGINES)
def test_an_engine_gives_what_plain_pytorch_gives(name, kind):
    if reason := engines.available()[name]:
        pytest.skip(reason)
    generator = GENERATORS[kind]().eval()
    run = engines.build(name, copy.deepcopy(generator))
    for size in SIZES:
        expected, found = translate(generator, frame(size)), run(frame(size))
        assert found.shape == size and found.dtype == np.float32
        assert expected.std() > 1e-3
        np.testing.assert_allclose(found, expected, rtol=0, atol=engines.ENGINES[name].tolerance)


def noisy(size: tuple[int, int]) -> np.ndarray:
    """A frame in DN: light of 60 to 100 and a disc of 3000, 2.3 e-/DN, 12 DN read noise, a hot pixel."""
    random = np.random.default_rng(0)
    down, across = np.indices(size)
    disc = (down - size[0] / 2) ** 2 + (across - size[1] / 3) ** 2 < (min(size) / 5) ** 2
    light = 80 + 20 * np.sin(across / 9) + 3000 * disc
    pixels = random.poisson(2.3 * light) / 2.3 + random.normal(0, 12, size)
    pixels[3, 7] = 20_000
    return pixels.astype(np.float32)


@pytest.fixture(scope="module")
def denoiser() -> UNetGenerator:
    """A U-Net that sees the noise, and whose corrections are of its size, as a trained one's are."""
    generator = initialise(UNetGenerator(4, 3, "noise"), 1).eval()
    with torch.no_grad():
        generator.last[0].weight *= 0.05
    return generator


@pytest.fixture
def threads():
    """Set the number of PyTorch's threads; engines built afterwards take as many."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def expected(denoiser) -> dict[tuple[int, int], np.ndarray]:
    return {size: enhance(denoiser, noisy(size))[0] for size in NOISY_SIZES}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("name", engines.ENGINES)
def test_engines_and_threads_agree_to_rounding(name, number, denoiser, expected, threads):
    """In DN, whose noise is 12; an engine in bfloat16 has to keep within half of the noise, on average."""
    if reason := engines.available()[name]:
        pytest.skip(reason)
    threads(number)
    for size in NOISY_SIZES:
        x, fit = seen(denoiser, noisy(size))
        found = fit.invert(engines.build(name, copy.deepcopy(denoiser))(x))
        off = np.abs(found - expected[size])
        assert np.abs(expected[size] - noisy(size)).mean() > 5  # it does change the frame
        assert off.max() <= ROUNDING_DN if engines.ENGINES[name].precision == "float32" else off.mean() < 6


def test_openvino_reports_to_nobody():
    pytest.importorskip("openvino")
    export.openvino_model(initialise(UNetGenerator(2, 1), 0).eval())
    assert sys.modules["openvino_telemetry"] is None
    assert "stub" in sys.modules["openvino.tools.ovc.telemetry_utils"].tm.__name__


def test_auto_is_the_fastest_that_is_here_and_for_few_frames_what_starts_at_once(monkeypatch):
    def only(*here: str) -> None:
        for name in engines.ENGINES:
            reason = "" if name in (*here, "torch") else "is absent"
            engine = dataclasses.replace(engines.ENGINES[name], absent=lambda reason=reason: reason)
            monkeypatch.setitem(engines.ENGINES, name, engine)

    for here, fastest in (
        (("cuda", "openvino", "openvino-bf16", "onnxruntime"), "openvino"),  # bfloat16 has to be asked for
        (("openvino", "onnxruntime"), "openvino"),
        (("onnxruntime",), "onnxruntime"),
        ((), "torch"),
    ):
        only(*here)
        assert engines.choose() == engines.choose("auto", engines.WORTH) == fastest
        assert engines.choose("auto", engines.WORTH - 1) == engines.choose("auto", 1) == "torch"
    assert engines.choose("torch", 1) == engines.choose("torch", 10_000) == "torch"
    with pytest.raises(NircoreError, match="engine=openvino is absent"):
        engines.choose("openvino")


def test_what_cannot_run_says_why(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(engines.export, "find_spec", lambda name: None)
    reasons = engines.available()
    assert [name for name, reason in reasons.items() if not reason] == ["torch"]
    assert "nircore[onnx]" in reasons["onnxruntime"] and "nircore[openvino]" in reasons["openvino"]
    with pytest.raises(NircoreError, match="engine=cuda needs a CUDA device"):
        engines.build("cuda", GENERATORS["unet"]())
    with pytest.raises(NircoreError, match="engine=abacus is unknown"):
        engines.build("abacus", GENERATORS["unet"]())


def test_a_pipeline_is_enhance_with_the_noise_of_its_first_frame(denoiser):
    first, second = noisy((64, 80)), noisy((64, 80)) * 0.8
    pipeline = engines.Pipeline("torch", copy.deepcopy(denoiser))
    found, fit = enhance(denoiser, first)
    np.testing.assert_allclose(pipeline(first), found, rtol=0, atol=ROUNDING_DN)
    np.testing.assert_allclose(pipeline(second), enhance(denoiser, second, fit)[0], rtol=0, atol=ROUNDING_DN)
    assert np.abs(pipeline(second) - enhance(denoiser, second)[0]).max() > 2 * ROUNDING_DN
    assert str(pipeline) == "engine torch, float32"

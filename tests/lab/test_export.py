"""What is exported computes what PyTorch computes, at sizes it was not made with, or is not written."""

import numpy as np
import pytest
import torch

from nircore.errors import NircoreError
from nircore.inference import export
from nircore.models import ResnetGenerator, UNetGenerator, initialise
from nirlab.export import FORMATS, TOLERANCE, write

pytestmark = pytest.mark.slow

GENERATORS = {
    "unet": lambda: initialise(UNetGenerator(4, 3), 1),
    "resnet": lambda: initialise(ResnetGenerator(4, 1), 1),
}
READ = {
    "onnx": lambda path: export.onnx_session(str(path)),
    "openvino": lambda path: export.OpenvinoSession(str(path)),
    "torch-export": lambda path: lambda x: torch.export.load(path).module()(torch.from_numpy(x)).detach().numpy(),
}
SIDES = ((8, 4), (3, 5), (6, 6), (4, 2))


@pytest.mark.parametrize("network", GENERATORS)
@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_computes_what_pytorch_does_at_another_size(kind, network, tmp_path):
    ending, packages = FORMATS[kind]
    if reason := export.absent(*packages):
        pytest.skip(reason)
    generator = GENERATORS[network]().eval()
    path = tmp_path / f"generator{ending}"
    assert 0 <= write(generator, kind, path) <= TOLERANCE
    image = export.example(generator, 8, 4, seed=5)
    with torch.inference_mode():
        expected = generator(image).numpy()
    np.testing.assert_allclose(READ[kind](path)(image.numpy()), expected, atol=TOLERANCE)
    assert not list(tmp_path.glob(".partial*"))


@pytest.mark.skipif(bool(export.absent("openvino")), reason="needs openvino")
def test_openvino_compiles_for_each_of_the_first_sizes_and_then_for_all(monkeypatch):
    monkeypatch.setattr(export, "FEW", 2)
    generator = GENERATORS["unet"]().eval()
    run = export.OpenvinoSession(export.openvino_model(generator))
    first, second, third, fourth = (export.example(generator, *sides, seed=5) for sides in SIDES)
    for image in (first, second, first, third, fourth, second):
        with torch.inference_mode():
            expected = generator(image).numpy()
        np.testing.assert_allclose(run(image.numpy()), expected, atol=TOLERANCE)
    assert list(run.compiled) == [tuple(first.shape), tuple(second.shape), None]
    assert not run.compiled[tuple(first.shape)].input(0).partial_shape.is_dynamic
    assert run.compiled[None].input(0).partial_shape.is_dynamic


@pytest.mark.skipif(bool(export.absent("openvino")), reason="needs openvino")
def test_what_openvino_returned_stays_as_it_was():
    generator = GENERATORS["unet"]().eval()
    run = export.OpenvinoSession(export.openvino_model(generator))
    one, other = (export.example(generator, seed=seed).numpy() for seed in (1, 2))
    found = run(one)
    kept = found.copy()
    run(other)
    assert np.array_equal(found, kept)


def test_a_file_that_deviates_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("nirlab.export._written", lambda generator, kind, path: lambda image: image + 1)
    with pytest.raises(NircoreError, match="would deviate from PyTorch"):
        write(GENERATORS["unet"](), "torch-export", tmp_path / "generator.pt2")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_is_said(tmp_path, monkeypatch):
    generator = GENERATORS["unet"]()
    with pytest.raises(NircoreError, match="format=abacus is unknown"):
        write(generator, "abacus", tmp_path / "x")
    with pytest.raises(NircoreError, match="ends in .pt2"):
        write(generator, "torch-export", tmp_path / "x.onnx")
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(NircoreError, match=r"needs onnx and onnxruntime: pip install 'nircore\[onnx\]'"):
        write(generator, "onnx", tmp_path / "x.onnx")

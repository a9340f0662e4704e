"""A bioimage.io package is whole, its files are what its description says, and bioimageio.core takes it."""

import hashlib
import io
import zipfile

import numpy as np
import pytest
import yaml

from nircore.errors import NircoreError
from nircore.inference import export
from nircore.models import UNetGenerator, initialise
from nirlab import bioimageio

pytestmark = pytest.mark.skipif(bool(export.absent("onnx", "onnxruntime")), reason="needs onnx and onnxruntime")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tmp_path_factory.mktemp("package") / "small.zip"
    error = bioimageio.build(initialise(UNetGenerator(4, 2), 1), path, "small")
    assert 0 <= error < 0.01
    return path


@pytest.fixture(scope="module")
def files(package):
    with zipfile.ZipFile(package) as file:
        return {name: file.read(name) for name in file.namelist()}


@pytest.fixture(scope="module")
def description(files):
    return yaml.safe_load(files["bioimageio.yaml"])


def sources(node):
    """Yield every {"source", "sha256"} of a description."""
    if isinstance(node, dict):
        if "source" in node:
            yield node["source"], node["sha256"]
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from sources(one)


def test_every_file_is_named_and_has_the_hash_that_is_said(files, description):
    said = dict(sources(description))
    assert set(said) == {"weights.onnx", "weights.pt", "test_input.npy", "test_output.npy"}
    for name, digest in said.items():
        assert hashlib.sha256(files[name]).hexdigest() == digest
    named = {*said, description["documentation"], *description["covers"], "bioimageio.yaml"}
    assert named == set(files)


def test_the_description_says_what_a_user_needs(files, description):
    assert description["format_version"].startswith("0.5.") and description["license"] == "MIT"
    assert description["cite"][0]["doi"] == "10.5281/zenodo.18683096" and description["authors"]
    axes = description["inputs"][0]["axes"][2:]
    assert [axis["size"] for axis in axes] == [{"min": bioimageio.SMALLEST, "step": 1}] * 2
    text = files["README.md"].decode()
    assert "# Validation" in text and "Do not normalise it" in text and "{" not in text
    assert files["cover.png"].startswith(b"\x89PNG")


def test_the_weights_turn_the_test_input_into_the_test_output(files):
    given, wanted = (np.load(io.BytesIO(files[f"test_{which}.npy"])) for which in ("input", "output"))
    assert given.shape == wanted.shape == (1, 1, *bioimageio.SHAPE) and given.min() > 500  # raw, on its pedestal
    for run in bioimageio._runs(files):
        np.testing.assert_allclose(run(given), wanted, atol=0.01)
        part = np.ascontiguousarray(given[:, :, :71, :90])
        assert run(part).shape == part.shape


def test_the_same_weights_make_the_same_description(package, description, tmp_path):
    path = tmp_path / "again.zip"
    bioimageio.build(initialise(UNetGenerator(4, 2), 1), path, "small")
    with zipfile.ZipFile(path) as file:
        again = yaml.safe_load(file.read("bioimageio.yaml"))
    assert again["inputs"] == description["inputs"] and again["outputs"] == description["outputs"]


def test_bioimageio_core_passes_it(package):
    core = pytest.importorskip("bioimageio.core", reason="needs bioimageio.core: pip install 'nircore[bioimageio]'")
    import pydantic

    if tuple(map(int, pydantic.VERSION.split(".")[:2])) >= (2, 14):
        pytest.skip("bioimageio.spec 0.5.12 fails on every model under pydantic 2.14; 2.11 is known to do")
    summary = core.test_description(package)
    assert summary.status == "passed", summary


def test_what_deviates_or_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    generator = initialise(UNetGenerator(4, 2), 1)
    with pytest.raises(NircoreError, match=r"ends in \.zip"):
        bioimageio.build(generator, tmp_path / "x.onnx", "x")
    monkeypatch.setattr(bioimageio, "_runs", lambda files: [lambda image: image + 1])
    with pytest.raises(NircoreError, match="would deviate from PyTorch"):
        bioimageio.build(generator, tmp_path / "x.zip", "x")
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(NircoreError, match="format=bioimageio needs onnx and onnxruntime"):
        bioimageio.build(generator, tmp_path / "x.zip", "x")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_what_ships(nircore, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, _ = nircore("export", "realtime", "--format", "bioimageio")
    assert status == 0 and "realtime.zip: raw frames in DN" in out and (tmp_path / "realtime.zip").is_file()

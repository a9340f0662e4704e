"""A generator as a bioimage.io model: one zip with the whole graph from DN to DN, tried on a frame that goes with it.

The description follows version 0.5 of bioimage.io's model format. Its README, cover and test frame are a phantom's.
"""

import hashlib
import io
import warnings
import zipfile
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from torch import nn

from nircore import __version__
from nircore.data.camera import WINDOWS, expose, radiance
from nircore.data.phantom import anatomy
from nircore.errors import NircoreError
from nircore.files import atomic
from nircore.inference import export
from nirlab import pixels
from nirlab.export import check, deviation
from nirlab.in_graph import FromCounts
from nirlab.page_parts import render

SHAPE, EXPOSURE_S, SEED = (256, 320), 0.02, 1  # of the test frame
ENDING = ".zip"
SMALLEST = 64  # px: the noise is read off patches of 16 x 16, and fewer than 16 of them tell little
TOLERANCE = 1e-3  # of the frame's noise: how far the files may be from PyTorch


def build(generator: nn.Module, path: Path, name: str) -> float:
    """Write a generator as a bioimage.io package; return its largest deviation from PyTorch, in DN.

    Args:
        generator: as `nircore.models.checkpoint.load_generator` returns it.
        path: of the zip.
        name: of the model, such as "best", for its title.

    Raises:
        NircoreError: as `nirlab.export.check`, or files that compute something else than PyTorch: then nothing is
            left.
    """
    check("bioimageio", path, ENDING, ("onnx", "onnxruntime"))
    network, frame = FromCounts(generator.cpu().eval()).eval(), test_frame()
    image = torch.from_numpy(frame)
    with torch.inference_mode():
        result = network(image).numpy()
    files = {"weights.onnx": export.onnx_bytes(network, image), "weights.pt": _torchscript(network, image)}
    images = image, image[:, :, 40:201, 60:157].contiguous()  # the frame, and a part of another size
    error = max(deviation(network, run, images) for run in _runs(files))
    limit = TOLERANCE * float(np.std(frame - result))
    if not error <= limit:
        raise NircoreError(f"{path.name} would deviate from PyTorch by {error:.2g} DN, more than {limit:.2g}.")
    files |= {"test_input.npy": _npy(frame), "test_output.npy": _npy(result), "cover.png": _cover(frame, result)}
    files |= {"README.md": _readme(name, error).encode()}
    _write(path, {"bioimageio.yaml": _description(name, files)} | files)
    return error


def test_frame() -> np.ndarray:
    """Return a raw frame of a phantom at 20 ms, (1, 1, 256, 320) float32 in DN, on the camera's pedestal."""
    rate = radiance(anatomy(SEED, SHAPE), WINDOWS["NIR-IIa"])
    return expose(rate, EXPOSURE_S, np.random.default_rng(SEED)).astype(np.float32)[None, None]


def _torchscript(network: nn.Module, image: torch.Tensor) -> bytes:
    memory = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # TorchScript is no longer developed, but what Fiji reads
        torch.jit.save(torch.jit.trace(network, (image,), check_trace=False), memory)
    return memory.getvalue()


def _runs(files: dict[str, bytes]) -> list[export.Run]:
    """Return the two files as functions of (1, 1, H, W), as they are when read back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.load(io.BytesIO(files["weights.pt"]))

    @torch.inference_mode()
    def script(image: np.ndarray) -> np.ndarray:
        """Run the TorchScript file."""
        return module(torch.from_numpy(image)).numpy()

    return [export.onnx_session(files["weights.onnx"]), script]


def _npy(array: np.ndarray) -> bytes:
    memory = io.BytesIO()
    np.save(memory, array, allow_pickle=False)
    return memory.getvalue()


def _cover(frame: np.ndarray, result: np.ndarray) -> bytes:
    """Return the left half of the frame beside the right half of the result, on one grey scale, as PNG."""
    half = frame.shape[-1] // 2
    both = np.concatenate([frame[0, 0, :, :half], result[0, 0, :, half:]], axis=1)
    low, high = np.percentile(result, [1, 99.9])
    return pixels.png(pixels.bytes_of(both, (float(low), float(high))))


def _description(name: str, files: dict[str, bytes]) -> bytes:
    """Return `bioimageio.yaml`, which names the files by their hashes."""
    hashes = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
    told = {"version": __version__, "torch": torch.__version__.split("+")[0], "opset": export.OPSET}
    return render("bioimageio.yaml.j2", name=name, sha256=hashes, smallest=SMALLEST, **told).encode()


def _readme(name: str, error: float) -> str:
    text = resources.files("nircore").joinpath("weights/bioimageio.md.in").read_text(encoding="utf-8")
    return text.format(name=name, version=__version__, error=error, smallest=SMALLEST)


def _write(path: Path, files: dict[str, bytes]) -> None:
    """Write a zip whose bytes depend on its content alone."""
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)

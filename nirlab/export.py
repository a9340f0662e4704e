"""A trained generator as a file for other programs: ONNX, OpenVINO or torch.export, checked before it is kept."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from nircore.errors import NircoreError
from nircore.files import make_folder
from nircore.inference import export

TOLERANCE = 1e-4  # of [-1, 1]: float32 sums in another order; a frame's noise is a thousand times as large
#: File ending and packages of each format.
FORMATS: dict[str, tuple[str, tuple[str, ...]]] = {
    "onnx": (".onnx", ("onnx", "onnxruntime")),
    "openvino": (".xml", ("openvino",)),
    "torch-export": (".pt2", ()),
}


def check(kind: str, path: Path, ending: str, packages: tuple[str, ...]) -> None:
    """Refuse a file of a format that cannot be written, before anything is computed.

    Raises:
        NircoreError: a missing package, or a path with another ending than the format's.
    """
    if reason := export.absent(*packages):
        raise NircoreError(f"format={kind} {reason}.")
    if path.suffix != ending:
        raise NircoreError(f"A file of format={kind} ends in {ending}: give {path.name} that ending.")


def _written(generator: nn.Module, kind: str, path: Path) -> export.Run:
    """Write a file and return what it computes when it is read back."""
    if kind == "onnx":
        path.write_bytes(export.onnx_bytes(generator))
        return export.onnx_session(str(path))
    if kind == "openvino":
        import openvino

        openvino.save_model(export.openvino_model(generator), path, compress_to_fp16=False)
        return export.OpenvinoSession(str(path))
    free = {axis: generator.multiple * torch.export.Dim(name, min=2, max=4096) for axis, name in ((2, "h"), (3, "w"))}
    torch.export.save(torch.export.export(generator, (export.example(generator),), dynamic_shapes=(free,)), path)
    module = torch.export.load(path).module()
    return lambda image: module(torch.from_numpy(image)).detach().numpy()


def write(generator: nn.Module, kind: str, path: Path) -> float:
    """Write a generator alone, in a format of `FORMATS`, to `path`; return its largest deviation from PyTorch.

    What is written takes a normalised frame (1, 1, H, W), float32 in about [-1, 1] (`nircore.data.normalise`), H and
    W multiples of `generator.multiple`, and is compared on two sizes. OpenVINO writes a .bin beside the .xml.

    Raises:
        NircoreError: an unknown format, as `check`, or a deviation above `TOLERANCE`: then no file is left.
    """
    if kind not in FORMATS:
        raise NircoreError(f"format={kind} is unknown: choose one of {', '.join(FORMATS)}.")
    check(kind, path, *FORMATS[kind])
    make_folder(path.parent)
    generator = generator.cpu().eval()
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".partial-") as folder:
        run = _written(generator, kind, Path(folder) / path.name)
        error = deviation(generator, run, [export.example(generator, *size, seed=1) for size in ((6, 9), (5, 3))])
        if not error <= TOLERANCE:
            raise NircoreError(f"{path.name} would deviate from PyTorch by {error:.2g}, more than {TOLERANCE:g}.")
        del run
        for file in Path(folder).iterdir():
            os.replace(file, path.parent / file.name)
    return error


@torch.inference_mode()
def deviation(network: nn.Module, run: export.Run, images: Iterable[Tensor]) -> float:
    """Return by how much at most a file and PyTorch differ on some images (1, 1, H, W)."""
    return max(float(np.abs(run(image.numpy()) - network(image).numpy()).max()) for image in images)

"""A trained generator converted for ONNX Runtime and OpenVINO, and their sessions: what the engines are made of."""

import contextlib
import io
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# OpenVINO reports each conversion to its makers, from threads that fork. Nothing of a lab goes out unasked, and a
# fork while NumPy multiplies matrices may hang the process: without this package it reports nothing.
sys.modules.setdefault("openvino_telemetry", None)

OPSET = 17
FEW = 4  # sizes of frame that get a compiled model of their own: each takes a second and the memory of a model
Run = Callable[[np.ndarray], np.ndarray]


def absent(*packages: str) -> str:
    """Return why something that needs these packages cannot run here; empty if it can."""
    missing = [name for name in packages if find_spec(name) is None]
    extra = "openvino" if "openvino" in packages else "onnx"
    return f"needs {' and '.join(missing)}: pip install 'nircore[{extra}]'" if missing else ""


def example(generator: nn.Module, height: int = 6, width: int = 9, seed: int = 0) -> Tensor:
    """Return a random normalised frame, (1, 1, H, W): sides in units of what the generator can halve."""
    shape = (1, 1, height * generator.multiple, width * generator.multiple)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).clamp(-1, 3)


def onnx_bytes(network: nn.Module, frame: Tensor | None = None) -> bytes:
    """Return a network as ONNX, `frame` (1, 1, H, W) float32 to `enhanced`, H and W free.

    It is traced on a frame (1, 1, H, W); without one on a random one.
    """
    memory, free = io.BytesIO(), {2: "height", 3: "width"}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of the tracing exporter: the newer one wants H and W to be constants here
        torch.onnx.export(
            network, (example(network) if frame is None else frame,), memory, dynamo=False, opset_version=OPSET,
            input_names=["frame"], output_names=["enhanced"], dynamic_axes={"frame": free, "enhanced": free},
        )  # fmt: skip
    return memory.getvalue()


def openvino_model(generator: nn.Module) -> Any:
    """Return the generator as an OpenVINO model, (1, 1, H, W) float32, H and W free."""
    import openvino

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return openvino.convert_model(generator, example_input=example(generator), input=[(1, 1, -1, -1)])


def onnx_session(model: bytes | str) -> Run:
    """Return an ONNX model, or its file, as a function of (1, 1, H, W), on as many threads as PyTorch has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
    # Its idle threads would spin beside the preparation of the next frame, and beside whatever else is running.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda image: session.run(None, {name: image})[0]


class OpenvinoSession:
    """An OpenVINO model, or its file, as a function of (1, 1, H, W), on as many threads as PyTorch has.

    A model compiled for one size is faster than one for all. So each of the first FEW sizes gets its own, compiled
    when it is first met and kept; what comes after them (tiles of many sizes) shares one with H and W free.

    Args:
        model: with H and W free.
        precision: in which it computes inside, "f32" or "bf16".
    """

    def __init__(self, model: Any, precision: str = "f32") -> None:
        import openvino

        self.core = openvino.Core()
        self.model = self.core.read_model(model) if isinstance(model, str) else model
        self.settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "PERFORMANCE_HINT": "LATENCY"}
        self.settings["INFERENCE_PRECISION_HINT"] = precision
        self.compiled: dict[tuple[int, ...] | None, Any] = {}  # by shape; None: H and W free

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Run (1, 1, H, W) float32; the result is the caller's own."""
        shape = image.shape if image.shape in self.compiled or len(self.compiled) < FEW else None
        if shape not in self.compiled:
            model = self.model.clone()  # reshaping changes the model itself
            if shape is not None:
                model.reshape(list(shape))
            self.compiled[shape] = self.core.compile_model(model, "CPU", self.settings)
        return self.compiled[shape](image)[0]


def absent_bfloat16() -> str:
    """Return why OpenVINO cannot compute in bfloat16 here; empty if it can. Elsewhere it would be slower than f32."""
    if reason := absent("openvino"):
        return reason
    import openvino

    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "" if "BF16" in able else "needs a CPU that multiplies bfloat16 (AVX-512 BF16 or AMX)"

"""What can run a generator: PyTorch, ONNX Runtime, OpenVINO, CUDA graphs; one contract for all.

An engine turns a generator into a function of a frame (H, W) on its scale, of any size from 16 px on, batch 1, as a
camera gives it. Engines whose package or device is absent are named with the reason, never silently left out.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nircore.data.noise import alike, noise_level
from nircore.data.stabilise import Stabilisation
from nircore.errors import NircoreError
from nircore.inference import export, tiles
from nircore.inference.frame import Fit, fitted, prepare
from nircore.inference.fused import FusedStabilisation, stabilised
from nircore.inference.temporal import Recursion
from nircore.inference.threads import one_pool

Frame = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Engine:
    """How a generator is run.

    Attributes:
        build: makes a function of (1, 1, H, W) float32, H and W multiples of the generator's.
        tolerance: largest deviation from plain PyTorch, of [-1, 1], of an untrained network on noise.
        absent: says why it cannot run here; empty if it can.
        precision: of the numbers it computes with; what goes in and comes out is float32.
    """

    build: Callable[[nn.Module], Frame]
    tolerance: float
    absent: Callable[[], str] = lambda: ""
    precision: str = "float32"


def _torch(generator: nn.Module) -> Frame:
    """Return a generator in PyTorch's fastest layout on a CPU, channels last."""
    network = generator.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def frame(image: np.ndarray) -> np.ndarray:
        """Run (1, 1, H, W)."""
        return network(torch.from_numpy(image).contiguous(memory_format=torch.channels_last)).numpy()

    return frame


class CudaGraph:
    """A generator in bfloat16 on a CUDA device, its kernels recorded once per frame size and then replayed."""

    def __init__(self, generator: nn.Module) -> None:
        self.generator = generator.to("cuda", torch.bfloat16, memory_format=torch.channels_last)
        self.recorded: dict[tuple[int, ...], tuple[torch.cuda.CUDAGraph, Tensor, Tensor]] = {}

    @torch.inference_mode()
    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Run (1, 1, H, W)."""
        if image.shape not in self.recorded:
            self.recorded[image.shape] = self._record(image.shape)
        graph, source, result = self.recorded[image.shape]
        source.copy_(torch.from_numpy(image))
        graph.replay()
        return result.float().cpu().numpy()

    def _record(self, shape: tuple[int, ...]) -> tuple[torch.cuda.CUDAGraph, Tensor, Tensor]:
        source = torch.zeros(shape, device="cuda", dtype=torch.bfloat16)
        side = torch.cuda.Stream()  # PyTorch asks for warm-up on another stream than the default one
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.generator(source)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = self.generator(source)
        return graph, source, result


ENGINES: dict[str, Engine] = {
    "torch": Engine(_torch, 1e-4),
    "onnxruntime": Engine(
        lambda generator: export.onnx_session(export.onnx_bytes(generator)),
        1e-4,
        lambda: export.absent("onnx", "onnxruntime"),
    ),
    "openvino": Engine(
        lambda generator: export.OpenvinoSession(export.openvino_model(generator)),
        1e-4,
        lambda: export.absent("openvino"),
    ),
    "openvino-bf16": Engine(
        lambda generator: export.OpenvinoSession(export.openvino_model(generator), "bf16"),
        0.1,
        export.absent_bfloat16,
        "bfloat16",
    ),
    "cuda": Engine(CudaGraph, 0.1, lambda: "" if torch.cuda.is_available() else "needs a CUDA device", "bfloat16"),
}


#: In float32, which a bright pixel on the stabilised scale needs: bfloat16 has to be asked for by name.
FASTEST = ("openvino", "onnxruntime", "torch")  # 640 x 512, two cores: 08_real_time
WORTH = 60  # frames from which the seconds that a fast engine takes to be built are won back


def available() -> dict[str, str]:
    """Return every engine's name with an empty text if it can run here, else the reason it cannot."""
    return {name: engine.absent() for name, engine in ENGINES.items()}


#: Whether this process was forked (`multiprocessing.Pool` on Linux): it has none of its parent's threads, only their
#: pools, and would wait for them for ever. It works with one thread, on PyTorch.
_forked: list[bool] = []


def _after_fork() -> None:
    torch.set_num_threads(1)
    _forked.append(True)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def choose(name: str = "auto", frames: int = WORTH) -> str:
    """Return the engine meant: for "auto" the fastest that is installed, or what starts at once for few frames.

    Raises:
        NircoreError: an unknown engine, or one that cannot run here.
    """
    if name not in ("auto", *ENGINES):
        raise NircoreError(f"engine={name} is unknown: choose auto or one of {', '.join(ENGINES)}.")
    if name != "auto" and (reason := ENGINES[name].absent()):
        raise NircoreError(f"engine={name} {reason}.")
    if _forked:
        return "torch"
    if name == "auto":
        fast = [engine for engine in FASTEST if not ENGINES[engine].absent()]
        return fast[0] if frames >= WORTH else "torch"
    return name


def build(name: str, generator: nn.Module) -> Frame:
    """Return the generator as a function of a frame (H, W) on its scale, any size from 16 px on, to (H, W) float32.

    PyTorch's engine keeps `generator` itself, and lays it out anew: hand over a copy where it serves elsewhere.

    Raises:
        NircoreError: as `choose`; of the function: a frame that is too small.
    """
    run = ENGINES[choose(name)].build(generator.eval())
    return lambda pixels: tiles.translate(generator, pixels, run)


class Pipeline:
    """What `nircore.inference.enhance` does, by an engine: a frame (H, W) in DN to (H, W) float32 in DN.

    The frames are those of one camera: where the generator's input is measured in noise, the first one tells it, and
    the first after its gain was switched; with `temporal` each frame then rests on those before it, where nothing
    changes. The three steps may each have a thread of their own, on different frames: none touches what another one
    changes.

    Attributes:
        engine: its name in ENGINES.
        precision: of the engine.
        run: the network alone: (H, W) on its scale to (H, W) on its scale, float32.

    Raises:
        NircoreError: as `build`.
    """

    def __init__(self, name: str, generator: nn.Module, temporal: bool = False) -> None:
        self.engine = choose(name)
        self.precision = ENGINES[self.engine].precision
        self.run = build(self.engine, generator)
        self._generator, self._known, self._temporal, self._level = generator, None, temporal, 0.0
        self._recursion: Recursion | None = None

    def prepare(self, pixels: np.ndarray) -> tuple[np.ndarray, Fit | FusedStabilisation]:
        """Return a frame (H, W) in DN as the network sees it, and the map between the two."""
        with one_pool():
            light = prepare(self._generator, pixels)
            level = noise_level(light)
            if level and not alike(level, self._level):
                self._known, self._recursion, self._level = None, None, level
            fit = fitted(self._generator, light) if self._known is None else self._known
            if isinstance(fit, Stabilisation):
                self._known = fit
                if self._temporal:
                    self._recursion = self._recursion or Recursion(fit)
                    light, variance = self._recursion(light)
                    fit = stabilised(fit, light, variance)
            return fit.apply(light), fit

    def finish(self, values: np.ndarray, fit: Fit | FusedStabilisation) -> np.ndarray:
        """Return what the network made of a frame in DN."""
        return fit.invert(values)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Enhance a frame: all three steps."""
        with one_pool():
            x, fit = self.prepare(pixels)
            return self.finish(self.run(x), fit)

    def __str__(self) -> str:
        """Say what runs."""
        return f"engine {self.engine}, {self.precision}"

"""How long a frame takes, from array to array and from file to file, beside what the machine could do.

All cases take turns, frame by frame, in one run: whatever slows the machine down slows all of them, so that the
ratios of their medians mean something where the times do not.
"""

import copy
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from nircore import engines
from nircore.data.frames import read_frame

SIZES = ((256, 256), (640, 512))  # px: the paper's training frames, and a NIR-II camera's
CAMERA_MS = (20.0, 50.0)  # what a NIR-II camera exposes a frame
LEAST, MOST = 3, 200  # frames of a case
COLUMNS = ("recipe", "channels", "engine", "height", "width", "frames", "median_ms", "p95_ms", "p99_ms", "fps")
COLUMNS += ("io_median_ms", "io_p95_ms", "io_p99_ms", "io_fps", "memory_mb", "gflop", "mbyte", "bound_ms")
COLUMNS += ("times_bound", "remark")
GEMM, COPY = 1024, 1 << 26  # side of the matrices, and bytes, with which the machine is measured


@dataclass
class Case:
    """A generator on an engine, met by frames of one size; what was measured."""

    recipe: str
    channels: int
    engine: str
    enhance: Callable[[np.ndarray], np.ndarray]
    shape: tuple[int, int]
    work: tuple[float, float]
    memory_mb: float = float("nan")
    seconds: list[tuple[float, float]] = field(default_factory=list)  # array to array, file to file

    def row(self, flops: float, bytes_s: float) -> dict[str, object]:
        """Return the case's row of the table; `flops` and `bytes_s` are the machine's peaks per second."""
        alone, filed = 1e3 * np.array(self.seconds).T
        median, p95, p99 = np.percentile(alone, [50, 95, 99])
        io = np.percentile(filed, [50, 95, 99])
        bound = 1e3 * max(self.work[0] / flops, self.work[1] / bytes_s)
        named = dict(zip(("io_median_ms", "io_p95_ms", "io_p99_ms"), io, strict=True))
        return {
            "recipe": self.recipe, "channels": self.channels, "engine": self.engine, "height": self.shape[0],
            "width": self.shape[1], "frames": len(alone), "median_ms": median, "p95_ms": p95, "p99_ms": p99,
            "fps": 1e3 / median, **named, "io_fps": 1e3 / io[0], "memory_mb": self.memory_mb,
            "gflop": self.work[0] / 1e9, "mbyte": self.work[1] / 1e6, "bound_ms": bound,
            "times_bound": median / bound, "remark": "",
        }  # fmt: skip


def work(generator: nn.Module, shape: tuple[int, int]) -> tuple[float, float]:
    """Return the floating point operations of a frame (a multiply-add is two) and the bytes it has to move.

    Bytes: weights once, and what every convolution reads and writes, in float32. Fused layers in between are free.
    """
    generator = copy.deepcopy(generator).to("meta")  # counts without computing, and as the architecture has it
    moved = [4 * sum(parameter.numel() for parameter in generator.parameters())]

    def count(_: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        moved.append(4 * (given[0].numel() + made.numel()))

    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    for layer in generator.modules():
        if isinstance(layer, kinds):
            layer.register_forward_hook(count)
    sides = [-(-side // generator.multiple) * generator.multiple for side in shape]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        generator(torch.zeros(1, 1, *sides, device="meta"))
    return float(counter.get_total_flops()), float(sum(moved))


class Machine:
    """What the machine does at best: float32 matrix products and copies, sampled between the frames."""

    def __init__(self) -> None:
        self.matrix, self.source = torch.randn(GEMM, GEMM), torch.zeros(COPY // 4)
        self.copy = torch.empty_like(self.source)
        self.flops = self.bytes_s = 0.0

    def sample(self) -> None:
        """Measure once more; the best counts."""
        self.flops = max(self.flops, 2 * GEMM**3 / _seconds(lambda: self.matrix @ self.matrix))
        self.bytes_s = max(self.bytes_s, 2 * COPY / _seconds(lambda: self.copy.copy_(self.source)))


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _resident_mb() -> float:
    """Return the memory the process holds now; NaN where the system does not say (other than Linux)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cases(
    generators: dict[str, tuple[int, nn.Module]], names: Sequence[str], say: Callable[[str], None]
) -> Iterator[Case]:
    """Build and warm every engine for every generator (name: (channels, module)), at every size.

    `memory_mb` is what the process grew by meanwhile, hence only indicative: an engine may reuse what another freed.
    """
    for recipe, (channels, generator) in generators.items():
        works = {shape: work(generator, shape) for shape in SIZES}
        for name in names:
            say(f"real time: {recipe}, {name}")
            before = _resident_mb()
            enhance = engines.Enhancer(name, copy.deepcopy(generator))
            for shape in SIZES:
                enhance(_frame(shape))
                yield Case(recipe, channels, name, enhance, shape, works[shape], max(0.0, _resident_mb() - before))


def _frame(shape: tuple[int, int]) -> np.ndarray:
    """Return a frame of counts to time with: what it shows does not matter."""
    return np.random.default_rng(0).poisson(100, shape).astype(np.uint16)


def measure(chosen: Sequence[Case], budget_s: float) -> Machine:
    """Give every case a frame in turn until it has had `budget_s`, at least LEAST and at most MOST of them."""
    machine = Machine()
    with tempfile.TemporaryDirectory() as folder:
        files = {shape: Path(folder) / f"{shape[0]}.tif" for shape in SIZES}
        for shape, file in files.items():
            tifffile.imwrite(file, _frame(shape))
        for done in range(MOST):
            machine.sample()
            left = [c for c in chosen if done < LEAST or sum(filed for _, filed in c.seconds) < budget_s]
            for case in left:
                case.seconds.append(_once(case, files[case.shape], Path(folder) / "enhanced.tif"))
            if not left:
                break
    return machine


def _once(case: Case, source: Path, target: Path) -> tuple[float, float]:
    """Time one frame from file to file; return the part from array to array, and the whole, in seconds."""
    began = time.perf_counter()
    pixels = read_frame(source).pixels
    read = time.perf_counter()
    image = case.enhance(pixels)
    enhanced = time.perf_counter()
    tifffile.imwrite(target, image)
    return enhanced - read, time.perf_counter() - began


def table(chosen: Sequence[Case], machine: Machine, absent: dict[str, str]) -> pd.DataFrame:
    """Return a row per case, and one per absent engine with the reason."""
    rows = [case.row(machine.flops, machine.bytes_s) for case in chosen]
    rows += [{"engine": name, "remark": reason} for name, reason in absent.items()]
    return pd.DataFrame(rows, columns=COLUMNS)

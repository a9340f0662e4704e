"""The roofline: what a frame costs in operations and bytes, and what the machine does of either at best."""

import copy
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

GEMM, COPY = 1024, 1 << 26  # side of the matrices, and bytes, with which the machine is measured


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

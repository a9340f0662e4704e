"""A convolution to few channels, computed for a block of pixels at once: the same numbers, sooner, on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 4  # px; with one channel out, 16 pixels at once fill the vector units that one pixel leaves idle


class BlockConv2d(nn.Conv2d):
    """An `nn.Conv2d` of stride 1 without padding; parameters, results and checkpoints are the same to rounding.

    Where height and width of the output are multiples of 4, a CPU convolves with the kernel at each of the 16
    places of a 4 x 4 block as 16 channels and a stride of 4: twice the multiplications (for 7 x 7), in a third to a
    quarter of the time. An export holds the plain convolution: other programs have their own ways.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Convolve: (N, C, H, W) -> (N, out, H - k + 1, W - k + 1)."""
        height, width = (side - kernel + 1 for side, kernel in zip(x.shape[2:], self.kernel_size, strict=True))
        exporting = torch.jit.is_tracing() or torch.compiler.is_exporting()
        if exporting or x.device.type != "cpu" or height % SIDE or width % SIDE:
            return super().forward(x)
        bias = None if self.bias is None else self.bias.repeat_interleave(SIDE**2)
        return functional.pixel_shuffle(functional.conv2d(x, at_each_place(self.weight), bias, stride=SIDE), SIDE)


def at_each_place(kernel: Tensor) -> Tensor:
    """Return a kernel (O, I, k, l) at each place of a block, zeros around: (O * 16, I, k + 3, l + 3)."""
    last = SIDE - 1
    places = [(row, column) for row in range(SIDE) for column in range(SIDE)]
    padded = [functional.pad(kernel, (column, last - column, row, last - row)) for row, column in places]
    return torch.stack(padded, 1).flatten(0, 1)

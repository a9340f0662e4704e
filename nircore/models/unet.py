"""A U-Net for denoising (Ronneberger et al. 2015) without normalisation layers, at half resolution inside."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nircore.models import put_back
from nircore.models.generator import Generator

SMOOTHING = 2.0  # px: sigma of the Gaussian that the network corrects
SLOPE = 0.1  # of the rectifiers, below 0


def gaussian_kernel(sigma: float) -> Tensor:
    """Return a normalised Gaussian on 4 sigma to both sides, (1, 1, 1, n)."""
    reach = round(4 * sigma)
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    return (line / line.sum()).reshape(1, 1, 1, -1)


def _convolutions(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv2d(out, out, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


class UNetGenerator(Generator):
    """Restore low-light frames: (N, 1, H, W) -> (N, 1, H, W), about [-1, 1]; H and W multiples of `multiple`.

    What is learned is the correction to the smoothed frame, which has the right brightness from the first step on:
    training is several times shorter than without. The first convolution halves the frame and the last doubles it
    (sub-pixel convolution, Shi et al. 2016), which makes the network four times as fast. No layer looks at the
    statistics of the frame: what a pixel becomes depends on its neighbourhood alone, so a tile gives what the whole
    frame gives, and bright tissue far away changes nothing. The output is not squashed: a pixel brighter than the
    frame's white level keeps its brightness.

    Once trained, a generator whose input is measured in noise, and whose targets showed the same light, is held to
    it: texture that it took for noise is put back (`nircore.models.put_back`).

    Args:
        channels: at the finest level; doubled at every level below.
        levels: how often the features are halved again.
        input: "noise" or "range", as `Generator` says.
        same_light: whether the targets showed what the frames did but for their noise; else, as where they are of
            another window, what the generator takes out is light as well, and nothing is put back.
    """

    def __init__(self, channels: int = 32, levels: int = 3, input: str = "noise", same_light: bool = True) -> None:
        super().__init__()
        self.input, self.holds = input, same_light and input == "noise"
        widths = [channels * 2**level for level in range(levels + 1)]
        self.multiple = 2 ** (levels + 1)
        # How far a pixel's neighbourhood reaches: on the level with pixels of 2^k px, two convolutions down and two
        # up (one pair at the bottom), and one pixel of interpolation; rounded up to the grid.
        reach = sum(4 * 2**k + 2 ** (k + 1) for k in range(1, levels + 1)) + 3 * self.multiple
        reach += put_back.REACH
        self.halo = -(-reach // self.multiple) * self.multiple
        self.first = nn.Conv2d(1, channels, 4, stride=2, padding=1)  # (N, channels, H/2, W/2)
        self.down = nn.ModuleList(
            _convolutions(above, width) for above, width in zip([channels, *widths], widths, strict=False)
        )
        self.pool = nn.AvgPool2d(2)
        self.up = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths[:-1])
        self.larger = nn.Upsample(scale_factor=2, mode="bilinear")
        self.merge = nn.ModuleList(_convolutions(2 * width, width) for width in widths[:-1])
        self.last = nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.PixelShuffle(2))
        self.register_buffer("kernel", gaussian_kernel(SMOOTHING), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Run the whole generator."""
        features, skipped = self.first(x), []
        for block in self.down[:-1]:
            skipped.append(block(features))  # (N, width, H/2, W/2), then half as large at each level
            features = self.pool(skipped[-1])
        features = self.down[-1](features)
        for up, merge, skip in zip(self.up[::-1], self.merge[::-1], skipped[::-1], strict=True):
            features = merge(torch.cat([self.larger(up(features)), skip], dim=1))
        # The sum as a difference: OpenVINO 2026 fuses a sum into a bfloat16 convolution, wrongly at some sizes.
        result = self.last(features) - (-self.smoothed(x))
        return put_back.put_back(x, result) if self.holds and not self.training else result

    def smoothed(self, x: Tensor) -> Tensor:
        """Return the frame smoothed by the fixed Gaussian; beyond a border it goes on as it is there."""
        if x.device.type != "meta" and torch.is_autocast_enabled(x.device.type):  # too few digits for light
            with torch.autocast(x.device.type, enabled=False):
                return self.smoothed(x.float())
        kernel, reach = self.kernel.to(x.dtype), self.kernel.shape[-1] // 2
        rows = F.conv2d(F.pad(x, [reach] * 4, mode="replicate"), kernel)
        return F.conv2d(rows, kernel.transpose(2, 3))  # separable: along rows, then along columns

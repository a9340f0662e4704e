"""A U-Net for denoising (Ronneberger et al. 2015) without normalisation layers, at half resolution inside."""

import torch
from torch import Tensor, nn


def _convolutions(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Conv2d(out, out, 3, padding=1),
        nn.LeakyReLU(0.1, inplace=True),
    )


class UNetGenerator(nn.Module):
    """Restore low-light frames: (N, 1, H, W) -> (N, 1, H, W), about [-1, 1]; H and W multiples of `multiple`.

    The first convolution halves the frame and the last doubles it (sub-pixel convolution, Shi et al. 2016), which
    makes the network four times as fast. No layer looks at the statistics of the frame: what a pixel becomes depends
    on its neighbourhood alone, so a tile gives what the whole frame gives, and bright tissue far away changes
    nothing. The output is not squashed: a pixel brighter than the frame's white level keeps its brightness.

    Args:
        channels: at the finest level; doubled at every level below.
        levels: how often the features are halved again.
    """

    def __init__(self, channels: int = 32, levels: int = 3) -> None:
        super().__init__()
        widths = [channels * 2**level for level in range(levels + 1)]
        self.multiple = 2 ** (levels + 1)
        self.first = nn.Conv2d(1, channels, 4, stride=2, padding=1)  # (N, channels, H/2, W/2)
        self.down = nn.ModuleList(
            _convolutions(above, width) for above, width in zip([channels, *widths], widths, strict=False)
        )
        self.pool = nn.AvgPool2d(2)
        self.up = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths[:-1])
        self.larger = nn.Upsample(scale_factor=2, mode="bilinear")
        self.merge = nn.ModuleList(_convolutions(2 * width, width) for width in widths[:-1])
        self.last = nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        """Run the whole generator."""
        features, skipped = self.first(x), []
        for block in self.down[:-1]:
            skipped.append(block(features))  # (N, width, H/2, W/2), then half as large at each level
            features = self.pool(skipped[-1])
        features = self.down[-1](features)
        for up, merge, skip in zip(self.up[::-1], self.merge[::-1], skipped[::-1], strict=True):
            features = merge(torch.cat([self.larger(up(features)), skip], dim=1))
        return self.last(features)

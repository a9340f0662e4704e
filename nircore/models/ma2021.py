"""The U-Net generator that Ma et al. 2021 publish with their code, layer by layer."""

import torch
from torch import Tensor, nn

from nircore.models.generator import Generator


def _double(channels: int, out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in (channels, out):
        layers += [nn.Conv2d(before, out, 3, padding=1), nn.InstanceNorm2d(out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class MaUNetGenerator(Generator):
    """Translate frames: (N, 1, H, W) -> (N, 1, H, W), both in [-1, 1]; H and W multiples of 16, above 16 px.

    Four levels of two 3x3 convolutions with InstanceNorm and ReLU, halved by max-pooling and enlarged by 2x2
    transposed convolutions, 64 ... 1024 channels for ngf 64; a 3x3 convolution and tanh at the end. One channel
    and ngf 64 make 31,031,105 parameters.
    Source: Z. Ma et al., PNAS 118 (2021) e2021446118 and `U_net` in `networks.py` of its code (1255fa0,
    github.com/zhuoranzma/Deep-learning-for-in-vivo-near-infrared-imaging, BSD-2). Unlike
    `nircore.models.unet`, made for denoising, it has no skip from the input and looks at the statistics of the frame.
    """

    multiple = 16  # four down-samplings by 2
    smallest = 17  # px: below, one pixel would be left at the bottom, which InstanceNorm refuses

    def __init__(self, ngf: int = 64) -> None:
        super().__init__()
        widths = [ngf * 2**level for level in range(5)]
        self.first = _double(1, ngf)  # (N, ngf, H, W)
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(_double(width, 2 * width) for width in widths[:-1])  # to (N, 16 ngf, H/16, W/16)
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in widths[-2::-1])
        self.merge = nn.ModuleList(_double(2 * width, width) for width in widths[-2::-1])
        self.last = nn.Sequential(nn.Conv2d(ngf, 1, 3, padding=1), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """Run the whole generator."""
        features = self.first(x)
        skipped = []
        for block in self.down:
            skipped.append(features)
            features = block(self.pool(features))
        for up, merge, skip in zip(self.up, self.merge, reversed(skipped), strict=True):
            features = merge(torch.cat([skip, up(features)], dim=1))
        return self.reach * self.last(features)

"""The residual generator of CycleGAN (Johnson et al. 2016; Zhu et al. 2017), as the paper's section III-A has it."""

from torch import Tensor, nn

from nircore.models.blocks import BlockConv2d
from nircore.models.generator import Generator


def _layer(conv: nn.Module, channels: int) -> list[nn.Module]:
    return [conv, nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)]


class ResidualBlock(nn.Module):
    """y = x + F(x), where F is two reflection-padded 3x3 convolutions: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_layer(nn.Conv2d(channels, channels, 3), channels),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add what was learned to what came in."""
        return x + self.body(x)


class ResnetGenerator(Generator):
    """Translate frames of one domain into the other: (N, 1, H, W) -> (N, 1, H, W), both in [-1, 1].

    H and W must be multiples of 4 (two down-samplings); `nircore.inference` pads and crops any other size.
    The convolutions keep their bias although InstanceNorm cancels it, as in the reference implementation,
    so that parameter counts agree with the published ones (one channel, ngf 64, 6 blocks: 7,825,153).
    The layers before the residual trunk are `encoder`, those after it `decoder`; the paper calls the trunk
    a "transformer", but it holds no attention.
    """

    multiple = 4  # two down-samplings by 2

    def __init__(self, ngf: int = 64, blocks: int = 6) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.ReflectionPad2d(3),
            *_layer(nn.Conv2d(1, ngf, 7), ngf),  # (N, ngf, H, W)
            *_layer(nn.Conv2d(ngf, 2 * ngf, 3, stride=2, padding=1), 2 * ngf),  # (N, 2 ngf, H/2, W/2)
            *_layer(nn.Conv2d(2 * ngf, 4 * ngf, 3, stride=2, padding=1), 4 * ngf),  # (N, 4 ngf, H/4, W/4)
        )
        self.trunk = nn.Sequential(*(ResidualBlock(4 * ngf) for _ in range(blocks)))
        self.decoder = nn.Sequential(
            *_layer(_up(4 * ngf, 2 * ngf), 2 * ngf),  # (N, 2 ngf, H/2, W/2)
            *_layer(_up(2 * ngf, ngf), ngf),  # (N, ngf, H, W)
            nn.ReflectionPad2d(3),
            BlockConv2d(ngf, 1, 7),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Run the whole generator."""
        return self.reach * self.decoder(self.trunk(self.encoder(x)))


def _up(channels: int, out: int) -> nn.Module:
    return nn.ConvTranspose2d(channels, out, 3, stride=2, padding=1, output_padding=1)

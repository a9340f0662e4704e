"""The 70x70 patch discriminator (Isola et al. 2017), as the paper's section III-B has it."""

from torch import Tensor, nn


class PatchDiscriminator(nn.Module):
    """Judge overlapping patches: (N, 1, H, W) in [-1, 1] -> patch logits (N, 1, H/8 - 2, W/8 - 2).

    Strides 2, 2, 2, 1, 1 give each logit a receptive field of 70 x 70 px; the paper writes stride 2
    throughout, which for these five layers would give 94. The paper's "sigmoid or none" is none here:
    the loss works on logits, and a probability is only taken for display. With two `channels` it judges a frame
    beside the one it was made from (the conditional discriminator of Isola et al.).
    """

    def __init__(self, ndf: int = 64, channels: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, ndf, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        for width, stride in ((ndf, 2), (2 * ndf, 2), (4 * ndf, 1)):
            layers += [
                nn.Conv2d(width, 2 * width, 4, stride=stride, padding=1),
                nn.InstanceNorm2d(2 * width),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        self.body = nn.Sequential(*layers, nn.Conv2d(8 * ndf, 1, 4, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit per patch: high means the patch looks like the real domain."""
        return self.body(x)


def receptive_field(network: nn.Module) -> int:
    """Return the side in px of the input patch that one output of a plain stack of convolutions sees.

    r grows by (kernel - 1) x the product of the strides before the layer (Dumoulin & Visin 2016, section 5).

    >>> receptive_field(PatchDiscriminator(ndf=1))
    70
    """
    field, jump = 1, 1
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            field += (layer.kernel_size[0] - 1) * jump
            jump *= layer.stride[0]
    return field

"""The networks: residual generator, two U-Nets and patch discriminator."""

import torch
from torch import nn

from nircore.config import Config
from nircore.models.ma2021 import MaUNetGenerator as MaUNetGenerator
from nircore.models.patchgan import PatchDiscriminator as PatchDiscriminator
from nircore.models.patchgan import receptive_field as receptive_field
from nircore.models.resnet import ResidualBlock as ResidualBlock
from nircore.models.resnet import ResnetGenerator as ResnetGenerator
from nircore.models.unet import SLOPE
from nircore.models.unet import UNetGenerator as UNetGenerator

# How far a generator of low light has to reach, where black is -1 and white is 1. A real 20 ms frame has noise of SD
# 12 DN and 60 to 200 DN from black to white, so even the dimmest has 60 / 12 = 5 SD of room on either side. With a
# reach of 1 a fifth of its pixels could not be made; clipped in training, they would be other pixels than in use.
LOW_LIGHT_REACH = 3.0


def initialise(network: nn.Module, seed: int) -> nn.Module:
    """Draw every convolution's weights from `seed` alone; biases are 0.

    From N(0, 0.02) (Zhu et al. 2017). In the U-Net, which has no normalisation layers, the signal would fade with
    them: its weights keep the signal's variance through leaky rectifiers (He et al. 2015).
    """
    generator = torch.Generator().manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            if isinstance(network, UNetGenerator):
                nn.init.kaiming_normal_(layer.weight, a=SLOPE, generator=generator)
            else:
                nn.init.normal_(layer.weight, 0.0, 0.02, generator=generator)
            nn.init.zeros_(layer.bias)
    return network


def build_generator(config: Config, seed: int = 0, reach: float = 1.0) -> nn.Module:
    """Make the generator a config describes, freshly initialised; its tanh goes up to `reach`."""
    if config.generator == "unet":
        return initialise(UNetGenerator(config.ngf, config.levels, config.input, config.same_light), seed)
    made = MaUNetGenerator(config.ngf) if config.generator == "ma2021" else ResnetGenerator(config.ngf, config.blocks)
    made.reach = reach
    return initialise(made, seed)


def build_discriminator(config: Config, seed: int = 0, channels: int = 1) -> nn.Module:
    """Make the discriminator a config describes, freshly initialised."""
    return initialise(PatchDiscriminator(config.ndf, channels), seed)


def parameter_count(network: nn.Module) -> int:
    """Return how many trainable numbers a network has."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)

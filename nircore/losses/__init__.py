"""The terms of the objective: each one a small function of tensors that returns a scalar."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Discriminator loss (halved, as logged) of one that cannot tell: D = 1/2 everywhere for the logarithmic
#: loss, the mid-point 1/2 for least squares. Near zero means the generator has lost, not that it is good.
EQUILIBRIUM = {"bce": math.log(2), "lsgan": 0.25}


def adversarial(logits: Tensor, real: bool, kind: str = "bce") -> Tensor:
    """Return how far patch logits are from saying `real`, averaged over all patches (paper, section III-B).

    `bce` is the paper's log-likelihood: -log D for real, -log(1 - D) for generated patches, computed from
    logits. For the generator call it with `real=True` (the non-saturating form, Goodfellow et al. 2014): the
    sign printed in the paper, minimised, would run to minus infinity. `lsgan` is (logit - label)^2 (Mao 2017).

    >>> round(adversarial(torch.zeros(1, 1, 2, 2), real=True).item(), 3)
    0.693
    """
    label = torch.full_like(logits, float(real))
    if kind == "bce":
        return F.binary_cross_entropy_with_logits(logits, label)
    return F.mse_loss(logits, label)


def discriminator_loss(real: Tensor, generated: Tensor, kind: str = "bce") -> Tensor:
    """Return the halved sum over real and generated patch logits (Zhu et al. 2017 halve D's objective)."""
    return 0.5 * (adversarial(real, True, kind) + adversarial(generated, False, kind))


class Restoration(nn.Module):
    """Mean squared error on the scale of `nircore.data.stabilise`, every brightness with the same weight.

    There an error counts in units of the noise, squared, because what minimises squares is the mean of all scenes
    that could have given the frame: flux is kept on average, where the absolute error's median loses the rare bright
    vessel. A bright crop's error is many times a dim one's, whatever the network does, and would be all that it
    learns from: each crop's error is therefore divided by the running mean of the errors of crops of like brightness.

    Args:
        classes: of brightness, evenly spaced in the logarithm of a crop's brightest pixel, from DIMMEST to BRIGHTEST.
    """

    DIMMEST, BRIGHTEST = 0.1, 6.0  # on the stabilised scale; 12 to 3000 DN at a read noise of 12 DN
    KEPT = 0.98  # share of a running mean that a step leaves as it was
    JUMP = 4.0  # times its class's mean: what counts of one crop's error at most
    FIRST, LEAST = 6e-4, 1e-5  # with what the means begin, and below which they do not divide

    def __init__(self, classes: int = 8) -> None:
        super().__init__()
        self.register_buffer("usual", torch.full((classes,), self.FIRST))

    def classes(self, truth: Tensor) -> Tensor:
        """Return the class of brightness of each crop (N, 1, H, W): (N,) int64."""
        brightest = truth.amax(dim=(1, 2, 3)).clamp(self.DIMMEST, self.BRIGHTEST)
        share = (brightest / self.DIMMEST).log() / math.log(self.BRIGHTEST / self.DIMMEST)
        return (share * len(self.usual)).long().clamp(max=len(self.usual) - 1)

    def forward(self, restored: Tensor, truth: Tensor) -> Tensor:
        """Return the mean over crops (N, 1, H, W) of error / usual error; 1 is the usual."""
        each = (restored - truth).square().mean(dim=(1, 2, 3))
        return (each / self.usual[self.classes(truth)].clamp(min=self.LEAST)).mean()

    @torch.no_grad()
    def update(self, restored: Tensor, truth: Tensor) -> None:
        """Take the errors of a batch into the running means; one odd crop may not move its class by much."""
        for kind, error in zip(self.classes(truth), (restored - truth).square().mean(dim=(1, 2, 3)), strict=True):
            self.usual[kind].lerp_(torch.minimum(error, self.JUMP * self.usual[kind]), 1 - self.KEPT)


class ImagePool:
    """A history of generated images for the discriminators (Shrivastava et al. 2017; size 50 in Zhu 2017).

    Once full, each query returns, with probability 1/2, an older image in exchange for the new one.
    The draw comes from the caller's generator, so that a resumed training repeats it.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.images: list[Tensor] = []

    def query(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """Exchange a batch (N, 1, H, W) for one of the same shape, detached from the graph."""
        chosen = []
        for image in images.detach():
            if len(self.images) < self.size:
                self.images.append(image.clone())
            elif self.size and torch.rand((), generator=rng) < 0.5:
                k = int(torch.randint(self.size, (), generator=rng))
                image, self.images[k] = self.images[k], image.clone()
            chosen.append(image)
        return torch.stack(chosen)

"""The terms of the objective: each one a small function of tensors that returns a scalar."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

#: Discriminator loss (halved, as logged) of one that cannot tell: D = 1/2 everywhere for the logarithmic
#: loss, the mid-point 1/2 for least squares. Near zero means the generator has lost, not that it is good.
EQUILIBRIUM = {"bce": math.log(2), "lsgan": 0.25}

FLOOR = 0.2  # of the white level: what read noise adds to the photons' share of the variance


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


def cycle(reconstruction: Tensor, original: Tensor) -> Tensor:
    """Return the mean absolute error of a frame that went to the other domain and back (Zhu 2017, eq. 2)."""
    return F.l1_loss(reconstruction, original)


def identity(same: Tensor, original: Tensor) -> Tensor:
    """Return the mean absolute change of a frame that already is in the generator's domain (Zhu 2017, 5.2)."""
    return F.l1_loss(same, original)


def paired(generated: Tensor, truth: Tensor) -> Tensor:
    """Return the mean absolute error against the true pair (Isola et al. 2017, eq. 3)."""
    return F.l1_loss(generated, truth)


def restoration(restored: Tensor, truth: Tensor) -> Tensor:
    """Return the mean squared error, weighted by 1 / (signal + 0.2), of frames in about [-1, 1].

    signal = (truth + 1) / 2 is 0 at the black level and 1 at the white level. Light comes in quanta, so the variance
    of any estimate grows with the signal, and dividing by it counts an error by how surprising it is. Squares,
    because what minimises them is the mean of all scenes that could have given the frame: flux is kept on average,
    where the absolute error's median loses the rare bright vessel.
    """
    signal = ((truth + 1) / 2).clamp(min=0)
    return ((restored - truth).square() / (signal + FLOOR)).mean()


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

"""The terms of a CycleGAN's objective by name: each a small function of one pass, returning a scalar.

To add one: write a function of `Pass`, add its name to `nircore.config.FURTHER_TERMS`, and name it with its weight in
a recipe's `terms`.
`redegradation`, `high_frequency` and `saliency` are our interpretation of what PSSGAN (Fu 2023) and xAI-PSSGAN are
said to do; their papers were not available to us, and the formulas are ours.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nircore import losses
from nircore.config import FURTHER_TERMS, Config, term_weights
from nircore.losses.optics import Spread
from nircore.models.unet import gaussian_kernel

SMOOTHING = 2.0  # px: sigma within which noise is averaged before a re-degraded frame is compared
PATCH = 32  # px: holds some 40 independent values of smoothed noise, whose rms therefore scatters by 11 %
MARGIN = 0.25  # of the noise: about two SDs of that scatter
TINY = 1e-12  # squared: keeps the root's gradient finite where nothing is left
BANDS = 3  # octaves of detail, the finest first
LEAST = 1e-3  # of [-1, 1]: below it, an octave holds nothing
SALIENCY_PX = 8  # side of the squares in which saliency is compared: one step of the discriminator's patches


@dataclass(frozen=True)
class Pass:
    """What the generators made of a step's batches, and the networks. All images (N, 1, H, W), about [-1, 1].

    Attributes:
        a, b: low-light and target crops; fake_b = G_ab(a), fake_a = G_ba(b).
        same_a, same_b: G_ba(a) and G_ab(b); absent unless the recipe asks for the identity terms.
        optics: how a target crop may be spread in the low-light window, one for each depth it may lie at.
        gan: kind of the adversarial loss.
    """

    a: Tensor
    b: Tensor
    fake_a: Tensor
    fake_b: Tensor
    same_a: Tensor | None
    same_b: Tensor | None
    g_ab: nn.Module
    g_ba: nn.Module
    d_a: nn.Module
    d_b: nn.Module
    optics: tuple[Spread, ...]
    gan: str


def blur(x: Tensor, sigma: float) -> Tensor:
    """Smooth (N, 1, H, W) with a Gaussian of `sigma` px; beyond a border it goes on as it is there."""
    if sigma <= 0:
        return x
    kernel = gaussian_kernel(sigma).to(x)
    reach = kernel.shape[-1] // 2
    rows = F.conv2d(F.pad(x, (reach, reach, 0, 0), mode="replicate"), kernel)
    return F.conv2d(F.pad(rows, (0, 0, reach, reach), mode="replicate"), kernel.transpose(2, 3))


def patches(values: Tensor) -> Tensor:
    """Return means over patches of about PATCH px, (N, 1, h, w), one at least.

    2 SMOOTHING px of every border are left out, where a smoothed frame has other noise than inside.
    """
    edge = round(2 * SMOOTHING)
    inner = values[..., edge:-edge, edge:-edge]
    return F.adaptive_avg_pool2d(inner, [max(1, side // PATCH) for side in inner.shape[-2:]])


def noise_sd(x: Tensor) -> Tensor:
    """Return the noise SD in each of `patches`, from second differences along both axes (Immerkaer 1996)."""
    second = F.pad(x.diff(n=2, dim=-1).diff(n=2, dim=-2), (1, 1, 1, 1))  # the pads are in no patch
    return math.sqrt(math.pi / 2) / 6 * patches(second.abs())


def fitted(x: Tensor, y: Tensor) -> Tensor:
    """Return c x + d closest to y in least squares, image by image, with c not below 0."""
    dx, dy = x - x.mean((2, 3), keepdim=True), y - y.mean((2, 3), keepdim=True)
    c = (dx * dy).mean((2, 3), keepdim=True) / (dx.square().mean((2, 3), keepdim=True) + LEAST**2)
    return c.clamp(min=0) * dx + y.mean((2, 3), keepdim=True)


def redegradation(p: Pass) -> Tensor:
    """Return by how much more, or less, than its noise x differs from its enhanced frame seen by low light again.

    mean over patches of min over depths of max(| rms(S x - (c S R G(x) + d)) - s | - MARGIN s, 0): R spreads light as
    the low-light window does (between two windows; through one filter it does nothing, and there is no shift), S
    averages noise (Gaussian, 2 px), c and d are the unknown brightness and glow, and s = noise SD / (2 sqrt(pi) 2 px)
    is what S leaves of the noise in the patch. The residual of a perfect G is that noise: it pays nothing, if
    R is right; where light of several depths comes out of one patch, it pays for what R lacks.
    What x does not explain, shown or left out, leaves too large a residual and pays without limit. A copy of x leaves
    too small a one and pays (1 - MARGIN) s through one filter; between windows, where the copy is spread once more,
    less, but never less than a perfect G.
    Source: ours; the residual's size is asked for as in Morozov's discrepancy principle (Soviet Math. Dokl. 7 (1966)
    414), optics of `nircore.data.camera.point_spread`.
    """
    seen, allowed = blur(p.a, SMOOTHING), noise_sd(p.a) / (2 * math.sqrt(math.pi) * SMOOTHING)
    costs = []
    for core, halo, share in p.optics:
        redegraded = (1 - share) * blur(p.fake_b, core) + (share * blur(p.fake_b, halo) if share else 0)
        residual = fitted(blur(redegraded, SMOOTHING), seen) - seen
        size = (patches(residual.square()) + TINY).sqrt()
        costs.append(((size - allowed).abs() - MARGIN * allowed).clamp(min=0))
    return torch.stack(costs).amin(0).mean()


def octaves(x: Tensor) -> Tensor:
    """Return the log of the mean amplitude in each octave of a Laplacian pyramid (Burt & Adelson 1983), (BANDS,)."""
    energy = []
    for _ in range(BANDS):
        low = blur(x, 1.0)
        energy.append(((x - low).abs().mean() + LEAST).log())
        x = F.avg_pool2d(low, 2)
    return torch.stack(energy)


def high_frequency(p: Pass) -> Tensor:
    """Return how far the amplitude of fine detail in G(x) is from that in target crops: mean |log ratio| of octaves.

    Sub-band statistics as in Heeger & Bergen, SIGGRAPH 1995, 229; no network pretrained on photographs is needed.
    """
    return (octaves(p.fake_b) - octaves(p.b)).abs().mean()


def saliency_map(network: nn.Module, x: Tensor, differentiable: bool) -> Tensor:
    """Return |d mean output / d x| (Simonyan et al. 2013) averaged over squares of 8 px, (N, 1, H/8, W/8)."""
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(network(x).mean(), x, create_graph=differentiable)
    return F.avg_pool2d(gradient.abs(), SALIENCY_PX)


def saliency(p: Pass) -> Tensor:
    """Return 1 - the correlation of where D_a looks on x with where D_b looks on G(x): mean over images, 0 to 2.

    What speaks for a low-light frame and what speaks for a target should be the same tissue. Ours.
    """
    before = saliency_map(p.d_a, p.a.detach().requires_grad_(), False)
    after = saliency_map(p.d_b, p.fake_b, True)
    maps = [(m - m.mean((2, 3), keepdim=True)).flatten(1) for m in (before, after)]
    return 1 - F.cosine_similarity(*maps, eps=1e-12).mean()


TERMS: dict[str, Callable[[Pass], Tensor]] = {
    "adversarial_ab": lambda p: losses.adversarial(p.d_b(p.fake_b), True, p.gan),
    "adversarial_ba": lambda p: losses.adversarial(p.d_a(p.fake_a), True, p.gan),
    "cycle_a": lambda p: F.l1_loss(p.g_ba(p.fake_b), p.a),  # Zhu 2017, equation 2
    "cycle_b": lambda p: F.l1_loss(p.g_ab(p.fake_a), p.b),
    "identity_a": lambda p: F.l1_loss(p.same_a, p.a),  # of a frame that is in the domain already: Zhu 2017, 5.2
    "identity_b": lambda p: F.l1_loss(p.same_b, p.b),
}
BASE = tuple(TERMS)  # of every CycleGAN; the others are named by a recipe's `terms`
TERMS |= {name: globals()[name] for name in FURTHER_TERMS}


def weights(config: Config) -> dict[str, float]:
    """Return the weight of every term of a recipe's objective; the base terms are always among them."""
    ours = {"adversarial": 1.0, "cycle": config.lambda_cycle, "identity": config.lambda_identity}
    return {name: ours[name.split("_")[0]] for name in BASE} | term_weights(config.terms)

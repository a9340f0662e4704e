"""With an output, a map of what it rests on and one of how sure it is: what recipe `xai_pssgan` writes beside it.

Both are simple on purpose and neither is calibrated: read them as where to look, not as numbers.
"""

from collections.abc import Sequence

import numpy as np
import torch

from nircore.inference import seen, translate
from nircore.metrics.no_reference import noise_sd
from nircore.models.generator import Generator


def attribution(generator: Generator, pixels: np.ndarray) -> np.ndarray:
    """Return |d T / d x| for each pixel of a frame (H, W) in DN: (H, W) float32, largest value 1.

    T is the sum of the output over what it shows bright, above the middle of black and white level: the vessels and
    organs. Source: Simonyan, Vedaldi & Zisserman 2013 (arXiv 1312.6034), for an image as the output.
    """
    x = torch.from_numpy(seen(generator, pixels)[0])[None, None]
    x = x.to(next(generator.parameters()).device).requires_grad_()
    with torch.enable_grad():
        y = generator.any_size(x)
        bright = y.detach() > min(0.0, float(y.detach().quantile(0.99)))
        (gradient,) = torch.autograd.grad(y[bright].sum(), x)
    size = gradient[0, 0].abs().float().cpu().numpy()
    return size / max(float(size.max()), np.finfo(np.float32).tiny)


def confidence(generator: Generator, others: Sequence[Generator], pixels: np.ndarray) -> np.ndarray:
    """Return noise / (noise + spread) for each pixel of a frame (H, W) in DN: (H, W) float32 in (0, 1].

    Spread is the root mean square difference in DN between the output and what the same generator made of the frame
    at other epochs, and noise the SD of the frame's noise: 1 where all agree, 1/2 where they differ by as much as the
    camera's own noise. It shows what training had not settled, and says nothing of what all epochs get wrong.
    """
    x, fit = seen(generator, pixels)
    y = fit.invert(translate(generator, x)).astype(np.float64)
    spread = np.sqrt(np.mean([(fit.invert(translate(other, x)) - y) ** 2 for other in others], axis=0))
    noise = max(noise_sd(pixels), 1e-6 * fit.scale)
    return (noise / (noise + spread)).astype(np.float32)

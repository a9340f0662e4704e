"""What a denoiser took out by mistake: seen in what it removed, and put back."""

import torch.nn.functional as F
from torch import Tensor

NOISE_SD = 0.1  # of noise, on the scale of a generator whose input is "noise"
BLOCK, AROUND = 4, 5  # px; blocks: the window in which what was removed is measured is 20 px wide
CERTAIN = 1.25  # times the power of noise: what is below may be chance
FULLY = 1.75  # times the power of noise: what is above is not
REACH = BLOCK * (AROUND // 2 + 1) + BLOCK  # px: how far around a pixel this looks


def put_back(x: Tensor, y: Tensor) -> Tensor:
    """Return the output of a denoiser with the structure that it removed, (N, 1, H, W), H and W multiples of 4.

    What a denoiser removes is noise, whose power is known here. Where it removed more, texture went with the noise,
    and the share of it that is not noise goes back (Wiener filter): with power p in units of the noise's, 1 - 1 / p.
    That share of the noise comes back too, so the share grows from CERTAIN on and is whole at FULLY.

    Args:
        x: the noisy frame, its noise of SD NOISE_SD everywhere.
        y: what the denoiser made of it.
    """
    removed = x - y
    power = F.avg_pool2d((removed / NOISE_SD) ** 2, BLOCK)
    power = F.avg_pool2d(power, AROUND, 1, AROUND // 2, count_include_pad=False)
    share = (1 - 1 / power.clamp(min=CERTAIN)) * ((power - CERTAIN) / (FULLY - CERTAIN)).clamp(0, 1)
    return y + F.interpolate(share, scale_factor=BLOCK, mode="bilinear") * removed
